package curlpipe

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var interleaved = flag.Int("interleaved", 600, "`requests` of each part of the interleavings")

// interleaving is a server that answers in every way in which HTTP/1.1 lets it:
// with any status, early, with interim responses, with trailers, with and
// without announcing that it closes the connection.
type interleaving struct {
	mutex  sync.Mutex
	begun  map[string]int // requests by their target: whose header section has arrived
	broken []string       // what was no request, or the wrong body
}

func (s *interleaving) note(format string, values ...any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.broken = append(s.broken, fmt.Sprintf(format, values...))
}

// interleavedInterims come before a response.
var interleavedInterims = []string{
	"", "", "", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 102 Processing\r\nConnection: close\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/1.1 103 Early Hints\r\nConnection: keep-alive\r\nX: " + "y" + "\r\n\r\n",
}

// interleavedStatuses include all that some client treats in its own way.
var interleavedStatuses = []string{
	"200 OK", "200 OK", "200 OK", "201 Created", "206 Partial Content", "226 IM Used", "299 ", "300 Multiple Choices", "400 Bad Request", "401 Unauthorized", "407 Proxy Authentication Required",
	"408 Request Timeout", "413 Content Too Large", "417 Expectation Failed", "421 Misdirected Request", "425 Too Early", "426 Upgrade Required", "429 Too Many Requests", "499 ", "500 Internal Server Error", "503 Service Unavailable", "505 HTTP Version Not Supported",
}

// interleavedTrailers are valid trailer sections; a client ignores fields about
// framing and the connection there [RFC 9110 §6.5.1].
var interleavedTrailers = []string{"", "X-T: y\r\n", "Connection: close\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\nX-T: y\r\n", "Expect: 100-continue\r\nHTTP: x\r\n"}

// answer makes a response with the target as its body, and says whether it
// announces that the connection ends.
func (s *interleaving) answer(request *http.Request) (text string, ends bool) {
	pick := func(from []string) string { return from[rand.IntN(len(from))] }
	body := strings.Repeat(request.URL.Path+";", 1+rand.IntN(30)*rand.IntN(30))
	fields := "Target: " + request.URL.Path + "\r\n"
	if ends = rand.IntN(12) == 0; ends {
		fields += pick([]string{"Connection: close\r\n", "Connection: x, Close\r\n", "connection: CLOSE\r\nKeep-Alive: 5\r\n"})
	}
	text = pick(interleavedInterims) + "HTTP/1.1 " + pick(interleavedStatuses) + "\r\n" + fields
	switch {
	case request.Method == http.MethodHead:
		return text + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)), ends
	case rand.IntN(2) == 0:
		return text + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), ends
	}
	text += "Transfer-Encoding: chunked\r\n\r\n"
	for body != "" {
		n := 1 + rand.IntN(len(body))
		extension := pick([]string{"", "", ";x", ";x=\"" + strings.Repeat("y", 300) + "\"", ";" + strings.Repeat("z", 5000)})
		text += fmt.Sprintf("%x%s\r\n%s\r\n", n, extension, body[:n])
		body = body[n:]
	}
	return text + "0\r\n" + pick(interleavedTrailers) + "\r\n", ends
}

// write sends a text in pieces, or only a part of it.
func (s *interleaving) write(connection net.Conn, text string) bool {
	cut := len(text) + 1
	if rand.IntN(25) == 0 {
		cut = rand.IntN(len(text))
	}
	for at := 0; at < len(text); {
		n := min(len(text)-at, 1+rand.IntN(len(text)))
		if at+n > cut {
			_, _ = io.WriteString(connection, text[at:cut])
			return false
		}
		if _, err := io.WriteString(connection, text[at:at+n]); err != nil {
			return false
		}
		at += n
	}
	return true
}

