package curlpipe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newCountingServer parses requests as strictly as net/http, answers them, and
// reports each.
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

// injected are the octets and sequences that must not be in the parts of a
// request: each octet, and sequences that some reader takes for the end of
// something.
func injected() (all []string) {
	for octet := range 256 {
		all = append(all, string([]byte{byte(octet)}))
	}
	return append(all,
		"\r\nInjected: y", "\nInjected: y", "\rInjected: y", "\r\n\r\nGET /injected HTTP/1.1\r\nHost: x\r\n\r\n", "\x00\r\n", " HTTP/1.1\r\nX: y",
		"\x1b[0m", "%0d%0aInjected:%20y", "%00", "\u2028", "\u010d\u010a", "é", "..", "//", "/../", "#@", "?@", "\\@", "[::1]", ":0", "\r\n ",
	)
}

// injections are the parts of a request that a caller sets.
var injections = map[string]func(r *http.Request, bad string){
	"method":        func(r *http.Request, bad string) { r.Method = "GET" + bad },
	"scheme":        func(r *http.Request, bad string) { r.URL.Scheme += bad },
	"host":          func(r *http.Request, bad string) { r.URL.Host += bad },
	"before host":   func(r *http.Request, bad string) { r.URL.Host = bad + r.URL.Host },
	"path":          func(r *http.Request, bad string) { r.URL.Path = "/a" + bad + "b" },
	"bare path":     func(r *http.Request, bad string) { r.URL.Path = bad + "b" },
	"raw path":      func(r *http.Request, bad string) { r.URL.Path, r.URL.RawPath = "/a", "/"+bad },
	"opaque":        func(r *http.Request, bad string) { r.URL.Opaque = "/a" + bad },
	"query":         func(r *http.Request, bad string) { r.URL.RawQuery = "q=" + bad },
	"fragment":      func(r *http.Request, bad string) { r.URL.Fragment = bad },
	"user":          func(r *http.Request, bad string) { r.URL.User = url.UserPassword("u"+bad, bad) },
	"field value":   func(r *http.Request, bad string) { r.Header.Set("X-Field", "a"+bad+"b") },
	"value's end":   func(r *http.Request, bad string) { r.Header.Set("X-Field", "a"+bad) },
	"field name":    func(r *http.Request, bad string) { r.Header["X"+bad+"Y"] = []string{"z"} },
	"name's end":    func(r *http.Request, bad string) { r.Header["X-Y"+bad] = []string{"z"} },
	"Authorization": func(r *http.Request, bad string) { r.Header.Set("Authorization", "Basic "+bad) },
	"Cookie":        func(r *http.Request, bad string) { r.Header.Set("Cookie", "a="+bad) },
	"user agent":    func(r *http.Request, bad string) { r.Header.Set("User-Agent", "a"+bad+"b") },
	"Request.Host":  func(r *http.Request, bad string) { r.Host = "h" + bad },
}

// injectedSampled is the share of the table that TestNothingIsInjected tries
// unless it tries all: one octet in this many, and each sequence.
const injectedSampled = 7

// A request is refused, or exactly one request arrives, and it is what net/http
// would send, if net/http sends it.
func TestNothingIsInjected(t *testing.T) {
	address, came := newCountingServer(t)
	ours := &http.Client{Transport: newTestTransport(t, nil, &Transport{MaxRetries: -1})} // which sends URL.User
	theirs := &http.Client{Transport: &http.Transport{}}
	defer theirs.CloseIdleConnections()
	tried, from := 0, rand.IntN(injectedSampled)
	for place, put := range injections {
		for i, each := range injected() {
			if !long() && len(each) == 1 && i%injectedSampled != from {
				continue
			}
			describe := fmt.Sprintf("%q in the %s", each, place)
			request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: address, Path: "/"}, Header: http.Header{}}
			put(request, each)
			if request.URL.Scheme == "https" {
				continue
			}
			tried++
			response, err := ours.Do(request.Clone(t.Context()))
			if err != nil && !errors.Is(err, ErrUnsupportedRequest) {
				// The server refuses the request, one for "/a%" for example,
				// from net/http too.
				_, theirErr := theirs.Transport.RoundTrip(request.Clone(t.Context()))
				require.Error(t, theirErr, "%s: %v", describe, err)
			}
			if err != nil {
				continue
			}
			require.Equal(t, http.StatusOK, response.StatusCode, describe)
			require.NoError(t, response.Body.Close())
			arrived := <-came
			require.Equal(t, request.Method, arrived.Method, describe)
			require.NotContains(t, arrived.Host, "\x00", describe)
			reference := request.Clone(t.Context())
			if !strings.HasPrefix(request.URL.Path, "/") {
				reference.URL.Path = "/" + request.URL.Path // net/http leaves it out
			}
			response, err = theirs.Do(reference)
			require.NoError(t, err, describe)
			require.NoError(t, response.Body.Close())
			wanted := <-came
			require.Equal(t, wanted.RequestURI, arrived.RequestURI, describe)
			require.Equal(t, wanted.Host, arrived.Host, describe)
			for _, name := range []string{"Accept-Encoding", "User-Agent"} { // each has its own
				if request.Header[name] == nil {
					wanted.Header.Del(name)
					arrived.Header.Del(name)
				}
			}
			require.Equal(t, wanted.Header, arrived.Header, describe)
		}
	}
	t.Logf("%d injections", tried)
	require.GreaterOrEqual(t, tried, 275)
	require.Empty(t, came, "more requests arrived than were made")
}

// Only the library decides how a request is framed, whatever case the names in
// a caller's map have. The next request must not become the body of this one.
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
