package curlpipe

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gathering is a connection that keeps what is written until send is called.
type gathering struct {
	net.Conn
	keep bool
	kept []byte
}

func (g *gathering) Write(bytes []byte) (int, error) {
	if !g.keep {
		return g.Conn.Write(bytes)
	}
	g.kept = append(g.kept, bytes...)
	return len(bytes), nil
}

// send sends what was kept, except the last octets.
func (g *gathering) send(without int) error {
	g.keep = false
	text := g.kept[:len(g.kept)-without]
	g.kept = g.kept[len(text):]
	_, err := g.Conn.Write(text)
	return err
}

// An unsolicited response follows an honest one in the same TLS record, in a
// record of its own, or in two. The bytes are sent in one segment, or cut into
// two: after the honest response, within the other one, or before its last
// octet. The second segment follows after a while.
var (
	strayRecords  = []string{"in its record", "in a record of its own", "in two records"}
	straySegments = []string{"in the same segment", "in a segment of its own", "half in a segment of its own", "its last octet in a segment of its own"}
	strayDelays   = []time.Duration{0, time.Millisecond, 5 * time.Millisecond}
)

// placement is one combination of these; each number is an index.
type placement struct{ record, segment, delay int }

// placements returns the combinations that differ.
func placements(overTLS bool) (all []placement) {
	for record := range strayRecords {
		for segment := range straySegments {
			for delay := range strayDelays {
				switch {
				case !overTLS && record > 0, segment == 0 && delay > 0:
				case overTLS && record == 0 && segment == 1: // the end of a record cannot be the start of another
				default:
					all = append(all, placement{record, segment, delay})
				}
			}
		}
	}
	return all
}

func (p placement) String() string {
	return fmt.Sprintf("%s, %s after %s", strayRecords[p.record], straySegments[p.segment], strayDelays[p.delay])
}

// place sends both responses, and returns when the last octet has been sent.
func (p placement) place(raw *gathering, connection io.Writer, honest, stray string) error {
	raw.keep = true
	records := [][]string{{honest + stray}, {honest, stray}, {honest, stray[:len(stray)/2], stray[len(stray)/2:]}}[p.record]
	own := 0 // octets of the stray one
	for i, record := range records {
		before := len(raw.kept)
		_, _ = io.WriteString(connection, record)
		if i > 0 {
			own += len(raw.kept) - before
		}
	}
	if own == 0 {
		own = len(stray) // over TLS also what follows its end
	}
	later := []int{0, own, (own + 1) / 2, 1}[p.segment]
	if err := raw.send(later); err != nil {
		return err
	}
	time.Sleep(strayDelays[p.delay])
	return raw.send(0)
}

var strays = map[string]string{
	"a response":            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Id: stray\r\n\r\nstray",
	"a 408":                 "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 5\r\nX-Id: stray\r\n\r\nstray",
	"a 100":                 "HTTP/1.1 100 Continue\r\n\r\n",
	"a blank line":          "\r\n",
	"junk":                  "junk",
	"a response's start":    "HTTP/1.1 200 OK\r\nX-Id: stray\r\nX-Rest: ",
	"a response in chunks":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Id: stray\r\n\r\n5\r\nstray\r\n0\r\n\r\n",
	"a response by its end": "HTTP/1.1 200 OK\r\nX-Id: stray\r\n\r\nstray",
}

// strayServer answers requests with their targets. The second answer on its
// first connection is followed by an unsolicited response.
type strayServer struct {
	url    string
	placed chan error // the stray is on its way
}

func newStrayServer(t testing.TB, version uint16, certificates []tls.Certificate, place func(*gathering, io.Writer, string) error) *strayServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s := &strayServer{url: "http://" + listener.Addr().String(), placed: make(chan error, 1)}
	if version != 0 {
		s.url = "https" + s.url[len("http"):]
	}
	var once sync.Once
	go func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			raw := &gathering{Conn: accepted}
			var connection net.Conn = raw
			if version != 0 {
				connection = tls.Server(raw, &tls.Config{Certificates: certificates, MinVersion: version, MaxVersion: version, NextProtos: []string{"http/1.1"}})
			}
			go func() {
				defer accepted.Close()
				reader := bufio.NewReader(connection)
				for number := 0; ; number++ {
					request, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, request.Body)
					honest := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Id: %[2]s\r\n\r\n", len(request.URL.Path), request.URL.Path)
					if request.Method != http.MethodHead {
						honest += request.URL.Path
					}
					placed := false
					if number == 1 {
						once.Do(func() {
							placed = true
							s.placed <- place(raw, connection, honest)
						})
					}
					if !placed {
						_, _ = io.WriteString(connection, honest)
					}
				}
			}()
		}
	}()
	return s
}

// ask requests a path and requires its own response.
func ask(t testing.TB, transport *Transport, method, url, path, describe string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, nil)
	require.NoError(t, err)
	response, err := transport.RoundTrip(request)
	require.NoError(t, err, describe)
	require.Equal(t, path, response.Header.Get("X-Id"), describe)
	if body := readAll(t, response); method != http.MethodHead {
		require.Equal(t, path, body, describe)
	}
}

// straySampled is the share of the table that TestUnsolicitedResponses tries
// unless it tries all: one in this many. It is a prime, so that each value of
// each dimension is tried.
const straySampled = 29

// An unsolicited response belongs to no request, wherever it arrives. It costs
// its connection, but the next request does not fail. The response is sent
// before that request is made; no client can tell one that arrives later from
// an answer.
func TestUnsolicitedResponses(t *testing.T) {
	authority := newIssuer(t)
	certificates := []tls.Certificate{authority.issue(t, unchanged, "127.0.0.1")}
	for _, version := range []uint16{0, tls.VersionTLS12, tls.VersionTLS13} {
		for _, coalesce := range []bool{true, false} {
			if version == 0 && !coalesce {
				continue // it is about TLS records
			}
			t.Run(fmt.Sprintf("%s coalesce=%v", tls.VersionName(version), coalesce), func(t *testing.T) {
				t.Parallel()
				seen, from, tried := 0, rand.IntN(straySampled), 0
				for _, placement := range placements(version != 0) {
					for kind, stray := range strays {
						for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
							if seen++; !long() && seen%straySampled != from {
								continue
							}
							tried++
							describe := fmt.Sprintf("%s %s, behind %s", kind, placement, method)
							s := newStrayServer(t, version, certificates, func(raw *gathering, connection io.Writer, honest string) error {
								return placement.place(raw, connection, honest, stray)
							})
							transport := &Transport{DisableCoalescing: !coalesce, RootCAs: authority.pem()}
							ask(t, transport, http.MethodGet, s.url, "/0", describe)
							ask(t, transport, method, s.url, "/1", describe)
							if err := <-s.placed; !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) { // closed at its first byte
								require.NoError(t, err)
							}
							ask(t, transport, http.MethodGet, s.url, "/2", describe)
							ask(t, transport, http.MethodGet, s.url, "/3", describe)
							require.NoError(t, transport.Close())
						}
					}
				}
				t.Logf("%d of %d", tried, seen)
			})
		}
	}
}
