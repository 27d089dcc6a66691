package origin

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// connection serves one connection. Only serve uses seen until it returns.
type connection struct {
	server   *Server
	tcp      *net.TCPConn
	stream   transport
	requests *reader
	queue    []*exchange // requests that have not been answered, oldest first
	kept     []byte      // part of a response that is sent with the next one
	seen     Connection
	ours     atomic.Bool // the origin ended it
	vain     int         // successive stalls in which the client did not get stuck
}

// exchange is a request and its answer.
type exchange struct {
	*head
	answer scenario.Answer
	number int  // its position in the connection's log
	waited bool // it has waited long enough for other requests
}

func (c *connection) serve() {
	defer c.tcp.Close()
	begin := time.Now()
	stream, err := c.server.handshake(c.tcp)
	if err != nil {
		c.end(err, false)
		return
	}
	defer stream.Release()
	c.stream = stream
	if c.seen.TLS = stream.Version(); c.seen.TLS != "" {
		c.seen.Handshake = time.Since(begin)
	}
	if c.server.config.HTTP2 {
		c.serveHTTP2()
	} else {
		c.requests = newReader(stream, c.proceed)
		for c.step() {
		}
	}
	c.noteTLS()
}

// step reads a request or answers one. It returns false when the connection is
// over.
func (c *connection) step() bool {
	if len(c.queue) == 0 {
		return c.receive()
	}
	if oldest := c.queue[0]; c.needsMore(oldest) {
		switch more, err := c.requests.within(patience(oldest.answer.Hold)); {
		case err != nil:
			c.end(err, true)
			return false
		case more:
			return c.receive()
		}
		oldest.waited = true
	}
	return c.answer(c.queue[0])
}

// receive reads one request.
func (c *connection) receive() bool {
	h, err := c.requests.next()
	if err != nil {
		c.end(err, true)
		return false
	}
	h.Arrived, h.Behind = time.Now(), len(c.queue)
	if h.Problem != "" {
		c.refuse(h)
		return false
	}
	place := len(c.seen.Requests)
	x := &exchange{head: h, number: place, answer: c.server.noteArrived(h.ID, c.seen.Number, place)}
	c.seen.Requests = append(c.seen.Requests, h.Request)
	c.queue = append(c.queue, x)
	return true
}

// proceed tells a waiting client to send the body of its request, unless other
// responses must be sent first.
func (c *connection) proceed() error {
	if len(c.queue) > 0 || len(c.kept) > 0 {
		return nil
	}
	_, err := io.WriteString(c.stream, "HTTP/1.1 100 Continue\r\n\r\n")
	return err
}

// refuse ends the connection because of an invalid request.
func (c *connection) refuse(h *head) {
	c.seen.Requests = append(c.seen.Requests, h.Request)
	fmt.Fprintf(c.stream, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n",
		len(h.Problem)+1, h.Problem)
	c.seen.End = End{Time: time.Now(), Error: "the request makes no sense: " + h.Problem}
}

// hangUp ends the connection on purpose. It goes on reading until the client
// has noticed: unread bytes would cause a RST, which destroys responses that
// are still on their way [RFC 9112 §9.6].
func (c *connection) hangUp(withReset bool) {
	c.seen.End = End{Time: time.Now()}
	if withReset {
		reset(c.tcp)
		return
	}
	if err := c.stream.CloseWrite(); err != nil {
		c.seen.End.Error = err.Error()
		return
	}
	c.drain()
	c.seen.End.PartialBytes, c.seen.End.PartialID = c.requests.partial()
}

// drain reads what the client still sends, to its end.
func (c *connection) drain() {
	for {
		h, err := c.requests.next()
		if err != nil {
			return
		}
		if h.Problem != "" {
			_, _ = io.Copy(io.Discard, c.stream) // until the client notices
			return
		}
		h.Arrived, h.Ignored, h.Behind = time.Now(), true, len(c.queue)
		c.server.noteArrived(h.ID, c.seen.Number, len(c.seen.Requests))
		c.seen.Requests = append(c.seen.Requests, h.Request)
	}
}

// endByOrigin ends the connection from another goroutine.
func (c *connection) endByOrigin() {
	c.ours.Store(true)
	c.tcp.Close()
}

// end records why the connection cannot continue; requests is true if it was
// waiting for one.
func (c *connection) end(err error, requests bool) {
	end := End{Time: time.Now()}
	if requests {
		end.PartialBytes, end.PartialID = c.requests.partial()
	}
	if !errors.Is(err, io.EOF) {
		end.Error = err.Error()
	}
	if !c.ours.Load() && isFromClient(err) {
		end.ByClient = true
		end.Reset = isReset(err)
	}
	c.seen.End = end
}
