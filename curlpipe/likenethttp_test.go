package curlpipe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// recordHooks records the hooks that run for a request.
type recordHooks struct {
	mutex sync.Mutex
	names []string
}

func (r *recordHooks) add(format string, values ...any) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.names = append(r.names, fmt.Sprintf(format, values...))
}

func (r *recordHooks) all() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.names)
}

// with returns the request with hooks that are recorded. In net/http, the first
// byte of a response may come before WroteRequest.
func (r *recordHooks) with(request *http.Request) *http.Request {
	return request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GetConn:      func(address string) { r.add("GetConn %s", address) },
		GotConn:      func(info httptrace.GotConnInfo) { r.add("GotConn %t %t", info.Reused, info.WasIdle) },
		DNSStart:     func(info httptrace.DNSStartInfo) { r.add("DNSStart %s", info.Host) },
		DNSDone:      func(info httptrace.DNSDoneInfo) { r.add("DNSDone %t", info.Err == nil) },
		ConnectStart: func(network, address string) { r.add("ConnectStart %s %s", network, address) },
		ConnectDone: func(network, address string, err error) {
			r.add("ConnectDone %s %s %t", network, address, err == nil)
		},
		WroteHeaderField: func(name string, values []string) {
			r.add("field %s: %s", name, strings.Join(values, "|"))
		},
		WroteHeaders:    func() { r.add("WroteHeaders") },
		Wait100Continue: func() { r.add("Wait100Continue") },
		Got100Continue:  func() { r.add("Got100Continue") },
		Got1xxResponse: func(code int, fields textproto.MIMEHeader) error {
			r.add("Got1xxResponse %d %s", code, fields.Get("Link"))
			return nil
		},
		WroteRequest:         func(info httptrace.WroteRequestInfo) { r.add("WroteRequest %v", info.Err) },
		GotFirstResponseByte: func() { r.add("GotFirstResponseByte") },
		PutIdleConn:          func(err error) { r.add("PutIdleConn %v", err) },
	}))
}

// TestHooksLikeNetHTTP requires that the same hooks run, and ours in the order
// of the events.
func TestHooksLikeNetHTTP(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/hints" {
			writer.Header().Set("Link", "</a>")
			writer.WriteHeader(http.StatusEarlyHints)
			writer.WriteHeader(http.StatusProcessing)
		}
		_, _ = io.Copy(io.Discard, request.Body)
		_, _ = io.WriteString(writer, strings.Repeat("x", 100))
	})
	order := []string{"GetConn", "Connect", "GotConn", "field", "WroteHeaders", "Wait100Continue", "Got", "Wrote", "PutIdleConn"}
	for name, change := range map[string]func(*http.Request){
		"GET":   func(*http.Request) {},
		"hints": func(r *http.Request) { r.URL.Path = "/hints" },
		"POST": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader("hello")), 5
		},
		"chunks": func(r *http.Request) {
			r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader("hello"))
		},
		"Expect": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader("hello")), 5
			r.Header.Set("Expect", "100-continue")
		},
	} {
		t.Run(name, func(t *testing.T) {
			hooks := make(map[string][][]string)
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{ExpectContinueTimeout: time.Minute}) {
				for range 2 { // on a new connection, and on a reused one
					var record recordHooks
					request := get(t, s.URL)
					request.Header["X-Two"] = []string{"1", "2"}
					change(request)
					response, err := roundTripper.RoundTrip(record.with(request))
					require.NoError(t, err, which)
					require.Len(t, readAll(t, response), 100)
					until(t, func() bool { return slices.Contains(record.all(), "PutIdleConn <nil>") }, "the connection is at rest again")
					hooks[which] = append(hooks[which], record.all())
				}
			}
			for i, ours := range hooks["curlpipe"] {
				require.ElementsMatch(t, hooks["net/http"][i], ours)
				from := 0
				for _, hook := range ours {
					at := slices.IndexFunc(order[from:], func(prefix string) bool { return strings.HasPrefix(hook, prefix) })
					if at < 0 && strings.HasPrefix(hook, "Got") { // interim responses before the request is complete
						continue
					}
					require.GreaterOrEqual(t, at, 0, "%s comes too late in %q", hook, ours)
					from += at
				}
			}
		})
	}
}

// TestHookThatRefusesAnInterimResponse requires that the request fails.
func TestHookThatRefusesAnInterimResponse(t *testing.T) {
	goOn := make(chan struct{})
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		writer.WriteHeader(http.StatusEarlyHints)
		<-goOn
	})
	defer close(goOn)
	refused := errors.New("no hints, please")
	for which, make := range yardsticks {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(int, textproto.MIMEHeader) error { return refused },
		})
		_, err := make(t, s).RoundTrip(get(t, s.URL).WithContext(ctx))
		require.ErrorIs(t, err, refused, which)
	}
}

