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
		d.line.close()
	}
}

func (l *line) close() {
	_ = unix.Close(l.socket)
	if l.owned != nil {
		l.owned.close()
	}
}

// dial starts a connection to an origin in its own goroutine, because names,
// proxies and servers may be slow and must not delay other calls.
func (e *engine) dial(o *origin, now time.Time) {
	c := &conn{origin: o, since: now, connectBy: now.Add(e.settings.connectTimeout)}
	o.conns = append(o.conns, c)
	values := context.Background()
	if first := o.waiting.first; first != nil {
		values = context.WithoutCancel(first.ctx) // with the request's values, for DialContext and the hooks of httptrace
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
		c.local, c.remote, c.tls, c.ending = d.line.local, d.line.remote, d.line.tls, d.line.ending
		c.http2 = c.origin.key.prior || c.origin.key.secured && c.tls != nil && c.tls.NegotiatedProtocol == "h2"
		c.id, d.err = e.loop.Connect(d.line.socket)
		if d.err != nil {
			go d.line.close()
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
	if c.owned = d.line.owned; c.owned != nil {
		go c.owned.watch(func() { e.mailbox.lost(c) })
	}
	e.settle(c.origin)
}

// lookAfterDeadline ends a connection of the caller's whose deadline for writing has
// passed while a request's body is being sent.
func (e *engine) lookAfterDeadline(c *conn, now time.Time) {
	for call := c.calls.first; call != nil; call = call.next {
		if call.upload == nil || !call.handed.IsZero() {
			continue
		}
		if c.owned.mayWrite() {
			e.lookAt(now.Add(breather))
		} else {
			e.lost(c)
		}
		return
	}
}

// lost ends a connection whose deadline has passed, or that the caller has closed.
func (e *engine) lost(c *conn) {
	if c.state == connGone {
		return
	}
	c.state = connDraining
	if c.inFlight == 0 {
		e.disconnect(c)
		return
	}
	e.loop.Break(c.id)
}

// unconnected handles a connection that was not established.
func (e *engine) unconnected(c *conn, err error) {
	o := c.origin
	o.conns = slices.DeleteFunc(o.conns, func(each *conn) bool { return each == c })
	e.failWaiting(o, err)
}

// failWaiting fails the calls that wait for an origin whose connection was not
// established, unless there is another connection for them.
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

// connecting sets the deadline by which a connection's first request must have
// been sent. That request makes the TLS handshake.
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

// lookAfterConnect gives up a connection whose first request is not sent in
// time.
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
	e.breakConn(c, err) // the origin keeps it until it is closed
	e.failWaiting(c.origin, err)
}

// learn applies the news of a connection.
func (e *engine) learn(news *cshim.News) {
	c := e.conns[news.Connection]
	if news.Proven {
		c.proven, c.multiplexes = true, news.Multiplexes
		e.settle(c.origin)
	}
	c.announced = c.announced || news.Announced
	if news.Secured {
		c.tls = e.tlsState(c)
	}
	if c.multiplexes && (news.Announced || news.Unusable) {
		c.state = connDraining // otherwise requests would wait until it has ended
	}
}

// breakConn ends a connection of our own accord. Its requests of whose response
// nothing was delivered start over on another connection, or fail with the
// reason if there is one.
func (e *engine) breakConn(c *conn, reason error) {
	c.state = connDraining
	c.ours = true
	c.reason = reason
	e.loop.Break(c.id)
}

// giveUp ends a connection because of its first response.
func (e *engine) giveUp(c *conn) {
	e.counters.givenUp.Add(1)
	e.breakConn(c, nil)
}

// disconnect closes an idle connection.
func (e *engine) disconnect(c *conn) {
	e.loop.Disconnect(c.id)
	e.forgetConn(c)
}

// forgetConn removes a closed connection.
func (e *engine) forgetConn(c *conn) {
	o := c.origin
	e.conns[c.id] = nil
	c.state = connGone
	e.release(c)
	o.conns = slices.DeleteFunc(o.conns, func(each *conn) bool { return each == c })
	e.settle(o)
}

// release closes what is left of a connection that libcurl has closed.
func (e *engine) release(c *conn) {
	if c.owned != nil {
		e.closing.Go(c.owned.close) // which may wait
	}
}

// ErrConnectTimeout says that a connection was not established within
// Transport.ConnectTimeout.
var ErrConnectTimeout = errors.New("curlpipe: no connection within ConnectTimeout")

// notConnectedError is why there is no connection: libcurl's code for it, and
// the network's error.
type notConnectedError struct {
	code curl.CurlError
	err  error
}

func (e *notConnectedError) Error() string   { return e.code.Error() }
func (e *notConnectedError) Unwrap() []error { return []error{e.code, e.err} }

// detailOf returns the network's error as text.
func detailOf(err error) string {
	var failed *notConnectedError
	if errors.As(err, &failed) {
		return failed.err.Error()
	}
	return ""
}

// connectError makes the error of a request whose connection was not
// established.
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
