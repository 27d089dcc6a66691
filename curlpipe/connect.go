package curlpipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	curl "github.com/andelf/go-curl"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/cshim"
)

// dialed is the result of dialing a connection.
type dialed struct {
	conn *conn
	line line // unless there is an error
	err  error
}

func (d *dialed) close() {
	if d.err == nil {
		_ = unix.Close(d.line.socket)
	}
}

// dial starts a connection to an origin in its own goroutine, because names,
// proxies and servers may be slow and must not delay other calls.
func (e *engine) dial(o *origin, now time.Time) {
	c := &conn{origin: o, since: now, connectBy: now.Add(e.settings.connectTimeout)}
	o.conns = append(o.conns, c)
	values := context.Background()
	if first := o.waiting.first; first != nil {
		values = context.WithoutCancel(first.ctx) // for DialContext, and the hooks of httptrace
	}
	go func() {
		ctx, cancel := context.WithDeadline(values, c.connectBy)
		defer cancel()
		defer context.AfterFunc(e.dialing, cancel)()
		d := dialed{conn: c}
		d.line, d.err = e.settings.dialer.dial(ctx, o.key)
		if !e.mailbox.dialed(d) {
			d.close()
		}
	}()
}

// connected handles the result of dialing.
func (e *engine) connected(d dialed) {
	c := d.conn
	if d.err == nil {
		c.local, c.remote, c.tls = d.line.local, d.line.remote, d.line.tls
		c.id, d.err = e.loop.Connect(d.line.socket)
		if d.err != nil {
			_ = unix.Close(d.line.socket)
		}
	}
	if d.err != nil {
		e.counters.notConnected.Add(1)
		e.unconnected(c, connectError(d.err, e.settings.connectTimeout))
		return
	}
	c.state = connOpen
	c.idleSince = time.Now()
	for int(c.id) >= len(e.conns) {
		e.conns = append(e.conns, nil)
	}
	e.conns[c.id] = c
	e.settle(c.origin)
}

// unconnected deals with a connection that did not come about.
func (e *engine) unconnected(c *conn, err error) {
	o := c.origin
	o.conns = slices.DeleteFunc(o.conns, func(each *conn) bool { return each == c })
	e.failWaiting(o, err)
}

// failWaiting fails those that wait for a connection to an origin that did not
// come about, unless there is another one for them.
func (e *engine) failWaiting(o *origin, err error) {
	e.settle(o)
	for _, other := range o.conns {
		if other.state == connDialing || other.state == connOpen {
			return
		}
	}
	for o.waiting.first != nil {
		call := o.waiting.first
		e.dequeue(call)
		if call.handle != nil {
			e.putBack(call.handle, true)
		}
		call.detail = detailOf(err)
		e.end(call, err)
	}
}

// connecting notes by when the first request of a connection, whose turn it is
// to make TLS's handshake, has to be on its way.
func (e *engine) connecting(c *conn, now time.Time) {
	if c.connectBy.Before(now) { // it has been at rest
		c.connectBy = now.Add(e.settings.connectTimeout)
	}
	if c.origin.key.handshakes() && e.settings.tlsTimeout > 0 && c.securedBy.IsZero() {
		c.securedBy = now.Add(e.settings.tlsTimeout)
		e.lookAt(c.securedBy)
	}
	e.lookAt(c.connectBy)
}

// lookAfterConnect gives a connection up on which no request gets on its way.
func (e *engine) lookAfterConnect(c *conn, now time.Time) {
	if c.proven || e.loop.Sent(c.calls.first.handle.slot) {
		c.established, c.establishedSince = true, now
		return
	}
	slow := !c.securedBy.IsZero() && !now.Before(c.securedBy)
	if now.Before(c.connectBy) && !slow {
		e.lookAt(c.connectBy)
		e.lookAt(c.securedBy)
		return
	}
	err := connectError(context.DeadlineExceeded, e.settings.connectTimeout)
	if slow {
		err = &notConnectedError{curl.CurlError(curl.E_OPERATION_TIMEDOUT), errHandshakeTimeout}
	}
	e.breakConn(c, err) // its origin has it until it is closed
	e.failWaiting(c.origin, err)
}

// learn notes what is new of a connection.
func (e *engine) learn(news *cshim.News) {
	c := e.conns[news.Connection]
	if news.Proven {
		c.proven, c.multiplexes = true, news.Multiplexes
		e.settle(c.origin)
	}
	if news.Announced {
		c.announced = true
		if c.multiplexes {
			c.state = connDraining // others would wait until it has ended
		}
	}
}

// freeAbandoned tears out the calls that nobody waits for of a connection that
// multiplexes: they are in nobody's way, and need not be waited for.
func (e *engine) freeAbandoned(c *conn) {
	for call := c.calls.first; call != nil; {
		next := call.next
		if call.abandoned {
			e.tearOut(call, nil)
		}
		call = next
	}
}

// forgetConn forgets a connection that is closed.
func (e *engine) forgetConn(c *conn) {
	o := c.origin
	e.conns[c.id] = nil
	o.conns = slices.DeleteFunc(o.conns, func(each *conn) bool { return each == c })
	e.settle(o)
}

// ErrConnectTimeout says that a connection was not established within
// Transport.ConnectTimeout.
var ErrConnectTimeout = errors.New("curlpipe: no connection within ConnectTimeout")

// notConnectedError says why there is no connection: libcurl's code for it, and
// what the network said.
type notConnectedError struct {
	code curl.CurlError
	err  error
}

func (e *notConnectedError) Error() string   { return e.code.Error() }
func (e *notConnectedError) Unwrap() []error { return []error{e.code, e.err} }

// detailOf is what the network said.
func detailOf(err error) string {
	var failed *notConnectedError
	if errors.As(err, &failed) {
		return failed.err.Error()
	}
	return ""
}

// connectError is the error of a request whose connection did not come about.
func connectError(err error, limit time.Duration) error {
	var lookup *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return &notConnectedError{curl.CurlError(curl.E_OPERATION_TIMEDOUT), fmt.Errorf("%w (%v): %w", ErrConnectTimeout, limit, err)}
	case errors.As(err, &lookup):
		return &notConnectedError{curl.CurlError(curl.E_COULDNT_RESOLVE_HOST), err}
	}
	return &notConnectedError{curl.CurlError(curl.E_COULDNT_CONNECT), err}
}
