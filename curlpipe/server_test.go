package curlpipe

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// server is an origin on loopback that counts its connections.
type server struct {
	*httptest.Server
	caFile   string
	accepted atomic.Int64
}

// newServer starts a server, over TLS or plain. The configurations are applied
// before it starts.
func newServer(t testing.TB, overTLS bool, handler http.HandlerFunc, configure ...func(*httptest.Server)) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(handler)}
	s.Config.ErrorLog = quiet()
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.accepted.Add(1)
		}
	}
	for _, change := range configure {
		change(s.Server)
	}
	s.EnableHTTP2 = overTLS && multiplexes(t) // where requests can share a connection
	if overTLS {
		s.StartTLS()
		s.caFile = filepath.Join(t.TempDir(), "ca.pem")
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		require.NoError(t, os.WriteFile(s.caFile, certificate, 0o600))
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

// quiet is a log that nobody reads: in many tests, handshakes fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// newRawServer answers each request, without reading its content, with the
// given bytes, and then closes the connection if thenClose is set.
func newRawServer(t testing.TB, answer string, thenClose bool) (url string) {
	t.Helper()
	return newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		for readTarget(requests) != "" {
			if _, err := io.WriteString(connection, answer); err != nil || thenClose {
				return
			}
		}
	}).url
}

// newTestClient makes a client that trusts the server. The end of the test
// closes it and requires that its counters add up.
func newTestClient(t testing.TB, s *server, transport *Transport) *Client {
	t.Helper()
	if s != nil {
		transport.CAFile = s.caFile
	}
	client, err := New(transport)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		stats := client.Stats()
		require.Equal(t, stats.Requests, stats.Answered+stats.Failed+stats.Abandoned, "%+v", stats)
		require.Zero(t, stats.InFlight)
		require.Zero(t, stats.Queued)
		require.Zero(t, stats.EasyHandles)
		require.Equal(t, stats.ConnectionsOpened, stats.ConnectionsClosed)
	})
	return client
}

// noListener returns an address that refuses connections, and that nobody else can
// listen on during the test.
func noListener(t testing.TB) string {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(socket) })
	unix.CloseOnExec(socket)
	require.NoError(t, unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := unix.Getsockname(socket)
	require.NoError(t, err)
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
}

func get(t testing.TB, target string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, target, nil)
	require.NoError(t, err)
	return request
}

// fetch gets a URL, requires a response, and returns its body.
func fetch(t testing.TB, client *Client, target string) string {
	t.Helper()
	response, err := client.Do(t.Context(), get(t, target))
	require.NoError(t, err)
	return readAll(t, response)
}

// readAll reads and closes a body.
func readAll(t testing.TB, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(text)
}

// long reports whether tests should try all of their tables.
func long() bool { return os.Getenv("CURLPIPE_LONG") != "" }

// systemLibcurl reports whether this libcurl is not one of our builds.
func systemLibcurl() bool {
	lib, err := loadedLibrary()
	return err == nil && !lib.patched
}

// handlesServeOnce reports whether easy handles of this libcurl get no second
// response over HTTP/1.1; see remembers_headers in package cshim.
func handlesServeOnce(t testing.TB) bool {
	t.Helper()
	lib, err := loadedLibrary()
	require.NoError(t, err)
	return lib.number >= 0x75400 && lib.number < 0x80100
}

// multiplexes reports whether this libcurl multiplexes HTTP/2.
func multiplexes(t testing.TB) bool {
	t.Helper()
	lib, err := loadedLibrary()
	require.NoError(t, err)
	mode, err := lib.mode(Auto, true)
	return err == nil && mode == ModeMultiplexing
}

// notShort skips, with -short, a test that takes long and is the same on every
// system.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes long: not with -short")
	}
}

// until waits for something that is about to happen.
func until(t testing.TB, happened func() bool, what string) {
	t.Helper()
	require.Eventually(t, happened, time.Minute, time.Millisecond, what)
}

// forBoth runs a test over TLS and over plain HTTP.
func forBoth(t *testing.T, test func(t *testing.T, overTLS bool)) {
	t.Run("tls", func(t *testing.T) { test(t, true) })
	t.Run("plain", func(t *testing.T) { test(t, false) })
}

// needsPipelining skips an HTTP/1.1 pipelining test if libcurl does not
// pipeline.
func needsPipelining(t testing.TB) {
	t.Helper()
	if systemLibcurl() {
		t.Skip("this libcurl does not pipeline HTTP/1.1")
	}
}

// echo answers with the requested path.
func echo(writer http.ResponseWriter, request *http.Request) {
	fmt.Fprintf(writer, "you asked for %s", request.URL.Path)
}

// gate is a handler that holds requests for /wait until it is opened, at the
// latest at the end of the test. It echoes others.
type gate struct {
	arrived chan struct{} // one for each request that waits
	open    func()
	opened  <-chan struct{}
}

func newGateServer(t testing.TB, overTLS bool) (*server, *gate) {
	opened, open := context.WithCancel(context.Background())
	g := &gate{arrived: make(chan struct{}, 1000), open: open, opened: opened.Done()}
	s := newServer(t, overTLS, g.ServeHTTP)
	t.Cleanup(open)
	return s, g
}

func (g *gate) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/wait" {
		g.arrived <- struct{}{}
		<-g.opened
	}
	echo(writer, request)
}
