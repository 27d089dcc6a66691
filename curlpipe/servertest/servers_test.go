// Package servertest has the library talk to the servers that people run:
// nginx, Apache httpd, HAProxy and lighttpd as Debian builds them, and Go's own.
// The tests start them on loopback, with the configurations in testdata.
package servertest

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/curlpipe"
)

const (
	requests = 10_000 // for each server
	depth    = 100
	callers  = 150
	limit    = 1000 // requests on a connection, for servers that can limit them
)

// TestServers sends 10,000 pipelined requests to each server. It expects as
// many connections as the server requires: one, or one for each limit requests.
func TestServers(t *testing.T) {
	folder := openFolder(t)
	documents := newLibrary(t, folder)
	backend := httptest.NewServer(documents.serve(folder))
	defer backend.Close()
	base := setting{
		Documents: folder, Backend: backend.Listener.Addr().String(), User: "www-data", Modules: "/usr/lib/apache2/modules",
		Certificate: writeCertificate(t),
	}
	base.BackendHost, base.BackendPort, _ = net.SplitHostPort(base.Backend)
	for _, overTLS := range []bool{true, false} {
		s := base
		s.TLS = overTLS
		scheme := map[bool]string{true: "tls", false: "plain"}[overTLS]
		t.Run("net-http/"+scheme, func(t *testing.T) {
			measure(t, documents, s, startGo(t, documents.serve(folder), s), 1)
		})
		for _, p := range programs {
			t.Run(p.name+"/"+scheme, func(t *testing.T) {
				if p.name == "apache2" && overTLS && !pipelines(t) {
					t.Skip("Debian's Apache ends its HTTP/2 connection now and then, and libcurl 7.88 was seen not to start again in 1 of 30 runs")
				}
				measure(t, documents, s, p.start(t, s), 1)
			})
		}
	}
	for _, p := range programs {
		if !p.limits {
			continue
		}
		t.Run(fmt.Sprintf("%s/tls/%d requests a connection", p.name, limit), func(t *testing.T) {
			s := base
			s.TLS = true
			s.KeepAliveRequests = limit
			measure(t, documents, s, p.start(t, s), requests/limit)
		})
	}
}

// pipelines reports whether this libcurl pipelines.
func pipelines(t *testing.T) bool {
	transport := &curlpipe.Transport{}
	defer transport.Close()
	client, err := curlpipe.New(transport)
	require.NoError(t, err)
	return client.Stats().Mode == curlpipe.ModePipelining
}

// startGo starts net/http's server and returns its address.
func startGo(t *testing.T, handler http.Handler, s setting) string {
	server := httptest.NewUnstartedServer(handler)
	if s.TLS {
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Certificate)
		require.NoError(t, err)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// measure sends the requests and checks the results.
func measure(t *testing.T, documents library, s setting, address string, connections int) {
	transport := &curlpipe.Transport{CAFile: s.Certificate, MaxPipelineDepth: depth}
	defer transport.Close()
	client, err := curlpipe.New(transport)
	require.NoError(t, err)
	if mode := client.Stats().Mode; connections > 1 && mode != curlpipe.ModePipelining {
		t.Skipf("about requests that a server leaves unanswered in the pipeline; this libcurl's mode is %s", mode)
	}
	url := map[bool]string{true: "https://", false: "http://"}[s.TLS] + address
	begun := time.Now()

	var next, chunked atomic.Int64
	var depths sync.Mutex
	var deepest int64
	var group sync.WaitGroup
	var first sync.Once // the first error is the most useful one
	failed := func(err error) { first.Do(func() { t.Error(err) }) }
	for range callers {
		group.Go(func() {
			for number := int(next.Add(1)) - 1; number < requests; number = int(next.Add(1)) - 1 {
				d := documentOf(number)
				request, _ := http.NewRequest(http.MethodGet, url+d.path(), nil)
				request.Header.Set("Accept-Encoding", "identity")
				response, err := transport.RoundTrip(request)
				if err != nil {
					failed(err)
					return
				}
				if number%10 == 0 {
					depths.Lock()
					deepest = max(deepest, transport.Stats().InFlight)
					depths.Unlock()
				}
				if len(response.TransferEncoding) > 0 {
					chunked.Add(1)
				}
				if err := documents.check(d, response); err != nil {
					failed(err)
					return
				}
			}
		})
	}
	group.Wait()
	stats := transport.Stats()
	t.Logf("%d requests in %s, %d in flight at most, %d chunked, %d connections, %d sent again",
		requests, time.Since(begun).Round(time.Millisecond), deepest, chunked.Load(), stats.ConnectionsOpened, stats.Retries)
	require.EqualValues(t, requests, stats.Answered)
	require.EqualValues(t, connections, stats.ConnectionsOpened)
	switch stats.Mode {
	case curlpipe.ModePipelining:
		require.Positive(t, chunked.Load())
		require.EqualValues(t, depth, deepest)
	case curlpipe.ModeMultiplexing:
		if s.TLS {
			require.Greater(t, deepest, int64(1))
		}
	}
	if connections > 1 {
		require.Positive(t, stats.Retries) // requests that the server had read and not answered
		return
	}
	require.Zero(t, stats.Retries)
}
