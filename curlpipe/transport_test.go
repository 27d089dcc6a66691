package curlpipe

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// yardsticks are net/http's transport and this one, both prepared for a server.
var yardsticks = map[string]func(t *testing.T, s *server) http.RoundTripper{
	"net/http": func(t *testing.T, s *server) http.RoundTripper {
		transport := s.Client().Transport.(*http.Transport).Clone()
		transport.MaxConnsPerHost = 1
		t.Cleanup(transport.CloseIdleConnections)
		return transport
	},
	"curlpipe": func(t *testing.T, s *server) http.RoundTripper {
		return newTestTransport(t, s, &Transport{})
	},
}

// newTestTransport makes a transport that trusts the server. The end of the
// test closes it and requires that its counters add up.
func newTestTransport(t testing.TB, s *server, transport *Transport) *Transport {
	t.Helper()
	newTestClient(t, s, transport)
	return transport
}

// inspect answers with what it received: method, target, length, codings and a
// hash of the body.
func inspect(writer http.ResponseWriter, request *http.Request) {
	hash := sha256.New()
	length, err := io.Copy(hash, request.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(writer, "%s %s length=%d content-length=%d codings=%v type=%q expect=%q sum=%x",
		request.Method, request.URL.RequestURI(), length, request.ContentLength, request.TransferEncoding,
		request.Header.Get("Content-Type"), request.Header.Get("Expect"), hash.Sum(nil))
}

// behaviour is the server of the table below.
func behaviour(writer http.ResponseWriter, request *http.Request) {
	switch path := request.URL.Path; {
	case path == "/redirect":
		http.Redirect(writer, request, "/inspect?after=redirect", http.StatusFound)
	case path == "/redirect-307":
		http.Redirect(writer, request, "/inspect", http.StatusTemporaryRedirect)
	case path == "/cookie":
		http.SetCookie(writer, &http.Cookie{Name: "taste", Value: "sweet"})
	case path == "/cookie-back":
		io.WriteString(writer, request.Header.Get("Cookie"))
	case path == "/gzip":
		if !strings.Contains(request.Header.Get("Accept-Encoding"), "gzip") {
			io.WriteString(writer, "not asked for")
			return
		}
		writer.Header().Set("Content-Encoding", "gzip")
		coder := gzip.NewWriter(writer)
		io.WriteString(coder, strings.Repeat("smaller ", 1000))
		coder.Close()
	case path == "/trailer":
		writer.Header().Set("Trailer", "X-Sum")
		io.WriteString(writer, "body")
		writer.Header().Set("X-Sum", "42")
	case path == "/too-short":
		writer.Header().Set("Content-Length", "9")
		io.WriteString(writer, "four")
	case path == "/flush":
		io.WriteString(writer, "first")
		http.NewResponseController(writer).Flush()
		io.WriteString(writer, "second")
	case path == "/large":
		writer.Write(bytes.Repeat([]byte("0123456789abcdef"), 1<<20))
	case path == "/long-field":
		writer.Header().Set("X-Long", strings.Repeat("x", 60_000))
	case path == "/fields":
		request.Header.Del("User-Agent")
		request.Header.Write(writer)
	case path == "/length-of-nothing":
		status, _ := strconv.Atoi(request.URL.RawQuery)
		writer.Header().Set("Content-Length", "7")
		writer.WriteHeader(status)
	case path == "/empty":
	case path == "/no-content":
		writer.WriteHeader(http.StatusNoContent)
	case path == "/not-modified":
		writer.WriteHeader(http.StatusNotModified)
	case path == "/teapot":
		http.Error(writer, "short and stout", http.StatusTeapot)
	case path == "/refuse-upload":
		writer.Header().Set("Connection", "close")
		http.Error(writer, "no", http.StatusRequestEntityTooLarge)
	default:
		inspect(writer, request)
	}
}

// seen is what a caller can see of an exchange.
type seen struct {
	Status, Proto, Body, Err string
	Header, Trailer          http.Header
	Length                   int64
	Codings                  []string
	Uncompressed, Close, TLS bool
}

func observe(client *http.Client, request *http.Request) seen {
	response, err := client.Do(request)
	if err != nil {
		return seen{Err: "error"}
	}
	defer response.Body.Close()
	s := seen{
		Status: response.Status, Proto: response.Proto, Header: response.Header, Length: response.ContentLength,
		Codings: response.TransferEncoding, Uncompressed: response.Uncompressed, Close: response.Close, TLS: response.TLS != nil,
	}
	text, err := io.ReadAll(response.Body)
	s.Body, s.Trailer = string(text), response.Trailer
	if len(text) > 1<<12 {
		s.Body = fmt.Sprintf("%d bytes, sum %x", len(text), sha256.Sum256(text))
	}
	if err != nil {
		s.Err = "error while reading"
	}
	return s
}

// onlyReader hides the length of a reader.
type onlyReader struct{ io.Reader }

// TestLikeNetHTTP has one table for both transports, and requires that a caller
// sees the same.
func TestLikeNetHTTP(t *testing.T) {
	large := bytes.Repeat([]byte("x1"), 1<<19)
	table := map[string]func(base string) *http.Request{
		"get":                           makeRequest("GET", "/a/../b?q=1", nil),
		"raw UTF-8 in the query":        makeRequest("GET", "/inspect?q=gr\u00fc\u00df", nil),
		"head":                          makeRequest("HEAD", "/large", nil),
		"empty":                         makeRequest("GET", "/empty", nil),
		"no content":                    makeRequest("GET", "/no-content", nil),
		"not modified":                  makeRequest("GET", "/not-modified", nil),
		"204 with a length":             makeRequest("GET", "/length-of-nothing?204", nil),
		"304 with a length":             makeRequest("GET", "/length-of-nothing?304", nil),
		"line of 60 kB":                 makeRequest("GET", "/long-field", nil),
		"field of 70 kB":                withHeader(makeRequest("GET", "/fields", nil), "X-Long", strings.Repeat("x", 70_000)),
		"Accept":                        withHeader(makeRequest("GET", "/fields", nil), "Accept", "text/html"),
		"error status":                  makeRequest("GET", "/teapot", nil),
		"large body":                    makeRequest("GET", "/large", nil),
		"flushed in parts":              makeRequest("GET", "/flush", nil),
		"trailer":                       makeRequest("GET", "/trailer", nil),
		"shorter than its length":       makeRequest("GET", "/too-short", nil),
		"gzip":                          makeRequest("GET", "/gzip", nil),
		"gzip asked for":                withHeader(makeRequest("GET", "/gzip", nil), "Accept-Encoding", "gzip"),
		"gzip of a part":                withHeader(makeRequest("GET", "/gzip", nil), "Range", "bytes=0-"),
		"post":                          makeRequest("POST", "/inspect", strings.NewReader("a=b")),
		"post nothing":                  makeRequest("POST", "/inspect", nil),
		"post large":                    makeRequest("POST", "/inspect", bytes.NewReader(large)),
		"post of unknown length":        makeRequest("POST", "/inspect", onlyReader{bytes.NewReader(large)}),
		"post of unknown length, empty": makeRequest("POST", "/inspect", onlyReader{strings.NewReader("")}),
		"put":                           makeRequest("PUT", "/inspect", strings.NewReader("text")),
		"patch":                         makeRequest("PATCH", "/inspect", strings.NewReader("text")),
		"delete":                        makeRequest("DELETE", "/inspect", nil),
		"delete a body":                 makeRequest("DELETE", "/inspect", strings.NewReader("text")),
		"get with a body":               makeRequest("GET", "/inspect", strings.NewReader("text")),
		"options":                       makeRequest("OPTIONS", "/inspect", nil),
		"own method":                    makeRequest("BREW", "/inspect", nil),
		"redirect":                      makeRequest("GET", "/redirect", nil),
		"redirect a post":               makeRequest("POST", "/redirect", strings.NewReader("text")),
		"redirect a body":               makeRequest("PUT", "/redirect-307", strings.NewReader("text")),
		"connection: close": func(base string) *http.Request {
			request := makeRequest("GET", "/inspect", nil)(base)
			request.Close = true
			return request
		},
		"no Accept": func(base string) *http.Request {
			request := makeRequest("GET", "/fields", nil)(base)
			request.Header["Accept"] = nil
			return request
		},
		"content type": withHeader(makeRequest("POST", "/inspect", strings.NewReader("{}")), "Content-Type", "application/json"),
		"length that is too short": func(base string) *http.Request {
			request := makeRequest("POST", "/inspect", strings.NewReader("four"))(base)
			request.ContentLength = 3
			return request
		},
		"length that is too long": func(base string) *http.Request {
			request := makeRequest("POST", "/inspect", strings.NewReader("four"))(base)
			request.ContentLength = 5
			return request
		},
		"body that fails": makeRequest("POST", "/inspect", io.MultiReader(strings.NewReader("x"), failingReader{})),
		"context that has ended": func(base string) *http.Request {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return makeRequest("GET", "/inspect", nil)(base).WithContext(ctx)
		},
	}
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, behaviour)
		theirs := &http.Client{Transport: yardsticks["net/http"](t, s)}
		ours := &http.Client{Transport: yardsticks["curlpipe"](t, s)}
		for name, request := range table {
			t.Run(name, func(t *testing.T) {
				if strings.HasSuffix(name, "with a length") && s.EnableHTTP2 {
					t.Skip("net/http's client waits for a body there")
				}
				want := observe(theirs, request(s.URL))
				got := observe(ours, request(s.URL))
				for _, each := range []*seen{&want, &got} {
					each.Header.Del("Date")
				}
				require.Equal(t, want, got)
				if want.Err == "" {
					require.NotEmpty(t, got.Status)
				}
			})
		}
	})
}

