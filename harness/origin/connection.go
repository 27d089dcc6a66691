package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// connection serves one connection. Only serve touches seen until it returns.
type connection struct {
	server *Server
	tcp    net.Conn
	seen   Connection
	ours   atomic.Bool // the origin ended it
	vain   int         // stalls in a row in which the client did not get stuck
}

// vainStalls in a row make the origin stop stalling on a connection: the
// client has nothing left to send.
const vainStalls = 2

func (c *connection) serve() {
	defer c.tcp.Close()
	stream, err := c.handshake()
	if err != nil {
		c.end(err, 0)
		return
	}
	requests := newReader(stream)
	for {
		h, err := requests.next()
		if err != nil {
			c.end(err, requests.partial())
			return
		}
		h.Arrived = time.Now()
		if h.Problem != "" {
			c.refuse(stream, h)
			return
		}
		if len(c.seen.Requests) > 0 && c.server.stalls(c.seen.Number) {
			c.stall() // but not before the first answer, clients wait for that one
		}
		err = answer(stream, h)
		h.Answered = err == nil
		c.seen.Requests = append(c.seen.Requests, h.Request)
		if err != nil {
			c.end(err, requests.partial())
			return
		}
		c.server.noteAnswered(h.ID)
	}
}

// handshake returns what requests are read from and responses written to.
func (c *connection) handshake() (io.ReadWriter, error) {
	if c.server.tls == nil {
		return c.tcp, nil
	}
	stream := tls.Server(c.tcp, c.server.tls)
	begin := time.Now()
	if err := stream.Handshake(); err != nil {
		return nil, err
	}
	c.seen.Handshake = time.Since(begin)
	c.seen.TLS = tls.VersionName(stream.ConnectionState().Version)
	return stream, nil
}

// stall reads nothing until the client is stuck in a write.
func (c *connection) stall() {
	if c.vain >= vainStalls {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stallBound)
	defer cancel()
	c.seen.Stalls++
	if c.server.config.Client.WaitStuck(ctx) {
		c.vain = 0
		return
	}
	c.seen.VainStalls++
	c.vain++
}

// answer writes the response that the request is due.
func answer(w io.Writer, h *head) error {
	response := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s: %s\r\n\r\n",
		h.bodyBytes, plan.RequestIDField, h.ID)
	if h.Method != "HEAD" {
		response = append(response, plan.Body(h.ID, h.bodyBytes)...)
	}
	_, err := w.Write(response)
	return err
}

// refuse ends the connection because of a request that makes no sense.
func (c *connection) refuse(w io.Writer, h *head) {
	c.seen.Requests = append(c.seen.Requests, h.Request)
	fmt.Fprintf(w, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n",
		len(h.Problem)+1, h.Problem)
	c.seen.End = End{Time: time.Now(), Error: "the request makes no sense: " + h.Problem}
}

func (c *connection) endByOrigin() {
	c.ours.Store(true)
	c.tcp.Close()
}

// end writes down why the connection cannot go on.
func (c *connection) end(err error, partial int64) {
	end := End{Time: time.Now(), PartialBytes: partial}
	if !errors.Is(err, io.EOF) {
		end.Error = err.Error()
	}
	if !c.ours.Load() && isFromClient(err) {
		end.ByClient = true
		end.Reset = isReset(err)
	}
	c.seen.End = end
}
