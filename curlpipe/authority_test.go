package curlpipe

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var urlCount = flag.Int("urls", 400, "random `URLs`, read as net/http reads them")

// asked is what a client makes of a URL: the address it connects to, and what
// it sends there.
type asked struct{ address, target, host string }

// answerOne reads a request, answers it and returns its target and host.
func answerOne(connection net.Conn, reader *bufio.Reader) (target, host string, err error) {
	head, err := http.ReadRequest(reader)
	if err != nil {
		return "", "", err
	}
	_, err = io.WriteString(connection, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	return head.RequestURI, head.Host, err
}

// askedDial is a DialContext whose connections answer their only request, and
// report it.
func askedDial(came chan<- asked) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, address string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer ours.Close()
			target, host, err := answerOne(ours, bufio.NewReader(ours))
			if err != nil {
				target = err.Error()
			}
			came <- asked{address, target, host}
		}()
		return theirs, nil
	}
}

// askNetHTTP returns what net/http makes of a request.
func askNetHTTP(request *http.Request, proxy func(*http.Request) (*url.URL, error)) (asked, error) {
	came := make(chan asked, 1)
	transport := &http.Transport{Proxy: proxy, DialContext: askedDial(came)}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return asked{}, err
	}
	response.Body.Close()
	return <-came, nil
}

// URL.Host (and Request.Host) alone decide where a request goes and what it
// says about its host, as in net/http. Anything that could be read in two ways
// is refused.
func TestURLsGoWhereNetHTTPGoes(t *testing.T) {
	t.Run("direct", func(t *testing.T) { goWhereNetHTTPGoes(t, nil) })
	t.Run("through a proxy", func(t *testing.T) { // asked in the absolute form
		goWhereNetHTTPGoes(t, http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"}))
	})
}

func goWhereNetHTTPGoes(t *testing.T, proxy func(*http.Request) (*url.URL, error)) {
	came := make(chan asked, 1)
	transport := newTestTransport(t, nil, &Transport{Proxy: proxy, DialContext: askedDial(came), MaxRetries: -1})
	hosts := []string{
		"127.0.0.1", "localhost", "h.example", "A.Example", "localhost.", "xn--bcher-kva.example", "_srv.h", "[::1]", "[::ffff:1.2.3.4]",
		"", "127.1", "0x7f.1", "0x7f000001", "2130706433", "127.0.0.01", "127.0.0.1.", "1", "[::1", "::1", "[fe80::1%25lo]", "[v1.a]",
		"bücher.example", "a b", "a%41", "%31", ".", "a..b", "-", "a\x00b", "a\r\nX: y",
	}
	behind := []string{"", "", "", ":80", ":8080", ":", ":080", ":0", ":99999", ":x", "@b", "/x", "\\x", "?x", "#x", ";x", ":80:80", " ", "\t"}
	paths := []string{"", "/", "1/secret", "@b/x", "@127.0.0.9:8099/x", ":80/x", ".example/x", "//b/x", "\\b", "/a b", "/é", "/%2f", "/..;/", "*", "?q", "#f", "/@b:80/", "\x00", "/\r\nX: y"}
	queries := []string{"", "q=1", "@b/x", "//b", "a b", "#x", "%", "\r\nX: y", "é"}
	one := func(from []string) string { return from[rand.IntN(len(from))] }
	var sent, refused int
	for range *urlCount {
		u := &url.URL{Scheme: "http", Host: one(hosts) + one(behind), Path: one(paths), RawQuery: one(queries)}
		request := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}}
		if rand.IntN(4) == 0 {
			request.Host = one(hosts) + one(behind)
		}
		describe := fmt.Sprintf("Host %q, path %q, query %q, Request.Host %q", u.Host, u.Path, u.RawQuery, request.Host)
		response, err := transport.RoundTrip(request)
		if err != nil {
			require.ErrorIs(t, err, ErrUnsupportedRequest, describe)
			refused++
			continue
		}
		require.NoError(t, response.Body.Close(), describe)
		ours := <-came
		slashed := *u // net/http leaves the missing slash to the server
		slashed.Path = "/" + strings.TrimPrefix(u.Path, "/")
		request.URL = &slashed
		theirs, err := askNetHTTP(request, proxy)
		require.NoError(t, err, "net/http refuses %s", describe)
		require.True(t, strings.EqualFold(asLibcurl(theirs.address), asLibcurl(ours.address)), "%s: %q, net/http connects to %q", describe, ours.address, theirs.address)
		if proxy == nil { // otherwise it is read from the target
			require.Equal(t, theirs.host, ours.host, describe)
		}
		require.Equal(t, asLibcurlTarget(theirs.target), asLibcurlTarget(ours.target), describe)
		sent++
	}
	require.Greater(t, sent, *urlCount/50)
	require.Greater(t, refused, *urlCount/50)
}

