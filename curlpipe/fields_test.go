package curlpipe

//lint:file-ignore SA1019 deprecated fields do what they do with net/http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// likeHTTPTransport has one of net/http's transports, and ours that was made
// from it.
func likeHTTPTransport(t testing.TB, theirs *http.Transport) map[string]http.RoundTripper {
	t.Helper()
	ours, err := FromHTTPTransport(theirs)
	require.NoError(t, err)
	t.Cleanup(theirs.CloseIdleConnections)
	return map[string]http.RoundTripper{"net/http": theirs, "curlpipe": newTestTransport(t, nil, ours)}
}

// trusting makes a transport trust the server, and use HTTP/2 if both support it,
// as it does without further fields.
func trusting(s *server, transport *http.Transport) *http.Transport {
	if s.TLS != nil {
		transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	}
	transport.ForceAttemptHTTP2 = s.EnableHTTP2
	return transport
}

// TestFieldsLikeHTTPTransport requires that a field has the same effect on
// both.
func TestFieldsLikeHTTPTransport(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			switch request.URL.Path {
			case "/never":
				<-request.Context().Done()
			case "/header":
				for i := range 100 {
					writer.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 200))
				}
			case "/gzip":
				_, _ = io.WriteString(writer, request.Header.Get("Accept-Encoding"))
			default:
				inspect(writer, request)
			}
		})
		address := s.Listener.Addr().String()
		refusing := errors.New("no proxy for that")
		var dialed atomic.Int64
		for name, each := range map[string]struct {
			transport *http.Transport
			path      string
			host      string // instead of the server's
			fails     string // phrase of the error
			is        error
			then      func(t *testing.T, response *http.Response, text string)
		}{
			"none": {transport: &http.Transport{}, path: "/"},
			"DialContext": {transport: &http.Transport{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
				dialed.Add(1)
				if network != "tcp" || !strings.HasPrefix(to, "example.com:") {
					return nil, errors.New("asked for " + network + " " + to)
				}
				return (&net.Dialer{}).DialContext(ctx, "tcp", address)
			}}, host: "example.com"},
			"DialContext that wraps": {transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
				return struct{ net.Conn }{connection}, err
			}}, host: "example.com"},
			"DialContext that fails": {transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, refusing
			}}, fails: refusing.Error(), is: refusing},
			"Dial":                       {transport: &http.Transport{Dial: func(network, _ string) (net.Conn, error) { return net.Dial(network, address) }}, host: "example.com"},
			"Proxy without one":          {transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }}},
			"Proxy that fails":           {transport: &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, refusing }}, fails: refusing.Error(), is: refusing},
			"ResponseHeaderTimeout":      {transport: &http.Transport{ResponseHeaderTimeout: 50 * time.Millisecond}, path: "/never", fails: "timeout awaiting response headers"},
			"ResponseHeaderTimeout kept": {transport: &http.Transport{ResponseHeaderTimeout: time.Minute}},
			"MaxResponseHeaderBytes":     {transport: &http.Transport{MaxResponseHeaderBytes: 10_000}, path: "/header", fails: "headers exceeded 10000 bytes"},
			"DisableCompression": {transport: &http.Transport{DisableCompression: true}, path: "/gzip",
				then: func(t *testing.T, _ *http.Response, text string) { require.Empty(t, text) }},
			"DisableKeepAlives": {transport: &http.Transport{DisableKeepAlives: true},
				then: func(t *testing.T, response *http.Response, _ string) {
					require.Equal(t, !s.EnableHTTP2, response.Close)
				}},
			"IdleConnTimeout":       {transport: &http.Transport{IdleConnTimeout: time.Hour}},
			"ExpectContinueTimeout": {transport: &http.Transport{ExpectContinueTimeout: time.Second}},
		} {
			if name == "MaxResponseHeaderBytes" && s.EnableHTTP2 {
				continue // net/http has another text for it
			}
			t.Run(name, func(t *testing.T) {
				for which, roundTripper := range likeHTTPTransport(t, trusting(s, each.transport)) {
					host := address
					if each.host != "" {
						host = each.host
					}
					response, err := roundTripper.RoundTrip(get(t, strings.Split(s.URL, ":")[0]+"://"+host+each.path))
					if each.fails != "" {
						require.ErrorContains(t, err, each.fails, which)
						if each.is != nil {
							require.ErrorIs(t, err, each.is, which)
						}
						var network net.Error
						require.Equal(t, strings.Contains(each.fails, "timeout"), errors.As(err, &network) && network.Timeout(), which)
						continue
					}
					require.NoError(t, err, which)
					text := readAll(t, response)
					require.Equal(t, http.StatusOK, response.StatusCode)
					if each.then != nil {
						each.then(t, response, text)
					}
				}
			})
		}
		require.EqualValues(t, 2, dialed.Load(), "once for each of the two")
	})
}

