package curlpipe

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// onTheWire sends a request and returns its bytes as the server got them.
func onTheWire(t *testing.T, change func(*http.Request)) (text, host string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	came := make(chan string, 1)
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			came <- err.Error()
			return
		}
		defer connection.Close()
		var head strings.Builder
		for lines := bufio.NewReader(connection); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
			line, err := lines.ReadString('\n')
			head.WriteString(line)
			if err != nil {
				break
			}
		}
		came <- head.String()
		_, _ = io.WriteString(connection, "HTTP/1.1 204 No Content\r\n\r\n")
	}()
	client := newTestClient(t, nil, &Transport{})
	request := get(t, "http://"+listener.Addr().String())
	change(request)
	response, err := client.Do(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	return <-came, listener.Addr().String()
}

func TestRequestOnTheWire(t *testing.T) {
	for name, each := range map[string]struct {
		change func(*http.Request)
		want   []string // HOST stands for the server's address
	}{
		"bare": {
			func(*http.Request) {},
			[]string{"GET / HTTP/1.1", "Host: HOST", "User-Agent: curlpipe"},
		},
		"fields sorted by name, values in order": {
			func(r *http.Request) {
				r.Header = http.Header{
					"X-Twice": {"one", "two"}, "X-Empty": {""}, "Accept": {"text/html"}, "Zone": {"\tz "},
					"A-First": {"é"}, "User-Agent": {"me"}, "Content-Length": {"5"}, "x-lower": {"kept"},
				}
			},
			[]string{
				"GET / HTTP/1.1", "Host: HOST", "User-Agent: me", "A-First: é", "Accept: text/html",
				"X-Empty:", "X-Twice: one", "X-Twice: two", "Zone: z", "x-lower: kept",
			},
		},
		"no user agent": {
			func(r *http.Request) { r.Header.Set("User-Agent", "") },
			[]string{"GET / HTTP/1.1", "Host: HOST"},
		},
		"another host": {
			func(r *http.Request) { r.Host = "example.com" },
			[]string{"GET / HTTP/1.1", "Host: example.com", "User-Agent: curlpipe"},
		},
		"head": {
			func(r *http.Request) { r.Method = http.MethodHead },
			[]string{"HEAD / HTTP/1.1", "Host: HOST", "User-Agent: curlpipe"},
		},
		"target is not tidied up": {
			func(r *http.Request) {
				r.URL.Path, r.URL.RawQuery, r.URL.Fragment = "/a/../b/./c d", "q=1&q=/../", "part"
			},
			[]string{"GET /a/../b/./c%20d?q=1&q=/../ HTTP/1.1", "Host: HOST", "User-Agent: curlpipe"},
		},
		"query without a path": {
			func(r *http.Request) { r.URL.ForceQuery = true },
			[]string{"GET /? HTTP/1.1", "Host: HOST", "User-Agent: curlpipe"},
		},
		"opaque path": {
			func(r *http.Request) { r.URL.Opaque, r.URL.RawQuery = "/a%2Fb//c", "q" },
			[]string{"GET /a%2Fb//c?q HTTP/1.1", "Host: HOST", "User-Agent: curlpipe"},
		},
		"opaque path behind the host": {
			func(r *http.Request) { r.URL.Opaque = "//" + r.URL.Host + "/a%2Fb" },
			[]string{"GET /a%2Fb HTTP/1.1", "Host: HOST", "User-Agent: curlpipe"},
		},
		"user information": {
			func(r *http.Request) { r.URL.User = url.UserPassword("Aladdin", "open sesame") },
			[]string{"GET / HTTP/1.1", "Host: HOST", "User-Agent: curlpipe", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		},
		"authorization before user information": {
			func(r *http.Request) {
				r.URL.User = url.User("x")
				r.Header.Set("Authorization", "Bearer y")
			},
			[]string{"GET / HTTP/1.1", "Host: HOST", "User-Agent: curlpipe", "Authorization: Bearer y"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, host := onTheWire(t, each.change)
			want := strings.ReplaceAll(strings.Join(each.want, "\r\n")+"\r\n\r\n", "HOST", host)
			require.Equal(t, want, text)
		})
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	client := newTestClient(t, nil, &Transport{})
	for name, change := range map[string]func(*http.Request){
		"method with a space": func(r *http.Request) { r.Method = "GET /x" },
		"connect":             func(r *http.Request) { r.Method = http.MethodConnect },
		"head with a body": func(r *http.Request) {
			r.Method, r.Body = http.MethodHead, io.NopCloser(strings.NewReader("x"))
		},
		"upgrade":              func(r *http.Request) { r.Header.Set("Upgrade", "websocket") },
		"no URL":               func(r *http.Request) { r.URL = nil },
		"no host":              func(r *http.Request) { r.URL.Host = "" },
		"scheme":               func(r *http.Request) { r.URL.Scheme = "ftp" },
		"opaque for another":   func(r *http.Request) { r.URL.Opaque = "//x/y" },
		"opaque, no path":      func(r *http.Request) { r.URL.Opaque = "x/y" },
		"space in opaque":      func(r *http.Request) { r.URL.Opaque = "/x y" },
		"line break in query":  func(r *http.Request) { r.URL.RawQuery = "x\r\nInjected: y" },
		"space in query":       func(r *http.Request) { r.URL.RawQuery = "x HTTP/1.1" },
		"fragment in query":    func(r *http.Request) { r.URL.RawQuery = "x#y" },
		"path in host":         func(r *http.Request) { r.URL.Host = "a/b" },
		"user in host":         func(r *http.Request) { r.URL.Host = "a@b" },
		"line break in value":  func(r *http.Request) { r.Header.Set("X", "a\r\nInjected: y") },
		"NUL in value":         func(r *http.Request) { r.Header.Set("X", "a\x00b") },
		"line break in name":   func(r *http.Request) { r.Header["X\r\nY"] = []string{"z"} },
		"colon in name":        func(r *http.Request) { r.Header["X:Y"] = []string{"z"} },
		"empty name":           func(r *http.Request) { r.Header[""] = []string{"z"} },
		"line break in Host":   func(r *http.Request) { r.Host = "a\r\nInjected: y" },
		"line break for agent": func(r *http.Request) { r.Header.Set("User-Agent", "a\nb") },
	} {
		t.Run(name, func(t *testing.T) {
			request := get(t, "http://127.0.0.1:1/")
			change(request)
			_, err := client.Do(t.Context(), request)
			require.ErrorIs(t, err, ErrUnsupportedRequest)
		})
	}
	require.Zero(t, client.Stats().Requests)
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error {
	c.closed = true
	return nil
}

func TestBodyOfARefusedRequestIsClosed(t *testing.T) {
	client := newTestClient(t, nil, &Transport{})
	body := &closeRecorder{Reader: strings.NewReader("x")}
	request := get(t, "http://127.0.0.1:1/")
	request.Body, request.Method = body, http.MethodHead
	_, err := client.Do(t.Context(), request)
	require.ErrorIs(t, err, ErrUnsupportedRequest)
	require.True(t, body.closed)
}

// TestCallUsedAgain checks that a call that was used for another request before
// writes a request as a new call does.
func TestCallUsedAgain(t *testing.T) {
	authorities := []string{
		"a.example", "A.example", "b.example", "a.example:80", "a.example:443", "a.example:", "a.example:0",
		"münchen.example", "xn--mnchen-3ya.example", "[::1]", "[::1%25lo]", "127.1", "a..example", "a b", "",
	}
	type written struct {
		text, failure string
		origin        originKey
	}
	write := func(c *call, scheme, authority, host string) written {
		request := &http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Scheme: scheme, Host: authority, Path: "/"}}
		c.owner = &Transport{}
		err := c.encode(request, &settings{dialer: &dialer{}})
		if err != nil {
			return written{failure: err.Error()}
		}
		return written{text: string(c.text), origin: c.origin}
	}
	again := &call{}
	for _, scheme := range []string{"http", "https", "ftp"} {
		for _, first := range authorities {
			for _, second := range authorities {
				for _, host := range []string{"", second, "a.example", "münchen.example", "a b"} {
					write(again, "http", first, first)
					require.Equal(t, write(&call{}, scheme, second, host), write(again, scheme, second, host),
						"%s %q %q after %q", scheme, second, host, first)
				}
			}
		}
	}
}
