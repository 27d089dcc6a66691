package curlpipe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// CONTRIBUTING.md describes how to make a million.
var (
	hostileResponses = flag.Int("hostile", 1200, "`responses` of the hostile server, in all")
	hostileSeed      = flag.Uint64("hostile-seed", 0, "`number` that the hostile server's choices come from; 0: the time")
)

// hostileBatch requests are pipelined.
const hostileBatch = 20

// script decides what a hostile server does, byte by byte. After its end the
// server is honest.
type script struct{ choices []byte }

func (s *script) choose(n int) (choice int) {
	for size := 1; size < n && len(s.choices) > 0; size <<= 8 {
		choice = choice<<8 + int(s.choices[0])
		s.choices = s.choices[1:]
	}
	return choice % n
}

// hostileBody repeats the name of its request as often as the script says.
func hostileBody(id string, s *script) string { return strings.Repeat("id="+id+";", 1+s.choose(40)) }

// chunk writes a body in chunks; size writes the size of a chunk.
func chunk(body string, s *script, size func(int) string) string {
	var text strings.Builder
	for body != "" {
		n := min(len(body), 1+s.choose(30))
		text.WriteString(size(n) + "\r\n" + body[:n] + "\r\n")
		body = body[n:]
	}
	return text.String() + "0\r\n"
}

func hexadecimal(n int) string { return strconv.FormatInt(int64(n), 16) }

// honest are the ways in which RFC 9112 lets a server answer.
var honest = []func(body string, s *script) string{
	func(body string, _ *script) string { return withLength("HTTP/1.1 200 OK", "", body) },
	func(body string, s *script) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body, s, hexadecimal) + "\r\n"
	},
	func(body string, s *script) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTrailer: X-T\r\n\r\n" +
			chunk(body, s, func(n int) string { return "00" + hexadecimal(n) + ";x=\"y\"" }) + "X-T: HTTP/1.1 200 OK\r\n\r\n"
	},
	func(body string, _ *script) string {
		return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 7\r\n\r\n" + withLength("HTTP/1.1 200 OK", "", body)
	},
	func(body string, _ *script) string {
		return withLength("HTTP/1.1 200", "X-Fold: a\r\n Content-Length: 3\r\nX-Space : b\r\nX-Empty:\r\n", body)
	},
	func(body string, _ *script) string {
		return withLength("HTTP/1.1 404 Not Found", fmt.Sprintf("Content-Length: %d , %[1]d\r\n", len(body)), body)
	},
	func(body string, _ *script) string {
		return withLength("HTTP/1.1 200 OK", "Connection: x, keep-alive\r\n", body)
	},
	func(body string, _ *script) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n%s", len(body), body)
	},
}

// hostileServer answers requests by a script.
type hostileServer struct {
	url     string
	roots   []byte // authorities that have signed its certificate
	mutex   sync.Mutex
	script  *script
	lib     library
	kinds   []malformedKind
	sent    map[string]string // the final answer to each request of this batch
	mutants map[string]bool   // requests of this batch whose answer was changed
	answers atomic.Int64
	open    map[net.Conn]bool
}

// ending is what happens to a connection after an answer.
type ending int

const (
	goesOn ending = iota
	closes
	resets
)

func newHostileServer(t testing.TB, overTLS bool) *hostileServer {
	t.Helper()
	authority := newIssuer(t)
	config := &tls.Config{Certificates: []tls.Certificate{authority.issue(t, unchanged, "127.0.0.1")}, NextProtos: []string{"http/1.1"}}
	lib, err := loadedLibrary()
	require.NoError(t, err)
	h := &hostileServer{lib: lib, script: &script{}, kinds: malformedKinds(t), roots: authority.pem(), open: make(map[net.Conn]bool)}
	h.url = newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		raw := connection.(*net.TCPConn)
		if overTLS {
			connection = tls.Server(connection, config)
			requests.Reset(connection)
		}
		h.note(connection, true)
		defer h.note(connection, false)
		if h.serve(connection, requests) == resets {
			_ = raw.SetLinger(0)
			_ = raw.Close()
		}
	}).url
	if overTLS {
		h.url = "https" + strings.TrimPrefix(h.url, "http")
	}
	return h
}

