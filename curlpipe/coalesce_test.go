package curlpipe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// narrow is a listener whose connections have small buffers.
type narrow struct{ net.Listener }

func (n narrow) Accept() (net.Conn, error) {
	connection, err := n.Listener.Accept()
	if err == nil {
		err = connection.(*net.TCPConn).SetReadBuffer(256 << 10)
	}
	return connection, err
}

// The server reads nothing until the client's socket and the buffer in front of
// it are full. Everything arrives, whole, once and in order.
func TestFullSocket(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		t.Run(fmt.Sprintf("DisableCoalescing=%v", disabled), func(t *testing.T) {
			needsPipelining(t)
			release := make(chan struct{})
			open := sync.OnceFunc(func() { close(release) })
			defer open()
			var arriving sync.Mutex
			var paths []string
			s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
				if request.URL.Path != "/0" { // the client waits for this response
					<-release
				}
				arriving.Lock()
				paths = append(paths, request.URL.Path)
				arriving.Unlock()
				_, _ = io.WriteString(writer, request.URL.Path+request.Header.Get("X-Padding")[:1])
			}, func(server *httptest.Server) { server.Listener = narrow{server.Listener} })
			client := newTestClient(t, s, &Transport{MaxPipelineDepth: 400, DisableCoalescing: disabled})
			var requests []*http.Request
			var wanted []string
			for i := range 400 {
				request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/%d", s.URL, i), nil)
				require.NoError(t, err)
				// all sizes: records that are gathered, fill the buffer, exceed it
				request.Header.Set("X-Padding", strings.Repeat("x", 1+i*97%40_000))
				requests, wanted = append(requests, request), append(wanted, request.URL.Path)
			}
			done := make(chan []Result, 1)
			go func() { done <- client.DoBatch(context.Background(), requests) }()
			require.Eventually(t, func() bool { return client.Stats().WantWrite > 0 }, 30*time.Second, time.Millisecond)
			open()
			for i, result := range <-done {
				require.NoError(t, result.Err)
				body, err := io.ReadAll(result.Response.Body)
				require.NoError(t, err)
				require.Equal(t, wanted[i]+"x", string(body))
			}
			arriving.Lock()
			defer arriving.Unlock()
			require.Equal(t, wanted, paths)
			require.EqualValues(t, 1, client.Stats().ConnectionsOpened)
		})
	}
}

// A server that ends the connection while bytes wait to be sent loses only the
// requests in flight: later requests use another connection.
func TestResetUnderWhatWasGathered(t *testing.T) {
	needsPipelining(t)
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/reset" {
			connection, _, err := http.NewResponseController(writer).Hijack()
			if err == nil {
				connection.Close()
			}
			return
		}
		echo(writer, request)
	})
	client := newTestClient(t, s, &Transport{MaxRetries: -1})
	for range 20 {
		var requests []*http.Request
		for i := range 50 {
			path := "/echo"
			if i == 0 {
				path = "/reset"
			}
			request, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
			require.NoError(t, err)
			requests = append(requests, request)
		}
		results := client.DoBatch(context.Background(), requests)
		require.Error(t, results[0].Err)
		for _, result := range results[1:] {
			if result.Err == nil { // it had waited for the first response
				require.Equal(t, http.StatusOK, result.Response.StatusCode)
			}
		}
		fetchAll(t, client, s.URL, 10)
	}
}
