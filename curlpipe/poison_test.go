package curlpipe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// poisoned is the number of requests behind a malformed response.
const poisoned = 13

// newPoisonServer answers /bad with the text, and any other target with the
// target. On its first connection it answers /bad only after those behind have
// arrived. On another one, /bad is the first request, and they wait.
func newPoisonServer(t testing.TB, bad string, behind int) (url string) {
	t.Helper()
	return newServedServer(t, func(number int64, connection net.Conn, requests *bufio.Reader) {
		var answers strings.Builder
		for owed := 0; ; {
			target := readTarget(requests)
			switch target {
			case "":
				return
			case "/bad":
				answers.WriteString(bad)
				if number == 0 {
					owed = behind
				}
				if owed == 0 {
					answers.WriteString(withLength(okLine, "", "what nobody has asked for"))
				}
			default:
				answers.WriteString(withLength("HTTP/1.1 200 OK", "", target))
				owed--
			}
			if owed > 0 {
				continue
			}
			if _, err := io.WriteString(connection, answers.String()); err != nil {
				return
			}
			answers.Reset()
		}
	}).url
}

// Only the request with the malformed response fails. The server also sends
// answers to those behind it, which libcurl would assign wrongly. They get
// their own responses on another connection.
func TestMalformedResponsePoisonsNobody(t *testing.T) {
	kinds := malformedKinds(t)
	require.GreaterOrEqual(t, len(kinds), 95)
	behind := poisoned
	if systemLibcurl() {
		behind = 0 // they wait for their turn
	}
	for _, kind := range kinds {
		text, name := kind.text("id=bad;"), kind.name
		url := newPoisonServer(t, text, behind)
		client, err := New(&Transport{MaxRetries: 3})
		require.NoError(t, err)
		fetch(t, client, url+"/first")
		requests := []*http.Request{get(t, url+"/bad")}
		for i := range poisoned {
			requests = append(requests, get(t, fmt.Sprintf("%s/%d", url, i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		results := client.DoBatch(ctx, requests)
		cancel()
		if results[0].Err == nil || !errors.Is(results[0].Err, ErrMalformedResponse) {
			t.Errorf("%s: %v", name, results[0].Err)
		}
		for i, result := range results[1:] {
			require.NoError(t, result.Err, name)
			require.Equal(t, fmt.Sprintf("/%d", i), readAll(t, result.Response), name)
		}
		require.NoError(t, client.Close())
	}
}

// A final response before the body was requested ends the connection, because
// the server would take the next request for the body.
func TestExpectContinueThatIsAnsweredFinally(t *testing.T) {
	for _, status := range []string{"200 OK", "204 No Content", "302 Found", "401 Unauthorized", "413 Content Too Large", "417 Expectation Failed", "500 Internal Server Error"} {
		t.Run(status, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			after := make(chan string, 10) // what arrives on a connection whose request was incomplete
			go func() {
				for {
					connection, err := listener.Accept()
					if err != nil {
						return
					}
					go func() {
						defer connection.Close()
						for reader := bufio.NewReader(connection); ; {
							request, err := http.ReadRequest(reader)
							if err != nil {
								return
							}
							if request.Header.Get("Expect") == "" {
								_, _ = io.WriteString(connection, withLength("HTTP/1.1 200 OK", "", request.URL.Path))
								continue
							}
							length := "Content-Length: 0\r\n"
							if strings.HasPrefix(status, "204") {
								length = ""
							}
							_, _ = io.WriteString(connection, "HTTP/1.1 "+status+"\r\n"+length+"\r\n")
							rest, _ := io.ReadAll(reader)
							after <- string(rest)
							return
						}
					}()
				}
			}()
			url := "http://" + listener.Addr().String()
			client := newTestClient(t, nil, &Transport{MaxRetries: -1})
			fetch(t, client, url+"/first")
			request, err := http.NewRequest(http.MethodPut, url+"/put", strings.NewReader("body"))
			require.NoError(t, err)
			request.Header.Set("Expect", "100-continue")
			response, err := client.Do(t.Context(), request)
			require.NoError(t, err)
			require.Equal(t, status, response.Status)
			require.Equal(t, "/next", fetch(t, client, url+"/next"))
			require.Contains(t, []string{"", "body"}, <-after)
		})
	}
}
