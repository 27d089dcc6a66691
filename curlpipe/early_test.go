package curlpipe

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// newEarlyServer answers a request with "answer" as soon as its header section
// has arrived, and then waits for the client to close the connection. It echoes
// a GET.
func newEarlyServer(t *testing.T, answer string) (target string, accepted *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	accepted = new(atomic.Int64)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			go func() {
				defer connection.Close()
				requests := bufio.NewReader(connection)
				for {
					request, err := http.ReadRequest(requests)
					if err != nil {
						return
					}
					if request.Method == http.MethodGet {
						_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")
						continue
					}
					_, _ = io.WriteString(connection, answer)
					_, _ = io.Copy(io.Discard, requests)
					return
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), accepted
}

// TestResponseBeforeTheUploadEnds requires that a complete response is complete
// for its caller while the request's body still waits in a Read, which ends with
// the test. The connection is not used again, because the rest of the body would
// be taken for a request.
func TestResponseBeforeTheUploadEnds(t *testing.T) {
	for name, each := range map[string]struct{ answer, body string }{
		"length":           {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly", "early"},
		"length 0":         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"no content":       {"HTTP/1.1 204 No Content\r\n\r\n", ""},
		"chunked":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n0\r\n\r\n", "early"},
		"chunked, trailer": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n0\r\nX-Sum: 1\r\n\r\n", "early"},
		"close":            {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly", "early"},
		"redirection":      {"HTTP/1.1 303 See Other\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nearly", "early"},
		"refused":          {"HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly", "early"},
		"not authorised":   {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 5\r\n\r\nearly", "early"},
		"interim first":    {"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly", "early"},
		"large":            {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 100000), strings.Repeat("x", 100000)},
	} {
		for _, expect := range []string{"", "100-continue"} {
			for method, said := range map[string]int64{http.MethodPost: -1, http.MethodPut: 100} {
				t.Run(name+" "+method+" "+expect, func(t *testing.T) {
					target, accepted := newEarlyServer(t, each.answer)
					transport := newTestTransport(t, nil, &Transport{})
					released, release := context.WithCancel(context.Background())
					reader := &blockedReader{text: "begin", blocked: make(chan struct{}), release: released.Done()}
					body := &watchedBody{Reader: reader}
					request, err := http.NewRequest(method, target, body)
					require.NoError(t, err)
					request.ContentLength = said
					if expect != "" {
						request.Header.Set("Expect", expect)
					}
					response, err := transport.RoundTrip(request)
					require.NoError(t, err)
					require.Equal(t, each.body, readAll(t, response))
					require.Equal(t, "next", readAll(t, open(t.Context(), t, transport, target)))
					require.EqualValues(t, 2, accepted.Load())
					require.Zero(t, transport.Stats().Retries)
					release()
					body.closedOnce(t)
				})
			}
		}
	}
}

// The body of a request that is answered before its end stays open for a moment, so
// that whatever writes a small body ends without an error.
func TestBodyOfAnEarlyAnswerMayEnd(t *testing.T) {
	target, _ := newEarlyServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
	for which, roundTripper := range bothTransports(t, nil) {
		t.Run(which, func(t *testing.T) {
			body, writer := io.Pipe()
			answered := make(chan struct{})
			wrote := make(chan error, 1)
			go func() {
				_, err := writer.Write([]byte("the beginning"))
				<-answered
				if err == nil {
					_, err = writer.Write([]byte("the end"))
				}
				_ = writer.Close()
				wrote <- err
			}()
			request, err := http.NewRequest(http.MethodPost, target, body)
			require.NoError(t, err)
			response, err := roundTripper.RoundTrip(request)
			require.NoError(t, err)
			close(answered)
			require.Equal(t, "early", readAll(t, response))
			require.NoError(t, <-wrote)
		})
	}
}

// A body that goes on after that is closed.
func TestBodyOfAnEarlyAnswerIsClosed(t *testing.T) {
	target, _ := newEarlyServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
	body, writer := io.Pipe()
	wrote := make(chan error, 1)
	go func() {
		for {
			if _, err := writer.Write([]byte("and so on")); err != nil {
				wrote <- err
				return
			}
		}
	}()
	request, err := http.NewRequest(http.MethodPost, target, body)
	require.NoError(t, err)
	response, err := newTestTransport(t, nil, &Transport{}).RoundTrip(request)
	require.NoError(t, err)
	require.Equal(t, "early", readAll(t, response))
	require.ErrorIs(t, <-wrote, io.ErrClosedPipe)
}
