package curlpipe

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	dripLimit = time.Second // StallTimeout
	dripTime  = 2 * dripLimit
	dripPause = 20 * time.Millisecond
)

// newDripServer answers /drip with a beginning, then a piece again and again, and
// after dripTime with the end, and any other target honestly. began gets a value
// when it has sent the beginning.
func newDripServer(t testing.TB, beginning, piece, end string) (url string, began chan struct{}) {
	t.Helper()
	began = make(chan struct{}, 10)
	s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		for {
			target := readTarget(requests)
			switch target {
			case "":
				return
			case "/drip":
			default:
				_, _ = io.WriteString(connection, answerTo(target))
				continue
			}
			_, err := io.WriteString(connection, beginning)
			began <- struct{}{}
			for until := time.Now().Add(dripTime); err == nil && time.Now().Before(until); time.Sleep(dripPause) {
				_, err = io.WriteString(connection, piece)
			}
			_, _ = io.WriteString(connection, end)
		}
	})
	return s.url, began
}

// A server that sends a byte now and then keeps neither a caller nor the requests
// behind it waiting, although the connection never stalls.
func TestResponseThatDrips(t *testing.T) {
	var group sync.WaitGroup // they only wait, so all of them go at the same time
	defer group.Wait()
	const chunks = okLine + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		beginning, piece, end string
		others                int // requests that wait behind it
		fails                 bool
	}{
		"status line":           {"HTTP/1.1 200 O", "K", "\r\nContent-Length: 0\r\n\r\n", 0, true},
		"header section":        {okLine + "\r\nX: ", "x", "\r\nContent-Length: 0\r\n\r\n", 0, true},
		"header fields":         {okLine + "\r\n", "X: y\r\n", "Content-Length: 0\r\n\r\n", 3, true},
		"body before others":    {chunks, "1\r\nx\r\n", "0\r\n\r\n", 3, true},
		"chunk extension":       {chunks + "1", ";", "\r\nx\r\n0\r\n\r\n", 3, true},
		"trailer section":       {chunks + "1\r\nx\r\n0\r\n", "X: y\r\n", "\r\n", 3, true},
		"body alone":            {chunks, "1\r\nx\r\n", "0\r\n\r\n", 0, false},
		"interim responses":     {"", "HTTP/1.1 102 Processing\r\n\r\n", withLength(okLine, "", "x"), 0, false},
		"interim before others": {"", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", withLength(okLine, "", "x"), 3, false},
		"large body":            {chunks, "400\r\n" + strings.Repeat("x", 1024) + "\r\n", "0\r\n\r\n", 3, false},
	} {
		for _, pipelining := range []Pipelining{Auto, Off} {
			group.Go(func() {
				t.Run(name+" "+pipelining.String(), func(t *testing.T) {
					url, began := newDripServer(t, test.beginning, test.piece, test.end)
					transport := newTestTransport(t, nil, &Transport{Pipelining: pipelining, StallTimeout: dripLimit})
					fetchMany(t, transport, url, 1)
					ended := make(chan error, 1)
					go func() {
						response, err := transport.RoundTrip(get(t, url+"/drip"))
						if err == nil {
							_, err = io.Copy(io.Discard, response.Body)
							response.Body.Close()
						}
						ended <- err
					}()
					<-began
					fetchMany(t, transport, url, test.others)
					if test.fails {
						require.ErrorIs(t, <-ended, ErrStalled)
					} else {
						require.NoError(t, <-ended)
					}
					fetchMany(t, transport, url, 1)
					stats := transport.Stats()
					require.Zero(t, stats.Abandoned)
					require.EqualValues(t, map[bool]int{true: 2, false: 1}[test.fails], stats.ConnectionsOpened)
				})
			})
		}
	}
}
