package check

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/origin/openssl"
)

// requestID is the field that has the id of a request.
const requestID = plan.RequestIDField

// connection serves one connection.
type connection struct {
	server *Server
	tcp    *net.TCPConn

	// the fields below are guarded by the server's mutex
	seen     origin.Connection
	protocol string
	pending  map[int]bool // positions of requests that have not been answered
	ours     bool         // the origin ended it
}

func (c *connection) serve() {
	defer c.tcp.Close()
	c.server.say("connection %d opened", c.seen.Number)
	var stream stream = c.tcp
	multiplexed := false
	if c.server.secured() {
		begin := time.Now()
		secured, err := c.server.handshake(c.tcp)
		if err != nil {
			c.end(fmt.Errorf("the handshake failed: %w", err))
			return
		}
		if engine, is := secured.(*openssl.Stream); is {
			defer engine.Close() // also closes the socket, whose connection has ended
			defer c.noteTLS(engine)
		}
		version, protocol := negotiated(secured)
		c.server.mutex.Lock()
		c.seen.TLS = version
		c.seen.Handshake = time.Since(begin)
		c.server.mutex.Unlock()
		if told := c.server.config.Secured; told != nil {
			told(c.seen.Client, c.tcp.LocalAddr().(*net.TCPAddr).AddrPort())
		}
		stream, multiplexed = secured, protocol == protocolHTTP2
	}
	if multiplexed {
		c.serveHTTP2(stream)
	} else {
		c.serveHTTP1(stream)
	}
}

// stream carries the bytes of a connection, inside TLS or not.
type stream interface {
	io.ReadWriter
	CloseWrite() error
	SetReadDeadline(time.Time) error
}

