package curlpipe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestInvalidRequestsLikeNetHTTP requires net/http's words for a request that cannot
// be sent, and nothing around them.
func TestInvalidRequestsLikeNetHTTP(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"no URL":              func(r *http.Request) { r.URL = nil },
		"no host":             func(r *http.Request) { r.URL.Host = "" },
		"another scheme":      func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no scheme":           func(r *http.Request) { r.URL.Scheme = "" },
		"method":              func(r *http.Request) { r.Method = "GET /x" },
		"name with a space":   func(r *http.Request) { r.Header["X Y"] = []string{"z"} },
		"empty name":          func(r *http.Request) { r.Header[""] = []string{"z"} },
		"value with a line":   func(r *http.Request) { r.Header.Set("X", "a\nb") },
		"length without body": func(r *http.Request) { r.ContentLength = 5 },
	} {
		t.Run(name, func(t *testing.T) {
			texts := make(map[string]string)
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
				request := get(t, "http://"+rawConns(t, nil, func(net.Conn) {})+"/")
				change(request)
				_, err := roundTripper.RoundTrip(request)
				require.Error(t, err, which)
				texts[which] = err.Error()
				require.Equal(t, which == "curlpipe", errors.Is(err, ErrUnsupportedRequest), which)
			}
			require.Equal(t, texts["net/http"], texts["curlpipe"])
		})
	}
}

// ownError is an error type of a program's own.
type ownError struct{ text string }

func (e *ownError) Error() string { return e.text }

// TestErrorsOfTheCallersCode requires that RoundTrip returns an error of the caller's
// own code as it is, and that a body does: programs compare it with == or assert its
// type.
func TestErrorsOfTheCallersCode(t *testing.T) {
	own := &ownError{"the modem has hung up"}
	proxied := http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.test:3128"})
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, own }
	answer := func(text string) func(context.Context, string, string) (net.Conn, error) {
		return func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer ours.Close()
				if _, err := readSection(ours); err == nil {
					_, _ = io.WriteString(ours, text)
				}
			}()
			return &failingConn{Conn: theirs, read: own}, nil
		}
	}
	connected := answer("HTTP/1.1 200 OK\r\n\r\n")
	for name, each := range map[string]struct {
		transport *http.Transport
		scheme    string
		want      error
	}{
		"DialContext":                  {&http.Transport{DialContext: dial}, "http", own},
		"DialContext, over TLS":        {&http.Transport{DialContext: dial}, "https", own},
		"DialTLSContext":               {&http.Transport{DialTLSContext: dial}, "https", own},
		"DialContext, to a proxy":      {&http.Transport{DialContext: dial, Proxy: proxied}, "http", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: own}},
		"DialContext, to its tunnel":   {&http.Transport{DialContext: dial, Proxy: proxied}, "https", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: own}},
		"Proxy":                        {&http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, own }}, "http", own},
		"connection, before a byte":    {&http.Transport{DialContext: answer("")}, "http", own},
		"connection, in the body":      {&http.Transport{DialContext: answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")}, "http", own},
		"connection, body until close": {&http.Transport{DialContext: answer("HTTP/1.1 200 OK\r\n\r\npart")}, "http", own},
		"GetProxyConnectHeader": {&http.Transport{
			DialContext: connected, Proxy: proxied,
			GetProxyConnectHeader: func(context.Context, *url.URL, string) (http.Header, error) { return nil, own },
		}, "https", own},
		"OnProxyConnectResponse": {&http.Transport{
			DialContext: connected, Proxy: proxied,
			OnProxyConnectResponse: func(context.Context, *url.URL, *http.Request, *http.Response) error { return own },
		}, "https", own},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, each.transport) {
				err := failureOf(t, roundTripper, get(t, each.scheme+"://shop.test/"))
				require.Equal(t, each.want, err, which)
				var found *ownError
				require.ErrorAs(t, err, &found, which)
				require.True(t, found == own, which)
			}
		})
	}
}