// TestInterimResponsesThatAreHandedOver requires that they do not count towards
// MaxResponseHeaderBytes.
func TestInterimResponsesThatAreHandedOver(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("Link", strings.Repeat("x", 100))
		for range 20 {
			writer.WriteHeader(http.StatusEarlyHints)
		}
		writer.WriteHeader(http.StatusNoContent)
	})
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{MaxResponseHeaderBytes: 1000}) {
		came := 0
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(int, textproto.MIMEHeader) error { came++; return nil },
		})
		response, err := roundTripper.RoundTrip(get(t, s.URL).WithContext(ctx))
		require.NoError(t, err, which)
		require.Equal(t, http.StatusNoContent, response.StatusCode)
		require.Equal(t, 20, came, which)
	}
}

// TestRequestsThroughAnHTTPProxy requires that both transports send the proxy
// the same.
func TestRequestsThroughAnHTTPProxy(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintln(writer, request.Method, request.RequestURI, request.Host, request.ContentLength, request.TransferEncoding)
		_ = request.Header.Write(writer)
		_, _ = io.Copy(writer, request.Body)
	})
	proxy, err := url.Parse(s.URL)
	require.NoError(t, err)
	proxy.User = url.UserPassword("u", "@/?!")
	for name, change := range map[string]func(*http.Request){
		"GET":          func(*http.Request) {},
		"port":         func(r *http.Request) { r.URL.Host = "example.com:8080" },
		"path, query":  func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/a/../b c", "x=1&y" },
		"another Host": func(r *http.Request) { r.Host = "other.example" },
		"fragment":     func(r *http.Request) { r.URL.Fragment = "part" },
		"opaque":       func(r *http.Request) { r.URL.Opaque = "//example.com/a%2Fb" },
		"HEAD":         func(r *http.Request) { r.Method = http.MethodHead },
		"close":        func(r *http.Request) { r.Close = true },
		"POST": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader("hello")), 5
		},
	} {
		t.Run(name, func(t *testing.T) {
			came := make(map[string]string)
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{Proxy: http.ProxyURL(proxy)}) {
				for range 2 {
					request := get(t, "http://example.com/x")
					change(request)
					response, err := roundTripper.RoundTrip(request)
					require.NoError(t, err, which)
					came[which] = readAll(t, response)
				}
			}
			require.Equal(t, came["net/http"], came["curlpipe"])
		})
	}
}

// slowBody is a body that returns nothing until it is released.
type slowBody struct {
	goOn   <-chan struct{}
	waited bool
	io.Reader
}

func (b *slowBody) Read(into []byte) (int, error) {
	if !b.waited {
		<-b.goOn
		b.waited = true
	}
	return b.Reader.Read(into)
}

// TestBodiesOfUnknownLength requires that both transports send the same.
func TestBodiesOfUnknownLength(t *testing.T) {
	goOn := make(chan struct{})
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/slow" {
			goOn <- struct{}{}
		}
		inspect(writer, request)
	})
	for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND", "POST", "PUT", "PATCH", "X"} {
		for name, body := range map[string]func() io.Reader{
			"empty": func() io.Reader { return strings.NewReader("") },
			"some":  func() io.Reader { return strings.NewReader("some") },
			"slow":  func() io.Reader { return &slowBody{goOn: goOn, Reader: bytes.NewReader([]byte("some"))} },
		} {
			if method == "HEAD" && name != "empty" || name == "slow" && method != "DELETE" && method != "POST" {
				continue
			}
			came := make(map[string]string)
			for which, make := range yardsticks {
				request := get(t, s.URL+"/"+name)
				request.Method, request.Body = method, io.NopCloser(body())
				response, err := make(t, s).RoundTrip(request)
				require.NoError(t, err, which)
				came[which] = readAll(t, response) + fmt.Sprint(response.ContentLength)
			}
			require.Equal(t, came["net/http"], came["curlpipe"], "%s %s", method, name)
		}
	}
}