// handshake makes a stream of a socket.
func (s *Server) handshake(tcp *net.TCPConn) (stream, error) {
	if s.engine == nil {
		conn := tls.Server(tcp, s.tls)
		return conn, conn.Handshake()
	}
	conn, err := s.engine.Server(tcp)
	if err != nil {
		return nil, err
	}
	if err := conn.Handshake(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// negotiated returns the version of TLS, "TLS 1.3", and the protocol of ALPN.
func negotiated(secured stream) (version, protocol string) {
	if conn, is := secured.(*tls.Conn); is {
		state := conn.ConnectionState()
		return tls.VersionName(state.Version), state.NegotiatedProtocol
	}
	return secured.(*openssl.Stream).Version(), ""
}

// noteTLS records whether the client did what TLS messages asked for.
func (c *connection) noteTLS(engine *openssl.Stream) {
	c.server.mutex.Lock()
	defer c.server.mutex.Unlock()
	c.seen.Renegotiations = engine.Renegotiations()
	c.seen.KeyUpdates = engine.Count(false, openssl.KeyUpdate)
}

// counted counts the bytes read, and keeps the error that ended them. Without
// it, the parser would report half a line before the end as a malformed
// request.
type counted struct {
	io.Reader
	n   int64
	err error
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// misbehavedPatience is how long the origin waits for another request, where
// the client should make none, before it closes the connection.
const misbehavedPatience = time.Second

func (c *connection) serveHTTP1(stream stream) {
	limit := origin.NewHeadLimit(stream)
	source := &counted{Reader: limit}
	reader := bufio.NewReaderSize(source, 4<<10)
	position := func() int64 { return source.n - int64(reader.Buffered()) }
	vain := 0
	behind := 0
	useless := false // the client should make no more requests here
	c.stall()        // the first request alone may be large enough
	for {
		begin := position()
		limit.Head()
		if useless {
			_ = stream.SetReadDeadline(time.Now().Add(misbehavedPatience)) // reading tells
		}
		r, err := http.ReadRequest(reader)
		if errors.Is(source.err, os.ErrDeadlineExceeded) {
			c.finish(stream, false)
			return
		}
		if err != nil {
			c.malformed(stream, cmp.Or(source.err, err), position()-begin)
			return
		}
		limit.Body()
		m := c.chosen(r.Method, r.ContentLength, false)
		if m != nil && m.Early {
			c.answerEarly(stream, m, r, begin, position()-begin)
			return
		}
		if r.Header.Get("Expect") != "" {
			_, _ = io.WriteString(stream, "HTTP/1.1 100 Continue\r\n\r\n") // a failure shows in the next read
			c.stall()
		}
		problem := ""
		if m != nil {
			problem = c.whileWriting(stream, m)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			c.malformed(stream, cmp.Or(source.err, err), position()-begin)
			return
		}
		place := c.arrived(r, n, begin, position()-begin)
		c.noteBehind(place, behind)
		if place > 0 && vain < origin.VainStalls && !c.stall() {
			vain++
		}
		if m != nil {
			c.did(place, r.ContentLength, n, problem)
			if !c.misbehave(stream, reader, m, r, place) {
				return
			}
			useless = m.ends()
			continue
		}
		behind = 0
		if reader.Buffered() > 0 {
			behind = 1 // the next request arrived before this one was answered
		}
		_, err = io.WriteString(stream, c.server.response(r))
		c.answered(place, err)
		if err != nil {
			c.end(err)
			return
		}
		if r.Close {
			c.hangUp(stream)
			return
		}
	}
}

// response returns the whole response. In HTTP/1.0 it says so if the connection
// is kept.
func (s *Server) response(r *http.Request) string {
	text := s.text(r.Header.Get(requestID), r.URL.RequestURI())
	connection := ""
	if r.Close {
		connection = "Connection: close\r\n"
	} else if r.ProtoMinor == 0 {
		connection = "Connection: keep-alive\r\n"
	}
	if s.words.own != "" {
		connection += wordField + ": " + s.words.own + "\r\n"
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n%sContent-Length: %d\r\n\r\n", connection, len(text))
	if r.Method == http.MethodHead {
		return head
	}
	return head + text
}

// stall reads nothing until the client is stuck, and reports whether it was.
func (c *connection) stall() bool {
	if c.server.config.Client == nil || !c.server.config.Stall {
		return true
	}
	stuck := c.server.waitStuck(c.tcp)
	c.server.mutex.Lock()
	defer c.server.mutex.Unlock()
	c.seen.Stalls++
	if !stuck {
		c.seen.VainStalls++
	}
	return stuck
}

// hangUp ends the connection as the request requires.
func (c *connection) hangUp(stream stream) {
	c.closeWrite(stream)
	_ = c.tcp.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, c.tcp) // unread bytes would cause a RST
	c.end(nil)
}

// closeWrite ends the origin's side. close_notify and FIN are in one segment,
// so that a client that has seen one has seen the other, too.
func (c *connection) closeWrite(stream stream) {
	c.endsIt()
	_ = origin.Cork(c.tcp, true) // without it, the FIN arrives a little later
	_ = stream.CloseWrite()      // with a close_notify
	_ = c.tcp.CloseWrite()
}

// endsIt notes that the origin ends the connection.
func (c *connection) endsIt() {
	c.server.mutex.Lock()
	c.ours = true
	c.server.mutex.Unlock()
}

// malformed ends a connection on which bytes arrived that are not a request, or
// nothing more.
func (c *connection) malformed(stream stream, err error, bytes int64) {
	var network net.Error
	fromNetwork := errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET)
	if !fromNetwork {
		fmt.Fprintf(stream, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		c.endsIt()
	}
	c.server.mutex.Lock()
	if !fromNetwork {
		c.seen.Requests = append(c.seen.Requests, origin.Request{Arrived: time.Now(), Problem: err.Error()})
	}
	c.seen.End.PartialBytes = bytes
	c.server.mutex.Unlock()
	c.end(err)
}

// arrived records a request and returns its position.
func (c *connection) arrived(r *http.Request, bodyBytes, offset, length int64) int {
	c.server.mutex.Lock()
	place := len(c.seen.Requests)
	c.pending[place] = true
	c.protocol = r.Proto
	c.seen.Requests = append(c.seen.Requests, origin.Request{
		ID: r.Header.Get(requestID), Method: r.Method, Target: r.URL.RequestURI(), Arrived: time.Now(),
		Offset: offset, Length: length, BodyBytes: int(bodyBytes), Behind: len(c.pending) - 1, AsPlanned: true,
		AnswerBegan: time.Now(),
	})
	c.server.mutex.Unlock()
	c.server.say("connection %d: %s %s %s", c.seen.Number, r.Method, r.URL.RequestURI(), r.Proto)
	return place
}

func (c *connection) noteBehind(place, behind int) {
	c.server.mutex.Lock()
	defer c.server.mutex.Unlock()
	c.seen.Requests[place].Behind = behind
}

func (c *connection) answered(place int, err error) {
	c.server.mutex.Lock()
	defer c.server.mutex.Unlock()
	if err == nil {
		c.seen.Requests[place].Answered, c.seen.Requests[place].AnswerEnded = true, time.Now()
		delete(c.pending, place)
	}
}

// end records how the connection ended.
func (c *connection) end(err error) {
	c.server.mutex.Lock()
	end := &c.seen.End
	end.Time = time.Now()
	end.ByClient = !c.ours
	end.Reset = errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	end.Early = end.ByClient && (len(c.pending) > 0 || end.PartialBytes > 0)
	if err != nil && !errors.Is(err, io.EOF) {
		end.Error = err.Error()
	}
	line := "ended by the origin"
	if end.ByClient {
		line = "ended by the client"
	}
	if end.Reset {
		line += " with a RST"
	}
	if end.Error != "" {
		line += ": " + end.Error
	}
	c.server.mutex.Unlock()
	c.server.say("connection %d %s", c.seen.Number, line)
}

// say reports a line, if the configuration has a function for that.
func (s *Server) say(format string, arguments ...any) {
	if s.config.Say == nil {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.config.Say(fmt.Sprintf(format, arguments...))
}
