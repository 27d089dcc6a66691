package curlpipe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestResponseDetails requires that a caller sees the same of unusual responses, and
// of a body that is read after its Close.
func TestResponseDetails(t *testing.T) {
	for _, raw := range []string{
		"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 599 What Now\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nx-lower: a\r\nX-Lower: b\r\nX_Y: c\r\nX-Empty:\r\nX-Space:  d e \r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nX-Latin: \xe9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\n\r\nhi",
		"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/10\r\nContent-Length: 2\r\n\r\nhi",
	} {
		seen := make(map[string]string)
		for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				request := get(t, newRawServer(t, raw, true))
				request.Method = method
				response, err := roundTripper.RoundTrip(request)
				require.NoError(t, err, "%s: %q", which, raw)
				require.Same(t, request, response.Request)
				text, err := io.ReadAll(response.Body)
				require.NoError(t, err, which)
				seen[which] += fmt.Sprintf("%q %s %v %d %t %q", response.Status, response.Proto, response.Header, response.ContentLength, response.Close, text)
				require.NoError(t, response.Body.Close())
				require.NoError(t, response.Body.Close())
				_, err = response.Body.Read(make([]byte, 1))
				seen[which] += fmt.Sprintln("", err)
			}
		}
		require.Equal(t, seen["net/http"], seen["curlpipe"], "%q", raw)
	}
}

// TestRequestDetails requires that the server gets the same of unusual requests, or
// that both transports refuse them.
func TestRequestDetails(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		text, _ := io.ReadAll(request.Body)
		fmt.Fprintf(writer, "%s %s %d %v %v %q", request.Method, request.RequestURI, request.ContentLength, request.TransferEncoding, request.Header, text)
	})
	text := func(r *http.Request, length int64) {
		r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader("text")), length
	}
	for name, each := range map[string]struct {
		change func(*http.Request)
		fails  string
	}{
		"chunked, of known length": {change: func(r *http.Request) { text(r, 4); r.TransferEncoding = []string{"chunked"} }},
		"length below -1":          {change: func(r *http.Request) { text(r, -5) }},
		"a length without a body":  {func(r *http.Request) { r.ContentLength = 5 }, "Request.ContentLength=5 with nil Body"},
		"-1 without a body":        {func(r *http.Request) { r.ContentLength = -1 }, "Request.ContentLength=-1 with nil Body"},
		"a length with NoBody":     {change: func(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodPost, http.NoBody, 5 }},
		"method in lower case":     {change: func(r *http.Request) { r.Method = "get" }},
		"fields about the body":    {change: func(r *http.Request) { r.Header.Set("Content-Length", "9"); r.Header.Set("Transfer-Encoding", "x") }},
		"names as they are":        {change: func(r *http.Request) { r.Header["x-LOW"] = []string{"1", "", " 2 "}; r.Header["X-None"] = nil }},
		"a query that is none":     {change: func(r *http.Request) { r.URL.ForceQuery = true }},
		"two slashes":              {change: func(r *http.Request) { r.URL.Path = "//a//../b" }},
		"escapes":                  {change: func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a/b c", "/a%2fb%20c" }},
		"HTTP/1.0":                 {change: func(r *http.Request) { r.Proto, r.ProtoMinor = "HTTP/1.0", 0 }},
	} {
		seen := make(map[string]string)
		for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
			request := get(t, s.URL+"/x")
			each.change(request)
			response, err := roundTripper.RoundTrip(request)
			if each.fails != "" {
				// net/http's connection fails with the request, and its reader
				// may be the first to say so
				if which != "net/http" || !errors.Is(err, net.ErrClosed) {
					require.ErrorContains(t, err, each.fails, which)
				}
				continue
			}
			require.NoError(t, err, "%s: %s", which, name)
			seen[which] = readAll(t, response)
		}
		require.Equal(t, seen["net/http"], seen["curlpipe"], name)
	}
}

// TestClientTimeout requires that http.Client says of both transports that its own
// Timeout has expired.
func TestClientTimeout(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/part" {
			_, _ = io.WriteString(writer, "part")
			_ = http.NewResponseController(writer).Flush()
		}
		<-request.Context().Done()
	})
	for path, phrase := range map[string]string{"/none": "(Client.Timeout exceeded while awaiting headers)", "/part": "(Client.Timeout or context cancellation while reading body)"} {
		said := make(map[string]string)
		for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
			client := &http.Client{Transport: roundTripper, Timeout: 50 * time.Millisecond}
			if path == "/part" {
				client.Timeout = time.Second // the header section comes before that
			}
			response, err := client.Get(s.URL + path)
			if path == "/part" {
				require.NoError(t, err, which)
				_, err = io.ReadAll(response.Body)
				require.NoError(t, response.Body.Close())
			}
			require.ErrorContains(t, err, phrase, which)
			require.True(t, os.IsTimeout(err), which)
			said[which] = err.Error()
		}
		require.Equal(t, said["net/http"], said["curlpipe"])
	}
}
