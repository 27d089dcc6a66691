package curlpipe

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHTTP2ResponsesAreWhole sends requests on one connection at once. Some have a
// body of unknown length that ends only when their response has begun, some are refused
// before that. The responses are larger than libcurl's buffer and have trailer sections.
// libcurl 7.88.1 loses trailer fields, and parts of bodies when a request's body ends.
func TestHTTP2ResponsesAreWhole(t *testing.T) {
	needsMultiplexing(t)
	rounds := 8
	if long() {
		rounds = 400
	}
	for _, secured := range []bool{true, false} {
		t.Run(map[bool]string{true: "TLS", false: "plain"}[secured], func(t *testing.T) {
			whole := &wholeServer{body: numbered(140_000)}
			url, transport := whole.start(t, secured)
			for range rounds {
				whole.ask(t, transport, url)
			}
			require.NoError(t, transport.Close())
		})
	}
}

// numbered returns bytes of which no piece occurs twice.
func numbered(length int) []byte {
	var body []byte
	for i := 0; len(body) < length; i++ {
		body = append(body, byte(i>>16), byte(i>>8), byte(i))
	}
	return body[:length]
}

// wholeServer answers with the same body each time.
type wholeServer struct{ body []byte }

func (s *wholeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := s.body
	w.Header().Set("Trailer", "X-Trailer")
	switch r.URL.Path {
	case "/short":
		answer = answer[:10]
	case "/refused":
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	}
	half := len(answer) / 2
	_, _ = w.Write(answer[:half])
	if r.URL.Path != "/refused" {
		_ = http.NewResponseController(w).Flush()
		_, _ = io.Copy(io.Discard, r.Body)
	}
	_, _ = w.Write(answer[half:])
	w.Header().Set("X-Trailer", r.URL.RawQuery)
}

func (s *wholeServer) start(t *testing.T, secured bool) (string, *Transport) {
	server := httptest.NewUnstartedServer(s)
	t.Cleanup(server.Close)
	base := &http.Transport{Protocols: new(http.Protocols)}
	if secured {
		server.EnableHTTP2 = true
		server.StartTLS()
		base.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		base.TLSClientConfig.NextProtos = nil
		base.Protocols.SetHTTP2(true)
	} else {
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
		base.Protocols.SetUnencryptedHTTP2(true)
	}
	transport, err := FromHTTPTransport(base)
	require.NoError(t, err)
	t.Cleanup(func() { _ = transport.Close() })
	return server.URL, transport
}

// ask sends requests of all kinds at once.
func (s *wholeServer) ask(t *testing.T, transport *Transport, url string) {
	var group sync.WaitGroup
	for i := range 16 {
		path := []string{"/large", "/short", "/large", "/refused"}[i%4]
		group.Go(func() {
			answered := make(chan struct{})
			request, err := http.NewRequest(http.MethodPut, url+path+"?"+path, struct{ io.Reader }{untilClosed(answered)})
			if i%8 < 2 {
				request, err = http.NewRequest(http.MethodGet, url+path+"?"+path, nil)
			}
			if err != nil {
				t.Error(err)
				return
			}
			response, err := transport.RoundTrip(request)
			close(answered)
			if err != nil {
				t.Errorf("%s %s: %v", request.Method, path, err)
				return
			}
			s.check(t, response, path)
		})
	}
	group.Wait()
}

func (s *wholeServer) check(t *testing.T, response *http.Response, path string) {
	defer func() { _ = response.Body.Close() }()
	want := s.body
	if path == "/short" {
		want = want[:10]
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("%s %s, after %d bytes: %v", response.Request.Method, path, len(body), err)
		return
	}
	if !bytes.Equal(body, want) {
		t.Errorf("%s %s: %d bytes of %d, or others", response.Request.Method, path, len(body), len(want))
	}
	if got := response.Trailer.Get("X-Trailer"); got != path {
		t.Errorf("%s %s: the trailer field is %q", response.Request.Method, path, got)
	}
}

// untilClosed is a body that has one piece and ends when the channel is closed.
func untilClosed(closed <-chan struct{}) io.Reader {
	return io.MultiReader(bytes.NewReader([]byte("piece")), endsWith(closed))
}

type endsWith <-chan struct{}

func (e endsWith) Read([]byte) (int, error) {
	<-e
	return 0, io.EOF
}