// TestErrorsOfTheCallersCodeInClient requires that Client wraps such an error, as any
// other.
func TestErrorsOfTheCallersCodeInClient(t *testing.T) {
	own := &ownError{"the modem has hung up"}
	client := newTestClient(t, nil, &Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, own }})
	_, err := client.Do(t.Context(), get(t, "http://shop.test/x"))
	var failed *Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "http://shop.test/x", failed.URL)
	require.ErrorIs(t, err, own)
}

// TestConnectTimeoutOfAnOwnDial requires that the transport's own limit is named
// although the caller's function has returned the error.
func TestConnectTimeoutOfAnOwnDial(t *testing.T) {
	transport := newTestTransport(t, nil, &Transport{ConnectTimeout: 10 * time.Millisecond, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	_, err := transport.RoundTrip(get(t, "http://shop.test/"))
	require.ErrorIs(t, err, ErrConnectTimeout)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestDeadlineIsANetError requires net/http's type for a deadline that the caller has
// set on its connection.
func TestDeadlineIsANetError(t *testing.T) {
	dialed := make(chan net.Conn, 1)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			dialed <- connection
		}
		return connection, err
	}}) {
		_, err := roundTripper.RoundTrip(get(t, "http://"+rawConns(t, nil, func(c net.Conn) {
			_ = (<-dialed).SetDeadline(time.Now()) // the request has been written by now
			_, _ = io.Copy(io.Discard, c)
		})))
		failed, ok := err.(*net.OpError)
		require.True(t, ok && failed.Timeout() && failed.Op == "read", "%s: %T %v", which, err, err)
		require.Equal(t, os.ErrDeadlineExceeded, failed.Err, which)
	}
}

// TestUserInformation requires that RoundTrip sends no credentials from the URL, as
// http.Client does that, and that nothing is added to those in the header section.
func TestUserInformation(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		_, _ = io.WriteString(writer, request.Header.Get("Authorization"))
	})
	address := strings.Replace(s.URL, "http://", "http://Aladdin:open%20sesame@", 1)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
		for want, send := range map[string]func(*http.Request) (*http.Response, error){
			"":                                   roundTripper.RoundTrip,
			"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==": (&http.Client{Transport: roundTripper}).Do,
		} {
			response, err := send(get(t, address))
			require.NoError(t, err, which)
			require.Equal(t, want, readAll(t, response), which)
		}
	}
}

// TestFieldsThatEachRequestReads requires that a change between two requests has an
// effect on both transports.
func TestFieldsThatEachRequestReads(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		_, _ = io.WriteString(writer, request.RemoteAddr+" "+request.Header.Get("Accept-Encoding")+" "+request.Header.Get("User-Agent"))
	})
	theirs := &http.Transport{}
	ours := newTestTransport(t, nil, &Transport{UserAgent: netHTTPUserAgent})
	refused := &ownError{"no proxy for that"}
	through := func(*http.Request) (*url.URL, error) { return nil, refused }
	for which, each := range map[string]struct {
		roundTripper              http.RoundTripper
		compression, keep, direct func()
	}{
		"net/http": {
			theirs, func() { theirs.DisableCompression = true }, func() { theirs.DisableKeepAlives = true },
			func() { theirs.Proxy = through },
		},
		"curlpipe": {
			ours, func() { ours.DisableCompression = true }, func() { ours.DisableKeepAlives = true },
			func() { ours.Proxy = through },
		},
	} {
		fetch := func() []string {
			response, err := each.roundTripper.RoundTrip(get(t, s.URL))
			require.NoError(t, err, which)
			return strings.Split(readAll(t, response), " ")
		}
		first := fetch()
		require.Equal(t, []string{"gzip", netHTTPUserAgent}, first[1:], which)
		each.compression()
		require.Equal(t, []string{first[0], "", netHTTPUserAgent}, fetch(), which)
		each.keep()
		require.NotEqual(t, fetch()[0], fetch()[0], which)
		each.direct()
		_, err := each.roundTripper.RoundTrip(get(t, s.URL))
		require.Equal(t, refused, err, which)
	}
	ours.Proxy, ours.UserAgent = nil, "another"
	response, err := ours.RoundTrip(get(t, s.URL))
	require.NoError(t, err)
	require.Contains(t, readAll(t, response), "another")
}