// TestHandshakeTimeout uses a server that never answers the ClientHello.
func TestHandshakeTimeout(t *testing.T) {
	silent := greets(t, "")
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{TLSHandshakeTimeout: 50 * time.Millisecond}) {
		_, err := roundTripper.RoundTrip(get(t, "https://"+silent))
		require.ErrorContains(t, err, "TLS handshake timeout", which)
		var network net.Error
		require.ErrorAs(t, err, &network, which)
		require.True(t, network.Timeout(), which)
	}
}

// TestResponseHeaderTimeoutLeavesTheHandshakeOut requires that a slow handshake
// does not count.
func TestResponseHeaderTimeoutLeavesTheHandshakeOut(t *testing.T) {
	s := newServer(t, true, echo, func(s *httptest.Server) {
		s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			time.Sleep(1500 * time.Millisecond) // longer than the limit for a response
			return nil, nil
		}}
	})
	config := s.Client().Transport.(*http.Transport).TLSClientConfig
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{ResponseHeaderTimeout: time.Second, TLSClientConfig: config}) {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			response, err := roundTripper.RoundTrip(get(t, s.URL+"/x"))
			require.NoError(t, err)
			require.Equal(t, "you asked for /x", readAll(t, response))
		})
	}
}

// TestTLSClientConfig requires that each setting of crypto/tls has an effect,
// or is refused by name.
func TestTLSClientConfig(t *testing.T) {
	authority, ours := newIssuer(t), newIssuer(t)
	pool, clients := x509.NewCertPool(), x509.NewCertPool()
	pool.AddCert(authority.certificate)
	clients.AddCert(ours.certificate)
	asClient := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		names := []string{request.TLS.ServerName}
		for _, each := range request.TLS.PeerCertificates {
			names = append(names, each.Subject.CommonName)
		}
		_, _ = io.WriteString(writer, strings.Join(names, " "))
	}))
	server.Config.ErrorLog = quiet()
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{authority.issue(t, unchanged, "127.0.0.1", "named.example")},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: clients,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, each := range map[string]struct {
		config *tls.Config
		text   string
		fails  bool
		check  func(t *testing.T, state *tls.ConnectionState)
	}{
		"RootCAs":            {config: &tls.Config{RootCAs: pool}},
		"other RootCA":       {config: &tls.Config{RootCAs: clients}, fails: true},
		"ServerName":         {config: &tls.Config{RootCAs: pool, ServerName: "named.example"}, text: "named.example"},
		"another name":       {config: &tls.Config{RootCAs: pool, ServerName: "other.example"}, fails: true},
		"InsecureSkipVerify": {config: &tls.Config{InsecureSkipVerify: true}},
		"Certificates":       {config: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{ours.issue(t, asClient, "me")}}, text: " somebody"},
		"version": {config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12},
			check: func(t *testing.T, state *tls.ConnectionState) {
				require.EqualValues(t, tls.VersionTLS12, state.Version)
			}},
		"cipher": {config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}},
			check: func(t *testing.T, state *tls.ConnectionState) {
				require.EqualValues(t, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, state.CipherSuite)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{TLSClientConfig: each.config}) {
				response, err := roundTripper.RoundTrip(get(t, server.URL))
				if each.fails {
					var refused *tls.CertificateVerificationError
					require.ErrorAs(t, err, &refused, which)
					continue
				}
				require.NoError(t, err, which)
				require.Equal(t, each.text, readAll(t, response), which)
				if each.check != nil {
					each.check(t, response.TLS)
				}
			}
		})
	}
}

