package curlpipe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConnectLikeNetHTTP requires that a proxy gets the same CONNECT from both
// transports, and that the functions about it have the same effects.
func TestConnectLikeNetHTTP(t *testing.T) {
	refused := errors.New("not through that one")
	type hook = func(context.Context, *url.URL, string) (http.Header, error)
	for name, each := range map[string]struct {
		header http.Header
		of     hook
		on     func(context.Context, *url.URL, *http.Request, *http.Response) error
		user   *url.Userinfo
		answer string
		fails  string
		is     error
	}{
		"none":               {},
		"ProxyConnectHeader": {header: http.Header{"X-Team": {"a", "b"}, "User-Agent": {"mine"}}},
		"GetProxyConnectHeader": {header: http.Header{"X-Team": {"unused"}}, of: func(_ context.Context, proxy *url.URL, target string) (http.Header, error) {
			return http.Header{"X-For": {proxy.Scheme + " " + target}}, nil
		}},
		"GetProxyConnectHeader that fails": {of: func(context.Context, *url.URL, string) (http.Header, error) { return nil, refused }, fails: refused.Error(), is: refused},
		"credentials":                      {user: url.UserPassword("u", "@/?!")},
		"OnProxyConnectResponse": {on: func(_ context.Context, _ *url.URL, request *http.Request, response *http.Response) error {
			if request.Method != http.MethodConnect || response.StatusCode != http.StatusOK {
				return errors.New("asked about " + request.Method + " " + response.Status)
			}
			return refused
		}, fails: refused.Error(), is: refused},
		"the proxy refuses": {answer: "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", fails: "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, true, echo)
			came := make(chan string, 2)
			proxy := newServedServer(t, func(_ int64, client net.Conn, requests *bufio.Reader) {
				request, err := http.ReadRequest(requests)
				if err != nil {
					return
				}
				var text strings.Builder
				fmt.Fprintln(&text, request.Method, request.RequestURI, request.Host)
				_ = request.Header.Write(&text)
				came <- text.String()
				if each.answer != "" {
					_, _ = io.WriteString(client, each.answer)
					return
				}
				server, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					return
				}
				defer server.Close()
				_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
				go func() { _, _ = io.Copy(server, requests) }()
				_, _ = io.Copy(client, server)
			})
			sent := make(map[string]string)
			for which, roundTripper := range likeHTTPTransport(t, trusting(s, &http.Transport{
				Proxy:              http.ProxyURL(&url.URL{Scheme: "http", Host: proxy.address(), User: each.user}),
				ProxyConnectHeader: each.header, GetProxyConnectHeader: each.of, OnProxyConnectResponse: each.on,
			})) {
				response, err := roundTripper.RoundTrip(get(t, s.URL+"/x"))
				if each.fails != "" {
					require.ErrorContains(t, err, each.fails, which)
					require.True(t, each.is == nil || errors.Is(err, each.is), which)
				} else {
					require.NoError(t, err, which)
					require.Equal(t, "you asked for /x", readAll(t, response), which)
				}
				if each.of == nil || each.fails == "" {
					sent[which] = <-came
				}
			}
			require.Equal(t, sent["net/http"], sent["curlpipe"])
		})
	}
}

// TestRetryLikeNetHTTP uses a server that ends a connection at rest, when it gets the
// next request. That request is sent again if it may be repeated. PUT and DELETE may,
// too [RFC 9110 section 9.2.2]; net/http does not send those again.
func TestRetryLikeNetHTTP(t *testing.T) {
	for name, each := range map[string]struct {
		method, body, key string
		again             bool
	}{
		"GET":                     {"GET", "", "", true},
		"OPTIONS":                 {"OPTIONS", "", "", true},
		"GET with a body":         {"GET", "text", "", true},
		"POST":                    {"POST", "text", "", false},
		"POST with a key":         {"POST", "text", "Idempotency-Key", true},
		"POST with the old key":   {"POST", "", "X-Idempotency-Key", true},
		"PATCH with a key":        {"PATCH", "text", "Idempotency-Key", true},
		"PATCH":                   {"PATCH", "", "", false},
		"own method":              {"BREW", "", "", false},
		"own method with the key": {"BREW", "", "X-Idempotency-Key", true},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
				m := newMortal(t, 1, false)
				readAll(t, open(t.Context(), t, roundTripper, m.url+"/alive"))
				request, err := http.NewRequest(each.method, m.url+"/mortal", strings.NewReader(each.body))
				require.NoError(t, err)
				if each.key != "" {
					request.Header[each.key] = []string{"1"}
				}
				response, err := roundTripper.RoundTrip(request)
				require.Equal(t, each.again, err == nil, "%s: %v", which, err)
				if err == nil {
					readAll(t, response)
				} else {
					require.ErrorIs(t, err, io.EOF, which)
				}
				require.Equal(t, map[bool]int64{false: 1, true: 2}[each.again], m.seen.Load(), which)
			}
		})
	}
}