func (s *interleaving) serve(raw *net.TCPConn, connection net.Conn, requests *bufio.Reader) {
	for {
		if rand.IntN(60) == 0 {
			_ = raw.SetLinger(0)
			return
		}
		request, err := http.ReadRequest(requests)
		if err != nil {
			if strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "invalid") {
				s.note("no request: %v", err)
			}
			return
		}
		s.mutex.Lock()
		s.begun[request.Method+" "+request.URL.Path]++
		s.mutex.Unlock()
		early := request.ContentLength != 0 && rand.IntN(4) == 0
		if !early {
			if request.Header.Get("Expect") != "" {
				_, _ = io.WriteString(connection, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			body, err := io.ReadAll(request.Body)
			if strings.ReplaceAll(string(body), request.URL.Path+";", "") != "" && err == nil {
				s.note("the body of %s is %.80q", request.URL.Path, body)
			}
			if err != nil {
				return // the client has left
			}
		}
		text, ends := s.answer(request)
		if !s.write(connection, text) || ends {
			return
		}
		if early {
			body, err := io.ReadAll(request.Body) // the connection goes on only if it is whole
			if strings.ReplaceAll(string(body), request.URL.Path+";", "") != "" && err == nil {
				s.note("the body of %s is %.80q", request.URL.Path, body)
			}
			if err != nil {
				return
			}
		}
	}
}

// interleavedRequest makes a request of any kind, whose body, if it has one,
// comes in pieces.
func interleavedRequest(ctx context.Context, t testing.TB, url, target string) *http.Request {
	method := []string{"GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "PATCH"}[rand.IntN(9)]
	var body io.Reader
	if strings.HasPrefix(method, "P") {
		text := strings.Repeat(target+";", 1+rand.IntN(40)*rand.IntN(200))
		body = strings.NewReader(text)
		if rand.IntN(2) == 0 {
			body = io.MultiReader(strings.NewReader(text[:len(text)/2]), &slowReader{strings.NewReader(text[len(text)/2:])})
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, url+target, body)
	require.NoError(t, err)
	if body != nil && rand.IntN(3) == 0 {
		request.Header.Set("Expect", "100-continue")
	}
	return request
}

// slowReader returns a few bytes at a time.
type slowReader struct{ from io.Reader }

func (r *slowReader) Read(into []byte) (int, error) {
	time.Sleep(rand.N(time.Millisecond))
	return r.from.Read(into[:min(len(into), 1+rand.IntN(5000))])
}

// Callers cancel at any moment, and servers answer at any moment, in every way
// that is allowed. No caller ever gets what is not its own with a nil error, a
// request that may not be repeated is begun once, the server sees nothing but
// whole requests on the connections that it goes on with, and nothing hangs.
func TestInterleavings(t *testing.T) {
	authority := newIssuer(t)
	config := &tls.Config{Certificates: []tls.Certificate{authority.issue(t, unchanged, "127.0.0.1")}, NextProtos: []string{"http/1.1"}}
	for _, overTLS := range []bool{false, true} {
		for _, pipelining := range []Pipelining{Auto, Off} {
			t.Run(fmt.Sprintf("TLS=%v %s", overTLS, pipelining), func(t *testing.T) {
				t.Parallel()
				s := &interleaving{begun: make(map[string]int)}
				url := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
					raw := connection.(*net.TCPConn)
					if overTLS {
						connection = tls.Server(connection, config)
						requests.Reset(connection)
					}
					s.serve(raw, connection, requests)
				}).url
				if overTLS {
					url = strings.Replace(url, "http", "https", 1)
				}
				transport := newTestTransport(t, nil, &Transport{RootCAs: authority.pem(), Pipelining: pipelining, MaxConnsPerHost: 1 + rand.IntN(3)})
				s.run(t, transport, url)
			})
		}
	}
}

func (s *interleaving) run(t *testing.T, transport *Transport, url string) {
	bound, cancel := context.WithTimeout(t.Context(), time.Minute) // it hangs otherwise
	defer cancel()
	var group sync.WaitGroup
	for caller := range 20 {
		group.Go(func() {
			for number := range *interleaved / 20 {
				ctx, cancel := context.WithCancel(bound)
				if rand.IntN(4) == 0 {
					defer time.AfterFunc(rand.N(5*time.Millisecond), cancel).Stop()
				}
				target := fmt.Sprintf("/%d-%d", caller, number)
				request := interleavedRequest(ctx, t, url, target)
				response, err := transport.RoundTrip(request)
				if err == nil {
					s.judge(t, request, response)
				}
				if bound.Err() != nil {
					t.Errorf("%s %s hangs: %v", request.Method, target, err)
				}
				cancel()
			}
		})
	}
	group.Wait()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	require.Empty(t, s.broken)
	for request, times := range s.begun {
		if !idempotent(strings.Fields(request)[0]) && times > 1 {
			t.Errorf("%s was begun %d times", request, times)
		}
	}
}

// judge reads a response, or a part of it.
func (s *interleaving) judge(t *testing.T, request *http.Request, response *http.Response) {
	defer response.Body.Close()
	target := request.URL.Path
	if got := response.Header.Get("Target"); got != target {
		t.Errorf("%s %s got the response of %s", request.Method, target, got)
	}
	if rand.IntN(10) == 0 {
		return
	}
	body, err := io.ReadAll(response.Body)
	rest := strings.ReplaceAll(string(body), target+";", "")
	switch {
	case err != nil && !strings.HasPrefix(target+";", rest), err == nil && rest != "", err == nil && len(body) == 0 && request.Method != http.MethodHead:
		t.Errorf("%s %s: %v, %.80q", request.Method, target, err, body)
	}
}