// asLibcurl returns an address as some releases of libcurl spell it: without a
// dot at the end of the name, and without leading zeros in the port.
func asLibcurl(address string) string {
	colon := strings.LastIndexByte(address, ':')
	return strings.TrimSuffix(address[:colon], ".") + ":" + strings.TrimLeft(address[colon+1:], "0")
}

// asLibcurlTarget does the same for a target, which in the absolute form
// contains an address.
func asLibcurlTarget(target string) string {
	rest, absolute := strings.CutPrefix(target, "http://")
	slash := strings.IndexByte(rest, '/')
	if !absolute || slash < 0 {
		return target
	}
	host := strings.ToLower(rest[:slash])
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host = strings.TrimSuffix(strings.TrimSuffix(asLibcurl(host), ":80"), ":")
	}
	return "http://" + strings.TrimSuffix(host, ".") + rest[slash:]
}

// canAskWholeServer reports whether this libcurl can send OPTIONS *.
func canAskWholeServer(t testing.TB) bool {
	t.Helper()
	lib, err := loadedLibrary()
	require.NoError(t, err)
	return lib.number >= firstRequestTarget
}

// TestWholeServer sends OPTIONS *, which asks about the server and not about a
// path [RFC 9110 §9.3.7].
func TestWholeServer(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			body, _ := io.ReadAll(request.Body)
			fmt.Fprintf(writer, "%s %s %s", request.Method, request.RequestURI, body)
		}, func(s *httptest.Server) { s.Config.DisableGeneralOptionsHandler = true })
		whole := func(method, body string, u url.URL) *http.Request {
			request, err := http.NewRequest(method, s.URL, strings.NewReader(body))
			require.NoError(t, err)
			u.Scheme, u.Host = request.URL.Scheme, request.URL.Host
			request.URL = &u
			return request
		}
		for which, make := range yardsticks {
			roundTripper := make(t, s)
			for _, each := range []struct {
				body string
				u    url.URL
			}{{"", url.URL{Path: "*"}}, {"some", url.URL{Path: "*"}}, {"", url.URL{Opaque: "*"}}} {
				response, err := roundTripper.RoundTrip(whole(http.MethodOptions, each.body, each.u))
				if which == "curlpipe" && !canAskWholeServer(t) {
					require.ErrorIs(t, err, ErrUnsupportedRequest)
					require.ErrorIs(t, err, ErrUnsupportedByLibcurl)
					require.ErrorContains(t, err, "7.55.0")
					continue
				}
				require.NoError(t, err, which)
				require.Equal(t, "OPTIONS * "+each.body, readAll(t, response), which)
				// the handle's next request has a path again
				response, err = roundTripper.RoundTrip(get(t, s.URL+"/x"))
				require.NoError(t, err, which)
				require.Equal(t, "GET /x ", readAll(t, response), which)
			}
		}
		ours := newTestTransport(t, s, &Transport{})
		for _, each := range []*http.Request{
			whole(http.MethodGet, "", url.URL{Path: "*"}), whole("", "", url.URL{Opaque: "*"}), whole(http.MethodOptions, "", url.URL{Path: "*", RawQuery: "x"}),
		} {
			_, err := ours.RoundTrip(each)
			require.ErrorIs(t, err, ErrUnsupportedRequest)
			require.ErrorContains(t, err, "OPTIONS without a query")
		}
	})
}

// TestWholeServerThroughAProxy requires a target without a path, which the last
// proxy replaces with an asterisk [RFC 9112 §3.2.4].
func TestWholeServerThroughAProxy(t *testing.T) {
	if !canAskWholeServer(t) {
		t.Skip("this libcurl cannot")
	}
	came := make(chan asked, 1)
	transport := newTestTransport(t, nil, &Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128"}), DialContext: askedDial(came), MaxRetries: -1,
	})
	request := &http.Request{Method: http.MethodOptions, URL: &url.URL{Scheme: "http", Host: "h.example:8080", Path: "*"}}
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	ours := <-came
	require.Equal(t, "http://h.example:8080", ours.target)
	require.Equal(t, "h.example:8080", ours.host)
}
