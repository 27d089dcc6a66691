package curlpipe

import (
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// mostRefusals is how often a request is sent again to a server that says each
// time that it has not processed it, or that ends each connection announced but
// without one response.
const mostRefusals = 6

// lose handles a call whose connection ended, or accepts no more requests,
// before a byte of the response arrived. The call is sent again if that is safe.
// The end is charged to the request that was the next to be answered, and not to
// those behind it. An end that the server had announced, or that we have made,
// is charged to none.
func (e *engine) lose(call *call, result *cshim.Result) {
	c := call.conn
	turn := c.calls.first == call && !c.blamed && !c.announced && !c.ours && !result.Unprocessed &&
		(result.Sent || !c.answered) // else it had ended before
	if turn {
		c.blamed = true
		call.charged++
	}
	if result.HTTP11 {
		c.origin.http11 = true // on connections to come
	}
	if (result.Unprocessed || c.announced) && !(c.announced && c.answered) {
		call.refused++
	}
	if (!result.Unprocessed || c.announced) && c.state == connOpen {
		c.state = connDraining // libcurl would not use it for other requests either
	}
	unsent := !result.Sent || result.Unprocessed
	cause := e.cause(codeOf(result), call, c)
	again := unsent || e.settings.retries > 0 && e.repeatable(call, result, cause)
	switch {
	case call.abandoned, c.reason != nil:
		again = false
	case turn && !c.answered:
		// this request itself is the likely reason why the server closed
		again = false
	case call.charged > e.settings.retries, call.refused > mostRefusals:
		again = false
	}
	reason := c.reason
	h := e.takeOff(call)
	if again {
		call.trace.ended(errSentAgain)
		c.origin.waiting.restore(call)
		e.queued(call, c.origin)
		return
	}
	e.putBack(h, true)
	if reason == nil {
		reason = &lostError{transferError{codeOf(result), cause}, call.sent}
		if result.Unprocessed {
			reason = &refusedError{codeOf(result)}
		}
		call.detail = result.Detail
	} else {
		call.detail = detailOf(reason)
	}
	e.end(call, reason)
}

// repeatable reports whether a request may be sent again although the server may
// have processed it.
func (e *engine) repeatable(c *call, result *cshim.Result, cause error) bool {
	if e.settings.retryPolicy == nil {
		return c.flags.repeatable
	}
	err := &lostError{transferError{codeOf(result), cause}, c.attempts}
	return e.settings.retryPolicy(c.asked, newError(c.asked, result.Detail, err))
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

// lookAfter does the checks of each turn: for unread responses, for connections
// that are not established in time, and for connections on which nothing moves.
func (e *engine) lookAfter(now time.Time) {
	if !e.look.IsZero() && !now.Before(e.look) {
		e.look = time.Time{} // each connection that still waits sets it again
		for _, o := range e.origins {
			e.settle(o)
		}
	}
	for _, c := range e.conns {
		switch {
		case c == nil, c.ours:
			continue
		case c.inFlight == 0:
			if c.state == connDraining || e.isIdleTooLong(c, now) {
				e.disconnect(c)
			}
			continue
		}
		if e.traced > 0 && !c.ours {
			e.lookAfterTraces(c, now)
		}
		e.lookAfterHead(c, now)
		if !c.established && !c.ours {
			e.lookAfterConnect(c, now)
		}
		if e.settings.stallTimeout > 0 && !c.ours {
			e.lookAfterStall(c, now)
		}
		if e.settings.headerTimeout > 0 && !c.ours {
			e.lookAfterHeaders(c, now)
		}
	}
	if e.settings.mostIdle > 0 || e.settings.mostIdleOfHost > 0 {
		e.closeIdleBeyond()
	}
}

// lookAfterHead gives up a response that delays others for too long.
func (e *engine) lookAfterHead(c *conn, now time.Time) {
	head := c.calls.first
	if c.multiplexes {
		return
	}
	var until time.Time
	switch {
	case head.abandoned && !c.established && c.origin.waiting.first != nil:
		e.lookAt(now.Add(patience)) // others wait for the connection
		return
	case head.abandoned && c.abandoned == c.inFlight:
		until = c.unreadSince().Add(min(patience, e.settings.abandonedTime)) // nobody waits for the response
	case head.abandoned:
		since := c.unreadSince()
		if head.left.After(since) {
			since = head.left
		}
		until = since.Add(e.settings.abandonedTime)
		e.relieve(c, since, now)
		if c.ours {
			return
		}
	case head.body != nil:
		since := head.body.unreadSince()
		if since.IsZero() || c.inFlight == 1 && !c.origin.waitsFor(c) {
			return
		}
		until = since.Add(e.settings.unreadTime)
	default:
		return
	}
	if !e.passed(until) {
		e.lookAt(until)
		return
	}
	if !head.abandoned {
		e.counters.unread.Add(1)
		e.tearOut(head, ErrBodyUnread)
		return
	}
	e.giveUp(c)
}

// relieve helps the requests behind a response that is not wanted and of which
// nothing arrives. All of them may be sent again, because no other request is
// pipelined. They start over on another connection; if there is none, one more
// is opened.
func (e *engine) relieve(c *conn, since, now time.Time) {
	if !e.passed(since.Add(patience)) || e.settings.retries == 0 {
		e.lookAt(since.Add(patience))
		return
	}
	if moved := e.loop.Movement(c.id); !c.watched || moved != c.movement {
		c.watched, c.movement, c.still = true, moved, now
	}
	ready := c.origin.other(c, connOpen)
	switch {
	case !ready && !c.relief && !c.origin.other(c, connDialing):
		c.relief = true // once: it may be refused
		e.dial(c.origin, now)
	case ready && e.passed(c.still.Add(patience)):
		e.giveUp(c)
		return
	}
	e.lookAt(now.Add(patience))
}