// TestTLSClientConfigThatCannotBeFollowed requires an error that names the
// fields.
func TestTLSClientConfigThatCannotBeFollowed(t *testing.T) {
	config := &tls.Config{
		VerifyConnection: func(tls.ConnectionState) error { return nil }, Renegotiation: tls.RenegotiateOnceAsClient, ServerName: "x.example",
	}
	_, err := New(&Transport{TLSClientConfig: config})
	require.ErrorContains(t, err, "VerifyConnection, Renegotiation")
	_, err = New(&Transport{TLSClientConfig: &tls.Config{ServerName: "x.example"}, ServerName: "y.example"})
	require.ErrorContains(t, err, "ServerName")
	_, err = New(&Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{{PrivateKey: "none"}}}})
	require.ErrorContains(t, err, "private key")
	made, err := FromHTTPTransport(&http.Transport{
		TLSClientConfig: config, MaxConnsPerHost: 7, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 7},
	})
	var missing *NotCarriedError
	require.ErrorAs(t, err, &missing)
	require.ElementsMatch(t, []string{"TLSClientConfig.VerifyConnection", "TLSClientConfig.Renegotiation", "HTTP2"}, missing.Fields)
	require.Equal(t, 7, made.MaxConnsPerHost)
	require.NotNil(t, config.VerifyConnection, "theirs stays as it is")
	defer made.Close()
	_, err = New(made)
	require.NoError(t, err)
}

// TestIdleConnections requires that idle connections are closed in time, and
// when there are too many.
func TestIdleConnections(t *testing.T) {
	s := newServer(t, false, echo)
	other := newServer(t, false, echo)
	transport := newTestTransport(t, s, &Transport{IdleConnTimeout: 20 * time.Millisecond})
	readAll(t, open(t.Context(), t, transport, s.URL))
	until(t, func() bool { return transport.Stats().ClosedByClient == 1 }, "it was at rest for too long")
	transport = newTestTransport(t, s, &Transport{MaxIdleConns: 1})
	readAll(t, open(t.Context(), t, transport, s.URL))
	readAll(t, open(t.Context(), t, transport, other.URL))
	until(t, func() bool { return transport.Stats().ClosedByClient == 1 }, "there is one too many")
	readAll(t, open(t.Context(), t, transport, other.URL))
	require.EqualValues(t, 2, transport.Stats().ConnectionsOpened, "the one that was used last stays")
}

// TestRetryPolicy requires that the policy decides alone whether a request that
// may be sent again is.
func TestRetryPolicy(t *testing.T) {
	for name, each := range map[string]struct {
		policy func(*http.Request, error) bool
		method string
		header http.Header
		want   int64 // requests at the server
	}{
		"none, GET":                   {method: "GET", want: 2},
		"none, POST":                  {method: "POST", want: 1},
		"none, POST with a key":       {method: "POST", header: http.Header{"Idempotency-Key": {"1"}}, want: 2},
		"none, POST with the old key": {method: "POST", header: http.Header{"X-Idempotency-Key": {"1"}}, want: 2},
		"no, GET":                     {policy: func(*http.Request, error) bool { return false }, method: "GET", want: 1},
		"yes, POST":                   {policy: func(_ *http.Request, err error) bool { return errors.Is(err, io.EOF) }, method: "POST", want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			var came atomic.Int64
			s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
				if request.URL.Path == "/lost" && came.Add(1) == 1 {
					panic(http.ErrAbortHandler)
				}
			})
			transport := newTestTransport(t, s, &Transport{RetryPolicy: each.policy})
			readAll(t, open(t.Context(), t, transport, s.URL))
			request, err := http.NewRequest(each.method, s.URL+"/lost", nil)
			require.NoError(t, err)
			if each.header != nil {
				request.Header = each.header
			}
			response, err := transport.RoundTrip(request)
			require.Equal(t, each.want, came.Load())
			require.Equal(t, each.want == 2, err == nil, "%v", err)
			if err == nil {
				readAll(t, response)
			}
		})
	}
}

