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

// quiet is a log that nobody reads: many tests have handshakes fail.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// newRawServer answers each request, without looking at it, with the bytes
// given, and then closes the connection if told so.
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

// newTestClient makes a client that trusts the server. At the end of the test
// the client is closed, and its counters have to add up.
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

func get(t testing.TB, target string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, target, nil)
	require.NoError(t, err)
	return request
}

// fetch gets a URL that has to be answered, and returns the body.
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

// long tells whether tests are to walk the whole of their tables.
func long() bool { return os.Getenv("CURLPIPE_LONG") != "" }

// systemLibcurl tells whether the libcurl at hand is not one of ours.
func systemLibcurl() bool {
	lib, err := loadedLibrary()
	return err == nil && !lib.patched
}

// handlesServeOnce tells whether the libcurl at hand is one whose easy handles get
// no second response over HTTP/1.1; see remembers_headers in package cshim.
func handlesServeOnce(t testing.TB) bool {
	t.Helper()
	lib, err := loadedLibrary()
	require.NoError(t, err)
	return lib.number >= 0x75400 && lib.number < 0x80100
}

// multiplexes tells whether the libcurl at hand does, over HTTP/2.
func multiplexes(t testing.TB) bool {
	t.Helper()
	lib, err := loadedLibrary()
	require.NoError(t, err)
	mode, err := lib.mode(Auto, true)
	return err == nil && mode == ModeMultiplexing
}

// notShort skips a test, with -short, that takes long and is the same on every
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

// needsPipelining skips a test that is about HTTP/1.1 pipelining.
func needsPipelining(t testing.TB) {
	t.Helper()
	if systemLibcurl() {
		t.Skip("this libcurl does not pipeline HTTP/1.1")
	}
}

// echo answers with the path that was asked for.
func echo(writer http.ResponseWriter, request *http.Request) {
	fmt.Fprintf(writer, "you asked for %s", request.URL.Path)
}

// gate is a handler that keeps requests whose path is /wait until it is opened,
// at the latest at the end of the test; others are echoed.
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
