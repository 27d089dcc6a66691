package curlpipe

import (
	"slices"
	"time"

	curl "github.com/andelf/go-curl"
)

// isIdle reports whether a connection has no request and is about to get none.
func (c *conn) isIdle() bool {
	return c.state == connOpen && c.inFlight == 0 && c.origin.waiting.first == nil
}

// isIdleTooLong reports whether IdleConnTimeout has passed, or no request can come any
// more.
func (e *engine) isIdleTooLong(c *conn, now time.Time) bool {
	switch {
	case !c.isIdle():
		return false
	case e.replaced:
		return true
	case e.settings.idleTimeout == 0:
		return false
	}
	until := c.idleSince.Add(e.settings.idleTimeout)
	if now.Before(until) {
		e.lookAt(until)
		return false
	}
	return true
}

// closeIdleBeyond closes idle connections that exceed MaxIdleConns or
// MaxIdleConnsPerHost, the least recently used first.
func (e *engine) closeIdleBeyond() {
	var idle []*conn
	for _, c := range e.conns {
		if c != nil && c.isIdle() {
			idle = append(idle, c)
		}
	}
	slices.SortFunc(idle, func(a, b *conn) int { return b.idleSince.Compare(a.idleSince) })
	kept := 0
	ofHost := make(map[*origin]int)
	for _, c := range idle {
		full := e.settings.mostIdle > 0 && kept == e.settings.mostIdle
		if full || e.settings.mostIdleOfHost > 0 && ofHost[c.origin] == e.settings.mostIdleOfHost {
			e.disconnect(c)
			continue
		}
		kept++
		ofHost[c.origin]++
	}
}

// timeoutError is an exceeded time limit of the transport, with net/http's
// text.
type timeoutError string

func (e timeoutError) Error() string   { return string(e) }
func (e timeoutError) Timeout() bool   { return true }
func (e timeoutError) Temporary() bool { return true }

const (
	errHeaderTimeout    timeoutError = "net/http: timeout awaiting response headers"
	errHandshakeTimeout timeoutError = "net/http: TLS handshake timeout"
)

// lookAfterHeaders fails the requests of a connection whose header section is
// overdue. Over HTTP/1.1 only the first request can be.
func (e *engine) lookAfterHeaders(c *conn, now time.Time) {
	if !c.established { // the TLS handshake has limits of its own
		e.lookAt(now.Add(e.settings.headerTimeout / 4))
		return
	}
	for call := c.calls.first; call != nil; {
		next := call.next
		if !c.multiplexes {
			next = nil
		}
		since := call.handed
		if !c.multiplexes && c.headSince.After(since) {
			since = c.headSince
		}
		if c.establishedSince.After(since) {
			since = c.establishedSince
		}
		until := since.Add(e.settings.headerTimeout)
		switch {
		case call.abandoned || call.handed.IsZero() || e.loop.Progress(call.handle.slot).Answered:
		case now.Before(until):
			e.lookAt(until)
		default:
			e.tearOut(call, &transferError{curl.CurlError(curl.E_OPERATION_TIMEDOUT), errHeaderTimeout})
		}
		call = next
	}
}