// TestTransferCodingsThatAreRefused requires that both transports refuse codings
// other than chunked, because the length of such a body is not known.
func TestTransferCodingsThatAreRefused(t *testing.T) {
	for _, coding := range []string{"gzip, chunked", "gzip", "identity", "chunked, gzip", "chunked, chunked", "chunked\r\nTransfer-Encoding: chunked"} {
		address := newRawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+coding+"\r\n\r\n4\r\ntext\r\n0\r\n\r\n", true)
		for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
			require.Error(t, failureOf(t, roundTripper, get(t, address)), "%s: %s", which, coding)
		}
	}
	address := newRawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n4\r\ntext\r\n0\r\n\r\n", true)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
		response := open(t.Context(), t, roundTripper, address)
		require.Equal(t, []string{"chunked"}, response.TransferEncoding, which)
		require.Equal(t, "text", readAll(t, response), which)
	}
}

// TestAnnouncedTrailer requires that the announced fields are there before the body is
// read, without values, and get them at its end. Another field joins them.
func TestAnnouncedTrailer(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, _ *http.Request) {
			writer.Header().Add("Trailer", "X-Sum, x-time")
			writer.Header().Add("Trailer", "X-Never")
			_, _ = io.WriteString(writer, "body")
			_ = http.NewResponseController(writer).Flush()
			writer.Header().Set("X-Sum", "42")
			writer.Header().Set("X-Time", "1s")
			writer.Header().Set(http.TrailerPrefix+"X-More", "yes")
		})
		for which, make := range yardsticks {
			response := open(t.Context(), t, make(t, s), s.URL)
			require.Equal(t, http.Header{"X-Sum": nil, "X-Time": nil, "X-Never": nil}, response.Trailer, which)
			require.Empty(t, response.Header["Trailer"], which)
			require.Equal(t, "body", readAll(t, response))
			require.Equal(t, http.Header{"X-Sum": {"42"}, "X-Time": {"1s"}, "X-Never": nil, "X-More": {"yes"}}, response.Trailer, which)
		}
	})
}

// TestHooksOfFailures requires that the same hooks run for a request without a
// response: when its connection is refused, its host is not found, its certificate is
// not trusted, or the server ends the connection.
func TestHooksOfFailures(t *testing.T) {
	untrusted := newServer(t, true, echo)
	for name, target := range map[string]string{
		"refused":      "http://" + noListener(t),
		"no such host": "http://nobody.invalid/",
		"certificate":  untrusted.URL,
		"no response":  "http://" + rawConns(t, nil, func(net.Conn) {}),
	} {
		t.Run(name, func(t *testing.T) {
			hooks := make(map[string][]string)
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{ForceAttemptHTTP2: true}) {
				var record recordHooks
				request := record.with(get(t, target))
				trace := *httptrace.ContextClientTrace(request.Context())
				trace.TLSHandshakeStart = func() { record.add("TLSHandshakeStart") }
				_, err := roundTripper.RoundTrip(request.WithContext(httptrace.WithClientTrace(t.Context(), &trace)))
				require.Error(t, err, which)
				hooks[which] = record.all()
			}
			require.Equal(t, hooks["net/http"], hooks["curlpipe"])
		})
	}
}

// TestRegisterProtocol requires that both transports send the requests of a scheme to
// the transport that is registered for it, unless that one skips them.
func TestRegisterProtocol(t *testing.T) {
	type registering interface {
		http.RoundTripper
		RegisterProtocol(string, http.RoundTripper)
	}
	s := newServer(t, false, echo)
	theirs := &http.Transport{}
	all := likeHTTPTransport(t, theirs)
	clones := map[string]registering{"net/http": theirs.Clone(), "curlpipe": all["curlpipe"].(*Transport).Clone()}
	t.Cleanup(func() { require.NoError(t, clones["curlpipe"].(*Transport).Close()) })
	for which, roundTripper := range all {
		var came []string
		other := roundTripFunc(func(request *http.Request) (*http.Response, error) {
			came = append(came, request.URL.Scheme)
			if request.URL.Scheme == "http" {
				return nil, http.ErrSkipAltProtocol
			}
			return &http.Response{StatusCode: http.StatusTeapot, Body: http.NoBody, Request: request}, nil
		})
		transport := roundTripper.(registering)
		transport.RegisterProtocol("own", other)
		transport.RegisterProtocol("http", other)
		require.Panics(t, func() { transport.RegisterProtocol("own", other) }, which)
		require.Equal(t, http.StatusTeapot, open(t.Context(), t, transport, "own://x/").StatusCode, which)
		require.Equal(t, "you asked for /x", readAll(t, open(t.Context(), t, transport, s.URL+"/x")), which)
		require.Equal(t, []string{"own", "http"}, came, which)
		_, err := clones[which].RoundTrip(get(t, "own://x/"))
		require.ErrorContains(t, err, `unsupported protocol scheme "own"`, which)
	}
}