func (h *hostileServer) note(connection net.Conn, open bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if open {
		h.open[connection] = true
	} else {
		delete(h.open, connection)
	}
}

// restStrays are what a server may send unasked on idle connections.
var restStrays = []string{
	withLength("HTTP/1.1 200 OK", "", "id=stray;"), withLength("HTTP/1.1 408 Request Timeout", "Connection: close\r\n", "id=stray;"),
	"HTTP/1.1 100 Continue\r\n\r\n", "\r\n", "0\r\n\r\n", "id=stray;", "H", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nid=stray;\r\n",
}

// stray sends something on every connection; all of them are idle.
func (h *hostileServer) stray() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if choice := h.script.choose(2 * len(restStrays)); choice < len(restStrays) {
		for connection := range h.open {
			_, _ = io.WriteString(connection, restStrays[choice])
		}
	}
}

func (h *hostileServer) serve(connection net.Conn, requests *bufio.Reader) ending {
	for {
		request, err := http.ReadRequest(requests)
		if err != nil {
			return closes
		}
		text, pieces, end := h.answer(request)
		h.mutex.Lock()
		h.sent[request.URL.Path[1:]] = text
		h.mutex.Unlock()
		for len(text) > 0 {
			size := len(text)
			if pieces > 0 {
				size = min(size, pieces)
			}
			if _, err := io.WriteString(connection, text[:size]); err != nil {
				return closes
			}
			text = text[size:]
		}
		if end != goesOn {
			return end
		}
	}
}

// answer makes the answer to a request. It returns the size of the pieces in
// which it is sent (0: all at once), and what happens to the connection
// afterwards.
func (h *hostileServer) answer(request *http.Request) (text string, pieces int, end ending) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.answers.Add(1)
	s := h.script
	id := request.URL.Path[1:]
	body := hostileBody(id, s)
	kind := s.choose(20) // half of the answers are honest, so that some follow a hostile one
	if kind == 0 {
		pieces = []int{0, 1, 7, 50}[s.choose(4)]
	}
	if request.Method == http.MethodHead {
		return withLength("HTTP/1.1 200 OK", []string{"", "Transfer-Encoding: chunked\r\n", "X: y\r\n"}[s.choose(3)], ""), pieces, goesOn
	}
	switch kind {
	case 1, 2:
		return h.kinds[s.choose(len(h.kinds))].text(body), pieces, goesOn
	case 3:
		whole := honest[s.choose(len(honest))](body, s)
		return whole[:s.choose(256)*len(whole)/256], pieces, closes + ending(s.choose(2))
	case 4:
		return "HTTP/1.1 200 OK\r\n\r\n" + body, pieces, closes
	case 5:
		return withLength("HTTP/1.1 200 OK", "Connection: close\r\n", body), pieces, ending(s.choose(3))
	case 7:
		return honest[s.choose(len(honest))](body, s), pieces, ending(s.choose(3)) // complete, and ended without an announcement
	case 8, 9, 10, 11:
		text, last := mutant(h.lib, honest[s.choose(len(honest))](body, s), s)
		if last {
			end = closes + ending(s.choose(2))
		}
		h.mutants[id] = true
		return text, pieces, end
	case 6:
		return []string{
			"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
			"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		}[s.choose(4)], pieces, goesOn
	}
	return honest[s.choose(len(honest))](body, s), pieces, goesOn
}

// idOf names a request in a way that no changed answer can contain another's
// name by chance.
func idOf(number int) string {
	text := strconv.Itoa(number)
	return fmt.Sprintf("%s-%08x", text, crc32.ChecksumIEEE([]byte(text)))
}

func isID(id string) bool {
	text, _, _ := strings.Cut(id, "-")
	number, err := strconv.Atoi(text)
	return id == "stray" || (err == nil && id == idOf(number))
}

