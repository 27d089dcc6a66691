package curlpipe

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// servedServer is a server that calls serve for each connection, numbered from
// 0.
type servedServer struct {
	url      string
	accepted atomic.Int64
}

func newServedServer(t testing.TB, serve func(number int64, connection net.Conn, requests *bufio.Reader)) *servedServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s := &servedServer{url: "http://" + listener.Addr().String()}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			number := s.accepted.Add(1) - 1
			go func() {
				defer connection.Close()
				serve(number, connection, bufio.NewReader(connection))
			}()
		}
	}()
	return s
}

// address returns the address on which it listens.
func (s *servedServer) address() string { return strings.TrimPrefix(s.url, "http://") }

// readTarget reads a request without a body and returns its target; empty:
// there is none.
func readTarget(requests *bufio.Reader) string {
	request, err := http.ReadRequest(requests)
	if err != nil {
		return ""
	}
	return request.URL.Path
}

func answerTo(target string) string {
	text := "you asked for " + target
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}
