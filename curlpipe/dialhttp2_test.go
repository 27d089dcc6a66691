package curlpipe

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// dialsHTTP2 makes a DialTLSContext whose connections agree on HTTP/2 if the server
// does.
func dialsHTTP2(s *server) func(context.Context, string, string) (net.Conn, error) {
	config := &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, NextProtos: []string{"h2", "http/1.1"}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, network, address)
	}
}

// dialUnverified is a DialTLSContext that agrees on HTTP/2 with any server.
func dialUnverified(ctx context.Context, network, address string) (net.Conn, error) {
	return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}).DialContext(ctx, network, address)
}

// TestHTTP2FromTheFirstByte uses HTTP/2 that libcurl does not agree on itself: over
// DialTLSContext, and without TLS. It requires that a program sees the same with both
// transports, and that the requests share one connection.
func TestHTTP2FromTheFirstByte(t *testing.T) {
	needsMultiplexing(t)
	table := map[string]func(base string) *http.Request{
		"get":             makeRequest("GET", "/inspect?q=1", nil),
		"head":            makeRequest("HEAD", "/large", nil),
		"large":           makeRequest("GET", "/large", nil),
		"flushed":         makeRequest("GET", "/flush", nil),
		"trailer":         makeRequest("GET", "/trailer", nil),
		"no content":      makeRequest("GET", "/no-content", nil),
		"too short":       makeRequest("GET", "/too-short", nil),
		"gzip":            makeRequest("GET", "/gzip", nil),
		"post":            makeRequest("POST", "/inspect", strings.NewReader("a=b")),
		"post large":      makeRequest("POST", "/inspect", strings.NewReader(strings.Repeat("x1", 1<<20))),
		"of no length":    makeRequest("PUT", "/inspect", onlyReader{strings.NewReader(strings.Repeat("x1", 1<<18))}),
		"redirect":        makeRequest("GET", "/redirect", nil),
		"authority":       makeRequest("GET", "/authority", nil),
		"field of 70 kB":  withHeader(makeRequest("GET", "/fields", nil), "X-Long", strings.Repeat("x", 70_000)),
		"body that fails": makeRequest("POST", "/inspect", io.MultiReader(strings.NewReader("x"), failingReader{})),
	}
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/authority" {
				fmt.Fprintln(writer, request.Host, request.TLS != nil, request.Proto)
				return
			}
			behaviour(writer, request)
		}, func(s *httptest.Server) { s.Config.Protocols = protocolsOf(2 + 4) })
		template := &http.Transport{Protocols: protocolsOf(4), MaxConnsPerHost: 1}
		if overTLS {
			template = &http.Transport{DialTLSContext: dialsHTTP2(s), ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
		}
		all := likeHTTPTransport(t, template)
		theirs, ours := &http.Client{Transport: all["net/http"]}, &http.Client{Transport: all["curlpipe"]}
		for name, request := range table {
			t.Run(name, func(t *testing.T) {
				want, got := observe(theirs, request(s.URL)), observe(ours, request(s.URL))
				for _, each := range []*seen{&want, &got} {
					each.Header.Del("Date")
				}
				require.Equal(t, want, got)
				require.True(t, want.Err == "error" || want.Proto == "HTTP/2.0", want.Proto)
			})
		}
		require.EqualValues(t, 1, all["curlpipe"].(*Transport).Stats().ConnectionsOpened)
	})
}

// written is what was written on a connection.
type written struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (w *written) note(from []byte) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.bytes.Write(from)
}

// recordingTLS and recordingConn keep what is written on a connection.
type (
	recordingTLS struct {
		*tls.Conn
		to *written
	}
	recordingConn struct {
		net.Conn
		to *written
	}
)

func (c recordingTLS) Write(from []byte) (int, error) {
	c.to.note(from)
	return c.Conn.Write(from)
}

func (c recordingConn) Write(from []byte) (int, error) {
	c.to.note(from)
	return c.Conn.Write(from)
}

// TestSchemeOverHTTP2 requires that the server is told https over DialTLSContext,
// although libcurl sees no TLS, and http without TLS.
func TestSchemeOverHTTP2(t *testing.T) {
	needsMultiplexing(t)
	const schemeHTTP, schemeHTTPS = 0x86, 0x87 // indexed fields [RFC 7541, appendix A]
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo, func(s *httptest.Server) { s.Config.Protocols = protocolsOf(2 + 4) })
		seen := &written{}
		transport := newTestTransport(t, nil, &Transport{
			Protocols: protocolsOf(2 + 4),
			DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
				connection, err := net.Dial(network, address)
				return recordingConn{connection, seen}, err
			},
			DialTLSContext: func(_ context.Context, _, address string) (net.Conn, error) {
				connection, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
				return recordingTLS{connection, seen}, err
			},
		})
		response, err := transport.RoundTrip(get(t, s.URL))
		require.NoError(t, err)
		readAll(t, response)
		require.Equal(t, overTLS, response.TLS != nil)
		require.NoError(t, transport.Close())
		seen.mutex.Lock()
		defer seen.mutex.Unlock()
		frames := bytes.TrimPrefix(seen.bytes.Bytes(), []byte(clientPreface))
		for frames[3] != frameHeaders {
			frames = frames[9+int(frames[1])<<8+int(frames[2]):]
		}
		wanted, other := byte(schemeHTTP), byte(schemeHTTPS)
		if overTLS {
			wanted, other = other, wanted
		}
		fields := frames[9:20] // perhaps with a priority before them
		require.Contains(t, fields, wanted)
		require.NotContains(t, fields, other)
	})
}

// TestManyOverDialTLSContext sends many requests at once, in both directions.
func TestManyOverDialTLSContext(t *testing.T) {
	needsMultiplexing(t)
	s := newServer(t, true, inspect)
	transport := newTestTransport(t, nil, &Transport{DialTLSContext: dialsHTTP2(s)})
	sendMixed(t, transport, s.URL, 200, 5, 3000)
	require.EqualValues(t, 1, s.accepted.Load())
}