// TestExpectContinue requires that a body waits for 100 (Continue), is not read if
// a final response arrives instead, and is sent anyway after
// ExpectContinueTimeout.
func TestExpectContinue(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		var bodies sync.Map // a channel for each, closed when it is read
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			read, _ := bodies.Load(request.Header.Get("Id"))
			switch request.URL.Path {
			case "/refuse":
				writer.WriteHeader(http.StatusUnauthorized)
			case "/silent": // 100 goes out when a handler reads the body
				<-read.(chan struct{})
				_, _ = io.WriteString(writer, "read")
			default:
				select {
				case <-read.(chan struct{}):
					http.Error(writer, "read too early", http.StatusInternalServerError)
				default:
					_, _ = io.Copy(writer, request.Body)
				}
			}
		})
		const limit = 50 * time.Millisecond
		for _, each := range []struct {
			path    string
			timeout time.Duration
			status  int
			text    string
		}{
			{"/refuse", time.Minute, http.StatusUnauthorized, ""},
			{"/ask", time.Minute, http.StatusOK, "the body"},
			{"/silent", limit, http.StatusOK, "read"},
		} {
			for which, roundTripper := range likeHTTPTransport(t, trusting(s, &http.Transport{ExpectContinueTimeout: each.timeout})) {
				for i := range 2 { // on a fresh connection, and once more
					read := make(chan struct{})
					isRead := sync.OnceFunc(func() { close(read) })
					text := strings.NewReader("the body")
					request := get(t, s.URL+each.path)
					request.Method, request.ContentLength = http.MethodPost, int64(text.Len())
					request.Body = io.NopCloser(readerFunc(func(into []byte) (int, error) {
						if each.text == "" {
							t.Errorf("%s: the body is read", which)
						}
						isRead()
						return text.Read(into)
					}))
					request.Header.Set("Expect", "100-continue")
					request.Header.Set("Id", fmt.Sprint(which, each.path, i))
					bodies.Store(request.Header.Get("Id"), read)
					begun := time.Now()
					response, err := roundTripper.RoundTrip(request)
					require.NoError(t, err, which)
					require.Equal(t, each.text, readAll(t, response), which)
					require.Equal(t, each.status, response.StatusCode)
					if each.timeout == limit {
						require.GreaterOrEqual(t, time.Since(begun), limit, which)
					}
				}
			}
		}
	})
}

// TestDialContextGetsTheRequestsValues requires that it gets the values but not
// the end of the request's context.
func TestDialContextGetsTheRequestsValues(t *testing.T) {
	s := newServer(t, false, echo)
	type key struct{}
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if ctx.Value(key{}) != "mine" {
				return nil, fmt.Errorf("the value is %v", ctx.Value(key{}))
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}) {
		response, err := roundTripper.RoundTrip(get(t, s.URL).WithContext(context.WithValue(t.Context(), key{}, "mine")))
		require.NoError(t, err, which)
		readAll(t, response)
	}
}

// TestUserAgentLikeNetHTTP requires that a transport that was made from net/http's keeps
// its User-Agent, over HTTP/2, too.
func TestUserAgentLikeNetHTTP(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			_, _ = io.WriteString(writer, request.UserAgent())
		})
		for which, roundTripper := range likeHTTPTransport(t, trusting(s, &http.Transport{})) {
			for _, own := range []string{"", "mine", netHTTPUserAgent} {
				request := get(t, s.URL)
				if own != "" {
					request.Header.Set("User-Agent", own)
				}
				response, err := roundTripper.RoundTrip(request)
				require.NoError(t, err, which)
				want := own
				if want == "" {
					want = fmt.Sprintf("Go-http-client/%d.%d", response.ProtoMajor, response.ProtoMinor)
				}
				require.Equal(t, want, readAll(t, response), which)
			}
		}
		response, err := newTestTransport(t, s, &Transport{UserAgent: "ours/1"}).RoundTrip(get(t, s.URL))
		require.NoError(t, err)
		require.Equal(t, "ours/1", readAll(t, response))
	})
}

// TestErrorOfARequestsBodyIsBare requires that the caller's own error is not
// wrapped.
func TestErrorOfARequestsBodyIsBare(t *testing.T) {
	s := newServer(t, false, inspect)
	gone := errors.New("the disk is gone")
	for which, make := range yardsticks {
		for _, before := range []string{"", "some"} {
			request := get(t, s.URL)
			request.Method = http.MethodPost
			request.Body = io.NopCloser(io.MultiReader(strings.NewReader(before), iotest.ErrReader(gone)))
			_, err := make(t, s).RoundTrip(request)
			require.True(t, err == gone, "%s: %v", which, err)
		}
	}
}

// TestRefusedCertificateHasNetHTTPsType requires the type itself, because
// programs assert it without errors.As.
func TestRefusedCertificateHasNetHTTPsType(t *testing.T) {
	s := newServer(t, true, echo)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
		_, err := roundTripper.RoundTrip(get(t, s.URL))
		refused, ok := err.(*tls.CertificateVerificationError)
		require.True(t, ok, "%s: %T", which, err)
		require.NotEmpty(t, refused.UnverifiedCertificates, which)
		require.ErrorContains(t, err, "tls: failed to verify certificate: x509: certificate signed by unknown authority", which)
		var unknown x509.UnknownAuthorityError
		require.ErrorAs(t, err, &unknown, which)
		if which == "curlpipe" {
			var failed *Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, s.URL, failed.URL)
			require.ErrorIs(t, err, curl.CurlError(curl.E_SSL_CACERT))
		}
	}
}
