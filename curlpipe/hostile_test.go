package curlpipe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
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
)

// A run of a million is -hostile 1000000; it takes some hours on two cores.
var (
	hostileResponses = flag.Int("hostile", 1200, "`responses` of the hostile server, in all")
	hostileSeed      = flag.Uint64("hostile-seed", 0, "`number` that the hostile server's choices come from; 0: the time")
)

// hostileBatch requests are pipelined.
const hostileBatch = 20

// script decides what a hostile server does, byte for byte; behind its end it is
// honest.
type script struct{ choices []byte }

func (s *script) choose(n int) int {
	if len(s.choices) == 0 {
		return 0
	}
	choice := int(s.choices[0]) % n
	s.choices = s.choices[1:]
	return choice
}

// hostileBody names its request as often as the script has it.
func hostileBody(id string, s *script) string { return strings.Repeat("id="+id+";", 1+s.choose(40)) }

// chunk writes a body in chunks; size writes the size of one.
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

// honest are the ways in which a server may answer, as RFC 9112 has it.
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

func withLength(status, fields, body string) string {
	return fmt.Sprintf("%s\r\n%sContent-Length: %d\r\n\r\n%s", status, fields, len(body), body)
}

// malformed are framings that cannot be believed, each with what a client would
// take for the next response if it did.
var malformed = []func(body string, s *script) string{
	fields("Content-Length: 3\r\n"), fields("Content-Length: 500\r\n"), fields("Content-Length: +3\r\n"), fields("Content-Length: 3x\r\n"),
	fields("Content-Length: 0x3\r\n"), fields("Content-Length: 3, 4\r\n"), fields("Content-Length: 99999999999999999999\r\n"), fields("Content-Length:\r\n"),
	fields("Content-Length\t: 3\r\n"), fields("Content-Length:\r\n 3\r\n"), fields("Transfer-Encoding: chunked\r\n"), fields("Transfer-Encoding: xchunked\r\n"),
	fields("Transfer-Encoding : chunked\r\n"), fields("Transfer-Encoding: gzip, chunked\r\n"), fields("Transfer-Encoding:\r\n\tchunked\r\n"), fields("Connection: x,\r\n close\r\n"),
	fields("X: \x00\r\n"), fields("X: a\rContent-Length: 3\r\n"), fields("X\x00: y\r\n"), fields("nonsense\r\n"), fields(": x\r\n"), fields("X Y: z\r\n"),
	fields("HTTP/1.1 200 OK\r\n"), fields("HTTP/1.1 200 OK: x\r\n"),
	status("HTTP/2 200 OK"), status("HTTP/2 200 "), status("HTTP/2.0 200 OK"), status("HTTP/3 200"), status("HTTP/1.2 200 OK"), status("HTTP/0.9 200 OK"),
	status("http/1.1 200 OK"), status("HTTP/1.1  200 OK"), status("HTTP/1.1 2000 OK"), status("HTTP/1.1 20 OK"), status("HTTP/1.1 -20 OK"), status("HTTP/1.1 2e2 OK"),
	status("\r\nHTTP/1.1 200 OK"), status("\n\nHTTP/1.1 200 OK"), status(" HTTP/1.1 200 OK"), status("ICY 200 OK"), status("HTTP/1.1\t200 OK"), status("HTTP/1.1 101 Switching Protocols"),
	status("HTTP/1.1 200 O\x00K"), status("HTTP/1.1 200 OK\r\n Content-Length: 3"), status("junk\r\nHTTP/1.1 200 OK"),
	chunks(func(n int) string { return "0x" + hexadecimal(n) }), chunks(func(n int) string { return "0_" + hexadecimal(n) }), chunks(func(n int) string { return "+" + hexadecimal(n) }),
	chunks(func(n int) string { return " " + hexadecimal(n) }), chunks(func(n int) string { return hexadecimal(n) + "x" }), chunks(func(n int) string { return "1000000000000000" + hexadecimal(n) }),
	chunks(func(n int) string { return hexadecimal(n) + ";\x00" }), chunks(func(n int) string { return hexadecimal(n) + ";x\ny" }), chunks(func(int) string { return "" }),
	func(body string, s *script) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(chunk(body, s, hexadecimal), ";\r\n", ";") + "\r\n"
	},
	func(body string, s *script) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body, s, hexadecimal) + "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
	},
	func(body string, s *script) string {
		return "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body, s, hexadecimal) + "\r\n"
	},
	func(body string, s *script) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body, s, hexadecimal) + "\r\n"
	},
	func(body string, s *script) string { return body },
}

// fields adds lines to an honest header section, before or behind its own.
func fields(lines string) func(string, *script) string {
	return func(body string, s *script) string {
		if s.choose(2) == 0 {
			return withLength("HTTP/1.1 200 OK", lines, body)
		}
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s", len(body), lines, body)
	}
}

func status(line string) func(string, *script) string {
	return func(body string, _ *script) string { return withLength(line, "", body) }
}

func chunks(size func(int) string) func(string, *script) string {
	return func(body string, s *script) string {
		return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body, s, size) + "\r\n"
	}
}

