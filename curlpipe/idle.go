package curlpipe

import (
	"slices"
	"time"

	curl "github.com/andelf/go-curl"
)

// isIdle tells whether no request is on a connection, nor about to be.
func (c *conn) isIdle() bool {
	return c.state == connOpen && c.inFlight == 0 && c.origin.waiting.first == nil
}

// isIdleTooLong tells whether IdleConnTimeout has passed.
func (e *engine) isIdleTooLong(c *conn, now time.Time) bool {
	if e.settings.idleTimeout == 0 || !c.isIdle() {
		return false
	}
	until := c.idleSince.Add(e.settings.idleTimeout)
	if now.Before(until) {
		e.lookAt(until)
		return false
	}
	return true
}

// closeIdleBeyond closes those that MaxIdleConns and MaxIdleConnsPerHost leave no
// room for, the ones that were used last excepted.
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

// timeoutError is a time of a transport's that has passed, in net/http's words.
type timeoutError string

func (e timeoutError) Error() string   { return string(e) }
func (e timeoutError) Timeout() bool   { return true }
func (e timeoutError) Temporary() bool { return true }

const (
	errHeaderTimeout    timeoutError = "net/http: timeout awaiting response headers"
	errHandshakeTimeout timeoutError = "net/http: TLS handshake timeout"
)

// lookAfterHeaders ends those requests of a connection whose header section is
// due. Over HTTP/1.1 that is the first one's alone.
func (e *engine) lookAfterHeaders(c *conn, now time.Time) {
	if !c.established { // TLS's handshake has limits of its own
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
		case call.header != "" || call.abandoned || call.handed.IsZero():
		case now.Before(until):
			e.lookAt(until)
		default:
			e.tearOut(call, &transferError{curl.CurlError(curl.E_OPERATION_TIMEDOUT), errHeaderTimeout})
		}
		call = next
	}
}
