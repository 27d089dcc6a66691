package curlpipe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newCountingServer answers requests as strictly as net/http reads them, and
// tells of each.
func newCountingServer(t testing.TB) (address string, came chan *http.Request) {
	t.Helper()
	came = make(chan *http.Request, 10)
	s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		for {
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(request.Body)
			request.Body = io.NopCloser(strings.NewReader(string(body)))
			came <- request
			_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	return strings.TrimPrefix(s.url, "http://"), came
}

// What must not be in the parts of a request, put into each of them. Either the
// request is refused, or exactly one arrives, with what net/http would send.
func TestNothingIsInjected(t *testing.T) {
	address, came := newCountingServer(t)
	transport := newTestTransport(t, nil, &Transport{MaxRetries: -1})
	bad := []string{
		"\r\nInjected: y", "\nInjected: y", "\rInjected: y", "\r\n\r\nGET /injected HTTP/1.1\r\nHost: x\r\n\r\n", "\x00", "\x00\r\n", " HTTP/1.1\r\nX: y",
		"\x01", "\x7f", "\v", "\f", "\b", "\x1b[0m", "\t", " ", ":", ";", ",", "@", "#", "?", "/", "\\", "%", "%0d%0aInjected:%20y", "%00", "\u2028", "\u010d\u010a", "\xff", "é",
	}
	where := map[string]func(r *http.Request, bad string){
		"method":       func(r *http.Request, bad string) { r.Method = "GET" + bad },
		"scheme":       func(r *http.Request, bad string) { r.URL.Scheme += bad },
		"host":         func(r *http.Request, bad string) { r.URL.Host += bad },
		"before host":  func(r *http.Request, bad string) { r.URL.Host = bad + r.URL.Host },
		"path":         func(r *http.Request, bad string) { r.URL.Path = "/a" + bad + "b" },
		"bare path":    func(r *http.Request, bad string) { r.URL.Path = bad + "b" },
		"raw path":     func(r *http.Request, bad string) { r.URL.Path, r.URL.RawPath = "/a", "/"+bad },
		"query":        func(r *http.Request, bad string) { r.URL.RawQuery = "q=" + bad },
		"fragment":     func(r *http.Request, bad string) { r.URL.Fragment = bad },
		"user":         func(r *http.Request, bad string) { r.URL.User = url.UserPassword("u"+bad, bad) },
		"field value":  func(r *http.Request, bad string) { r.Header.Set("X-Field", "a"+bad+"b") },
		"field name":   func(r *http.Request, bad string) { r.Header["X"+bad+"Y"] = []string{"z"} },
		"user agent":   func(r *http.Request, bad string) { r.Header.Set("User-Agent", "a"+bad+"b") },
		"Request.Host": func(r *http.Request, bad string) { r.Host = "h" + bad },
	}
	tried := 0
	for place, put := range where {
		for _, each := range bad {
			describe := fmt.Sprintf("%q in the %s", each, place)
			request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: address, Path: "/"}, Header: http.Header{}}
			put(request, each)
			tried++
			response, err := transport.RoundTrip(request)
			if err != nil {
				require.ErrorIs(t, err, ErrUnsupportedRequest, describe)
				continue
			}
			require.Equal(t, http.StatusOK, response.StatusCode, describe)
			require.NoError(t, response.Body.Close())
			arrived := <-came
			require.Equal(t, request.Method, arrived.Method, describe)
			require.Empty(t, arrived.Header.Get("Injected"), describe)
			require.Empty(t, arrived.Header.Get("X"), describe)
			require.NotContains(t, arrived.Host, "\x00", describe)
			if value := request.Header.Get("X-Field"); value != "" {
				require.Equal(t, value, arrived.Header.Get("X-Field"), describe)
			}
			if request.URL.User != nil {
				user, password, ok := arrived.BasicAuth()
				require.True(t, ok, describe)
				require.True(t, strings.HasPrefix(user, "u"), describe)
				require.True(t, strings.HasSuffix(password, each), describe)
			}
		}
	}
	require.GreaterOrEqual(t, tried, 275)
	require.Empty(t, came, "more requests arrived than were made")
}

// The library alone says how a request is framed, in whatever case a caller's
// map has the names. The next request must not become the body of this one.
func TestCallersDoNotFrame(t *testing.T) {
	address, came := newCountingServer(t)
	transport := newTestTransport(t, nil, &Transport{MaxRetries: -1})
	for _, name := range []string{"Content-Length", "content-length", "CONTENT-LENGTH", "Content-length", "Transfer-Encoding", "transfer-encoding", "tRANSFER-eNCODING"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
			for _, value := range []string{"30", "chunked", "0", "x"} {
				var body io.Reader
				if method == http.MethodPost || method == http.MethodPut {
					body = strings.NewReader("four")
				}
				first, err := http.NewRequest(method, "http://"+address+"/first", body)
				require.NoError(t, err)
				first.Header[name] = []string{value}
				for _, request := range []*http.Request{first, get(t, "http://"+address+"/second")} {
					response, err := transport.RoundTrip(request)
					require.NoError(t, err, "%s %s: %s", method, name, value)
					require.NoError(t, response.Body.Close())
					arrived := <-came
					require.Equal(t, request.URL.Path, arrived.URL.Path)
					require.Equal(t, request.Method, arrived.Method)
					require.Equal(t, request.ContentLength, arrived.ContentLength)
					require.Empty(t, arrived.TransferEncoding)
				}
			}
		}
	}
	require.Empty(t, came)
}