// hostileServer answers requests by a script.
type hostileServer struct {
	url     string
	server  *server // whose certificate it has
	mutex   sync.Mutex
	script  *script
	answers atomic.Int64
	open    map[net.Conn]bool
}

// ending is what becomes of a connection after an answer.
type ending int

const (
	goesOn ending = iota
	closes
	resets
)

func newHostileServer(t testing.TB, overTLS bool) *hostileServer {
	t.Helper()
	h := &hostileServer{script: &script{}, server: newServer(t, true, echo), open: make(map[net.Conn]bool)}
	h.url = newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		raw := connection.(*net.TCPConn)
		if overTLS {
			connection = tls.Server(connection, &tls.Config{Certificates: h.server.TLS.Certificates, NextProtos: []string{"http/1.1"}})
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

// restStrays are what a server may send at rest, which nobody has asked for.
var restStrays = []string{
	withLength("HTTP/1.1 200 OK", "", "id=stray;"), withLength("HTTP/1.1 408 Request Timeout", "Connection: close\r\n", "id=stray;"),
	"HTTP/1.1 100 Continue\r\n\r\n", "\r\n", "0\r\n\r\n", "id=stray;", "H", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nid=stray;\r\n",
}

// stray sends something on every connection, all of which are at rest.
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

// answer makes the answer to a request, and says in what pieces it goes (0: in
// one), and what becomes of the connection then.
func (h *hostileServer) answer(request *http.Request) (text string, pieces int, end ending) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.answers.Add(1)
	s := h.script
	id := request.URL.Path[1:]
	body := hostileBody(id, s)
	kind := s.choose(16) // most answers are honest, so that there are others behind what is not
	if kind == 0 {
		pieces = []int{0, 1, 7, 50}[s.choose(4)]
	}
	if request.Method == http.MethodHead {
		return withLength("HTTP/1.1 200 OK", []string{"", "Transfer-Encoding: chunked\r\n", "X: y\r\n"}[s.choose(3)], ""), pieces, goesOn
	}
	switch kind {
	case 1, 2:
		return malformed[s.choose(len(malformed))](body, s), pieces, goesOn
	case 3:
		whole := honest[s.choose(len(honest))](body, s)
		return whole[:s.choose(256)*len(whole)/256], pieces, closes + ending(s.choose(2))
	case 4:
		return "HTTP/1.1 200 OK\r\n\r\n" + body, pieces, closes
	case 5:
		return withLength("HTTP/1.1 200 OK", "Connection: close\r\n", body), pieces, ending(s.choose(3))
	case 7:
		return honest[s.choose(len(honest))](body, s), pieces, ending(s.choose(3)) // whole, and without a word
	case 6:
		return []string{
			"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
			"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		}[s.choose(4)], pieces, goesOn
	}
	return honest[s.choose(len(honest))](body, s), pieces, goesOn
}

var namesID = regexp.MustCompile(`id=([^;]*);`)

// batch sends requests and judges what came of each: with a nil error, nothing
// that names another.
func (h *hostileServer) batch(t testing.TB, transport *Transport, first int) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for i := range hostileBatch {
		group.Go(func() {
			id := strconv.Itoa(first + i)
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
				t.Errorf("request %s did not end: %v", id, err)
			}
			if err != nil {
				return
			}
			for _, found := range namesID.FindAllSubmatch(body, -1) {
				if string(found[1]) != id {
					t.Errorf("request %s got what was meant for %s: %.200q", id, found[1], body)
					return
				}
			}
			if rest := namesID.ReplaceAll(body, nil); len(rest) > 0 && !bytes.HasPrefix([]byte("id="+id+";"), rest) {
				t.Errorf("request %s got %.100q", id, body)
			}
		})
	}
	group.Wait()
}

func newHostileTransport(t testing.TB, h *hostileServer, coalesce bool) *Transport {
	return newTestTransport(t, h.server, &Transport{DisableCoalescing: !coalesce, MaxRetries: 100, MaxPipelineDepth: hostileBatch})
}

// Whatever servers make of framing, no caller gets another's bytes.
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
					h.mutex.Lock()
					h.script.choices = choices
					h.mutex.Unlock()
					h.batch(t, transport, first)
					h.stray()
				}
				t.Logf("%d responses, %+v", h.answers.Load(), transport.Stats())
			})
		}
	})
}

// FuzzHostileServer is the same with scripts of the fuzzer's.
func FuzzHostileServer(f *testing.F) {
	for i := range malformed {
		f.Add([]byte{3, 0, 0, 0, 3, 1, byte(i), 0, 3, 0, 0, 0}, false)
		f.Add([]byte{3, 0, 0, 0, 3, 1, byte(i), 1, 3, 0, 0, 0}, true)
	}
	servers := map[bool]*hostileServer{false: newHostileServer(f, false), true: newHostileServer(f, true)}
	transports := map[bool]*Transport{}
	for overTLS, h := range servers {
		transports[overTLS] = newHostileTransport(f, h, true)
	}
	var first int
	f.Fuzz(func(t *testing.T, choices []byte, overTLS bool) {
		h := servers[overTLS]
		h.mutex.Lock()
		h.script.choices = choices
		h.mutex.Unlock()
		first += hostileBatch
		h.batch(t, transports[overTLS], first)
		h.stray()
	})
}