func makeRequest(method, target string, body io.Reader) func(base string) *http.Request {
	var content []byte
	var known bool
	var rest io.Reader
	switch reader := body.(type) {
	case nil:
	case *strings.Reader, *bytes.Reader:
		content, _ = io.ReadAll(reader)
		known = true
	case onlyReader:
		content, _ = io.ReadAll(reader)
	default:
		rest = body
	}
	return func(base string) *http.Request {
		var fresh io.Reader
		switch {
		case known:
			fresh = bytes.NewReader(content)
		case content != nil:
			fresh = onlyReader{bytes.NewReader(content)}
		default:
			fresh = rest
		}
		request, err := http.NewRequest(method, base+target, fresh)
		if err != nil {
			panic(err)
		}
		return request
	}
}

func withHeader(inner func(string) *http.Request, name, value string) func(string) *http.Request {
	return func(base string) *http.Request {
		request := inner(base)
		request.Header.Set(name, value)
		return request
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestCookies(t *testing.T) {
	s := newServer(t, false, behaviour)
	for which, make := range yardsticks {
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		client := &http.Client{Transport: make(t, s), Jar: jar}
		response, err := client.Get(s.URL + "/cookie")
		require.NoError(t, err, which)
		readAll(t, response)
		response, err = client.Get(s.URL + "/cookie-back")
		require.NoError(t, err, which)
		require.Equal(t, "taste=sweet", readAll(t, response), which)
	}
}

// sendMixed sends that many requests at once, each nth with a body, the longer the
// later it is: each gets its own response.
func sendMixed(t *testing.T, transport *Transport, target string, requests, nth, size int) {
	t.Helper()
	client := &http.Client{Transport: transport}
	var group sync.WaitGroup
	for i := range requests {
		group.Go(func() {
			method, body := http.MethodGet, ""
			if i%nth == 0 {
				method, body = http.MethodPost, strings.Repeat("y", i*size)
			}
			request, _ := http.NewRequest(method, fmt.Sprintf("%s/%d", target, i), strings.NewReader(body))
			response, err := client.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			text, _ := io.ReadAll(response.Body)
			response.Body.Close()
			want := fmt.Sprintf("%s /%d length=%d ", method, i, len(body))
			if !strings.HasPrefix(string(text), want) {
				t.Errorf("%s, not %s", text, want)
			}
		})
	}
	group.Wait()
}

// TestUploadsShareTheConnection mixes requests with bodies among pipelined ones.
func TestUploadsShareTheConnection(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, inspect)
		transport := newTestTransport(t, s, &Transport{})
		sendMixed(t, transport, s.URL, 300, 10, 300)
		require.EqualValues(t, 1, s.accepted.Load())
		require.EqualValues(t, 1, transport.Stats().ConnectionsOpened)
	})
}