// roundTripFunc is a transport.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// TestOtherTransports requires that registered transports and Fallback get
// their requests.
func TestOtherTransports(t *testing.T) {
	s := newServer(t, false, echo)
	transport := newTestTransport(t, s, &Transport{})
	var other []string
	remember := roundTripFunc(func(request *http.Request) (*http.Response, error) {
		other = append(other, request.Method+" "+request.URL.String())
		return nil, http.ErrSkipAltProtocol
	})
	transport.RegisterProtocol("http", remember)
	require.Panics(t, func() { transport.RegisterProtocol("http", remember) })
	require.Equal(t, "you asked for /x", readAll(t, open(t.Context(), t, transport, s.URL+"/x")))
	require.Equal(t, []string{"GET " + s.URL + "/x"}, other)

	clone := transport.Clone()
	defer clone.Close()
	clone.Fallback = remember
	clone.RegisterProtocol("http", remember) // a clone has none
	for _, each := range []struct{ method, path, upgrade string }{
		{"CONNECT", "/", ""}, {"OPTIONS", "*", ""}, {"GET", "/", "websocket"}, {"GET", "/trailer", ""},
	} {
		request := get(t, s.URL)
		request.Method, request.URL.Path = each.method, each.path
		if each.path == "/trailer" {
			request.Trailer = http.Header{"X-Sum": nil}
		}
		if each.upgrade != "" {
			request.Header.Set("Upgrade", each.upgrade)
		}
		other = nil
		if each.path == "*" && canAskWholeServer(t) {
			continue
		}
		_, err := clone.RoundTrip(request)
		require.ErrorIs(t, err, http.ErrSkipAltProtocol)
		require.Len(t, other, 2, "the protocol of the original, and Fallback")
		_, err = transport.RoundTrip(request)
		require.ErrorIs(t, err, ErrUnsupportedRequest)
	}
}

// TestRequestCancel uses the channel that contexts have replaced.
func TestRequestCancel(t *testing.T) {
	s, g := newGateServer(t, false)
	for name, make := range yardsticks {
		roundTripper := make(t, s)
		request := get(t, s.URL+"/wait")
		canceled := newChannel()
		request.Cancel = canceled
		ended := newErrors()
		go func() {
			_, err := roundTripper.RoundTrip(request)
			ended <- err
		}()
		<-g.arrived
		close(canceled)
		require.ErrorContains(t, <-ended, "net/http: request canceled", name)
	}
	g.open()
}

func newChannel() chan struct{} { return make(chan struct{}) }
func newErrors() chan error     { return make(chan error, 1) }

// TestTransportThatNobodyHas requires that the garbage collector closes an
// unreferenced transport, but not before its last body is read.
func TestTransportThatNobodyHas(t *testing.T) {
	s, h := newHeldServer(t, false)
	begin := func() (*http.Response, *engine) {
		transport := &Transport{}
		return open(t.Context(), t, transport, s.URL+"/held"), transport.started
	}
	response, engine := begin()
	for range 3 {
		runtime.GC()
	}
	h.release()
	_, err := io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	response = nil
	until(t, func() bool {
		runtime.GC()
		select {
		case <-engine.stopped:
			return true
		default:
			return false
		}
	}, "the engine has ended")
}

// TestNameInAnotherAlphabet requires that a name is sent in its ASCII form [RFC
// 5891].
func TestNameInAnotherAlphabet(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) { _, _ = io.WriteString(writer, request.Host) })
	theirs := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "xn--c1ae0ajs.xn--c1aw:80" {
			return nil, errors.New("asked for " + address)
		}
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}}
	for which, roundTripper := range likeHTTPTransport(t, theirs) {
		response, err := roundTripper.RoundTrip(get(t, "http://гофер.го/"))
		require.NoError(t, err, which)
		require.Equal(t, "xn--c1ae0ajs.xn--c1aw", readAll(t, response), which)
	}
}