// TestConnectionsAtRest requires that both transports close connections that have been
// idle for too long, or are too many.
func TestConnectionsAtRest(t *testing.T) {
	for name, each := range map[string]struct {
		transport *http.Transport
		stay      int64 // connections to two hosts that are left
	}{
		"IdleConnTimeout":   {&http.Transport{IdleConnTimeout: 20 * time.Millisecond}, 0},
		"MaxIdleConns":      {&http.Transport{MaxIdleConns: 1}, 1},
		"DisableKeepAlives": {&http.Transport{DisableKeepAlives: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, each.transport) {
				var open, made atomic.Int64
				count := func(s *httptest.Server) {
					s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
						switch state {
						case http.StateNew:
							open.Add(1)
							made.Add(1)
						case http.StateClosed:
							open.Add(-1)
						}
					}
				}
				for range 2 {
					s := newServer(t, false, echo, count)
					response, err := roundTripper.RoundTrip(get(t, s.URL+"/x"))
					require.NoError(t, err, which)
					readAll(t, response)
				}
				until(t, func() bool { return made.Load() == 2 && open.Load() == each.stay }, which+": the others are closed")
			}
		})
	}
}

// TestHookOrderOfAFreshConnection requires the same order of hooks, those of the TLS
// handshake included.
func TestHookOrderOfAFreshConnection(t *testing.T) {
	s := newServer(t, true, echo)
	names := make(map[string][]string)
	for which, roundTripper := range likeHTTPTransport(t, trusting(s, &http.Transport{})) {
		var record recordHooks
		request := record.with(get(t, s.URL))
		trace := *httptrace.ContextClientTrace(request.Context())
		trace.TLSHandshakeStart = func() { record.add("TLSHandshakeStart") }
		trace.TLSHandshakeDone = handshakeDone(func(string) { record.add("TLSHandshakeDone") })
		response, err := roundTripper.RoundTrip(request.WithContext(httptrace.WithClientTrace(t.Context(), &trace)))
		require.NoError(t, err, which)
		readAll(t, response)
		until(t, func() bool { return slices.Contains(record.all(), "GotFirstResponseByte") }, "all hooks have run")
		for _, hook := range record.all() {
			if hook, _, _ = strings.Cut(hook, " "); hook != "field" && hook != "PutIdleConn" {
				names[which] = append(names[which], hook)
			}
		}
	}
	until := slices.Index(names["net/http"], "GotConn") + 1 // behind it, net/http has no order
	require.Equal(t, names["net/http"][:until], names["curlpipe"][:until])
	require.ElementsMatch(t, names["net/http"], names["curlpipe"])
}

// TestBodyLongerThanItsLength requires that both transports report it over HTTP/2.
// Over HTTP/1.1, what is behind the length is no part of the response.
func TestBodyLongerThanItsLength(t *testing.T) {
	for name, parts := range map[string][]string{"one frame": {"123456789"}, "two frames": {"1234", "56789"}} {
		s := newRawHTTP2Server(t, func(c *rawHTTP2) {
			c.each(func(stream uint32) {
				c.headers(stream, 0, ":status", "200", "content-length", "6")
				for _, part := range parts {
					c.data(stream, 0, part)
				}
				c.data(stream, flagEndStream, "")
			})
		})
		for which, roundTripper := range likeHTTPTransport(t, &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}) {
			if which == "curlpipe" && !multiplexes(t) {
				continue
			}
			response, err := roundTripper.RoundTrip(get(t, s.url()))
			require.NoError(t, err, which)
			text, err := io.ReadAll(response.Body)
			require.Error(t, err, "%s: %s", which, name)
			require.True(t, strings.HasPrefix("123456", string(text)), "%s: %q", which, text)
			require.NoError(t, response.Body.Close())
		}
	}
	address := newRawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456789", true)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
		require.Equal(t, "123456", readAll(t, open(t.Context(), t, roundTripper, address)), which)
	}
}