func (h *hostileServer) sentTo(id string) string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.sent[id]
}

func (h *hostileServer) isMutant(id string) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.mutants[id]
}

// choose sets the script for the next batch.
func (h *hostileServer) choose(choices []byte) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.script.choices = choices
	h.mutants, h.sent = make(map[string]bool), make(map[string]string)
}

var namesID = regexp.MustCompile(`id=([^;]*);`)

// batch sends requests and checks each result: without an error, it must not
// contain another request's name.
func (h *hostileServer) batch(t testing.TB, transport *Transport, first int) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for i := range hostileBatch {
		group.Go(func() {
			id := idOf(first + i)
			method := http.MethodGet
			if i%7 == 6 {
				method = http.MethodHead
			}
			request, err := http.NewRequestWithContext(ctx, method, h.url+"/"+id, nil)
			if err != nil {
				t.Error(err)
				return
			}
			response, err := transport.RoundTrip(request)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(response.Body)
				response.Body.Close()
			}
			if ctx.Err() != nil {
				t.Errorf("request %s did not end: %v; the server had sent %.900q", id, err, h.sentTo(id))
			}
			if err != nil {
				return
			}
			for _, found := range namesID.FindAllSubmatch(body, -1) {
				if named := string(found[1]); named != id && isID(named) {
					t.Errorf("request %s got what was meant for %s: %.200q", id, named, body)
					return
				}
			}
			rest := namesID.ReplaceAll(body, nil)
			if len(rest) > 0 && !bytes.HasPrefix([]byte("id="+id+";"), rest) && !h.isMutant(id) {
				t.Errorf("request %s got %.100q", id, body)
			}
		})
	}
	group.Wait()
}

func newHostileTransport(t testing.TB, h *hostileServer, coalesce bool) *Transport {
	return newTestTransport(t, nil, &Transport{RootCAs: h.roots, DisableCoalescing: !coalesce, MaxRetries: 100, MaxPipelineDepth: hostileBatch})
}

// Whatever the framing of a server's responses, no caller gets another's bytes.
func TestHostileServer(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		for _, coalesce := range []bool{true, false} {
			if !overTLS && !coalesce {
				continue // it is about TLS records
			}
			t.Run(fmt.Sprintf("coalesce=%v", coalesce), func(t *testing.T) {
				seed := *hostileSeed
				if seed == 0 {
					seed = uint64(time.Now().UnixNano())
				}
				t.Logf("seed %d", seed)
				source := rand.New(rand.NewPCG(seed, 0))
				h := newHostileServer(t, overTLS)
				transport := newHostileTransport(t, h, coalesce)
				for first := 0; int(h.answers.Load()) < *hostileResponses/3 && !t.Failed(); first += hostileBatch {
					choices := make([]byte, 400)
					for i := range choices {
						choices[i] = byte(source.Uint32())
					}
					h.choose(choices)
					h.batch(t, transport, first)
					h.stray()
				}
				t.Logf("%d responses, %+v", h.answers.Load(), transport.Stats())
			})
		}
	})
}

// FuzzHostileServer does the same with scripts from the fuzzer.
func FuzzHostileServer(f *testing.F) {
	for i := 0; i < len(malformedKinds(f)); i += 9 { // the fuzzer finds the others
		f.Add([]byte{3, 0, 0, 0, 3, 1, byte(i >> 8), byte(i), 3, 0, 0, 0}, i%2 == 0)
	}
	servers := map[bool]*hostileServer{false: newHostileServer(f, false), true: newHostileServer(f, true)}
	transports := map[bool]*Transport{}
	for overTLS, h := range servers {
		transports[overTLS] = newHostileTransport(f, h, true)
	}
	var first int
	f.Fuzz(func(t *testing.T, choices []byte, overTLS bool) {
		h := servers[overTLS]
		h.choose(choices)
		first += hostileBatch
		h.batch(t, transports[overTLS], first)
		h.stray()
	})
}
