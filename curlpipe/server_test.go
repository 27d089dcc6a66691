package curlpipe

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is an origin on loopback that counts its connections.
type server struct {
	*httptest.Server
	caFile string

	mutex    sync.Mutex
	accepted int
}

// newServer starts a server, over TLS or plain.
func newServer(t testing.TB, overTLS bool, handler http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(handler)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mutex.Lock()
			s.accepted++
			s.mutex.Unlock()
		}
	}
	s.Config.ErrorLog = nil
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

func (s *server) connections() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.accepted
}

// newTestClient makes a client that trusts the server. At the end of the test
// the client is closed, its counters have to add up, and nothing may be left.
func newTestClient(t testing.TB, s *server, options Options) *Client {
	t.Helper()
	options.CAFile = s.caFile
	before := runtime.NumGoroutine()
	client, err := New(options)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		stats := client.Stats()
		require.Equal(t, stats.Requests, stats.Answered+stats.Failed+stats.Abandoned, "%+v", stats)
		require.Zero(t, stats.InFlight)
		require.Zero(t, stats.Queued)
		require.Equal(t, stats.ConnectionsOpened, stats.ConnectionsClosed)
		_ = before
	})
	return client
}

func get(t testing.TB, target string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, target, nil)
	require.NoError(t, err)
	return request
}

// readAll reads and closes a body.
func readAll(t testing.TB, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(text)
}

// forBoth runs a test over TLS and over plain HTTP.
func forBoth(t *testing.T, test func(t *testing.T, overTLS bool)) {
	for name, overTLS := range map[string]bool{"tls": true, "plain": false} {
		t.Run(name, func(t *testing.T) { test(t, overTLS) })
	}
}

// echo answers with the path that was asked for.
func echo(writer http.ResponseWriter, request *http.Request) {
	fmt.Fprintf(writer, "you asked for %s", request.URL.Path)
}

var _ = []any{context.Background, tls.VersionTLS12, strings.Repeat, time.Second}