func TestTLSFields(t *testing.T) {
	s := newServer(t, true, echo)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	named := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	for name, each := range map[string]struct {
		transport *Transport
		url       string
		code      int // CURLcode, 0: it works
	}{
		"authorities as bytes":    {&Transport{RootCAs: authority}, s.URL, 0},
		"unknown authority":       {&Transport{}, s.URL, curl.E_SSL_CACERT},
		"no verification":         {&Transport{InsecureSkipVerify: true}, s.URL, 0},
		"another name":            {&Transport{RootCAs: authority, ServerName: "example.com"}, s.URL, 0},
		"a name it does not have": {&Transport{RootCAs: authority, ServerName: "example.net"}, s.URL, curl.E_SSL_CACERT},
		"wrong host":              {&Transport{RootCAs: authority}, named, curl.E_SSL_CACERT},
		"wrong pin":               {&Transport{RootCAs: authority, PinnedPublicKey: "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, s.URL, 90},
		"cipher":                  {&Transport{RootCAs: authority, Ciphers: "ECDHE-RSA-AES128-GCM-SHA256"}, s.URL, 0},
		"no such cipher":          {&Transport{RootCAs: authority, Ciphers: "ROT13"}, s.URL, curl.E_SSL_CIPHER},
	} {
		t.Run(name, func(t *testing.T) {
			client := newTestClient(t, nil, each.transport)
			response, err := client.Do(t.Context(), get(t, each.url+"/x"))
			if each.code == 0 {
				require.NoError(t, err)
				require.Equal(t, "you asked for /x", readAll(t, response))
				return
			}
			var code curl.CurlError
			require.ErrorAs(t, err, &code)
			require.EqualValues(t, each.code, code)
		})
	}
}

func TestTrace(t *testing.T) {
	s := newServer(t, true, echo)
	transport := newTestTransport(t, s, &Transport{})
	for _, want := range [][]string{
		{"get 127.0.0.1", "connect", "connected", "handshake", "secured", "got fresh", "headers", "wrote", "answer"},
		{"get 127.0.0.1", "got reused", "headers", "wrote", "answer"},
	} {
		var hooks []string
		add := func(what string) { hooks = append(hooks, what) }
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			GetConn: func(host string) { add("get " + strings.Split(host, ":")[0]) },
			GotConn: func(info httptrace.GotConnInfo) {
				u, _ := url.Parse(s.URL)
				require.Equal(t, u.Host, info.Conn.RemoteAddr().String())
				require.Equal(t, "127.0.0.1", strings.Split(info.Conn.LocalAddr().String(), ":")[0])
				_, err := info.Conn.Write([]byte("x"))
				require.Error(t, err)
				add("got " + map[bool]string{true: "reused", false: "fresh"}[info.Reused])
			},
			ConnectStart:         func(string, string) { add("connect") },
			ConnectDone:          func(string, string, error) { add("connected") },
			TLSHandshakeStart:    func() { add("handshake") },
			TLSHandshakeDone:     handshakeDone(add),
			WroteHeaders:         func() { add("headers") },
			WroteRequest:         func(httptrace.WroteRequestInfo) { add("wrote") },
			GotFirstResponseByte: func() { add("answer") },
		})
		response, err := transport.RoundTrip(get(t, s.URL).WithContext(ctx))
		require.NoError(t, err)
		readAll(t, response)
		require.Equal(t, want, hooks)
	}
	stats := transport.Stats()
	require.EqualValues(t, 1, stats.Handshakes)
	require.Zero(t, stats.Resumptions)
}

func handshakeDone(add func(string)) func(tls.ConnectionState, error) {
	return func(tls.ConnectionState, error) { add("secured") }
}
