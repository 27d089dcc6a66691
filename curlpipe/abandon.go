package curlpipe

import (
	"net/http"
	"time"
)

// abandon ends the caller's interest in a call. It returns false if the call
// was answered before.
func (e *engine) abandon(c *call) bool {
	if !c.leave() {
		return false
	}
	e.counters.abandoned.Add(1)
	c.stopUpload()
	e.mailbox.abandon(c)
	return true
}

// cancel ends the calls of a request that the caller has canceled. Only the engine
// can find them, so that requests that nobody cancels cost nothing.
func (e *engine) cancel(request *http.Request) {
	var canceled []*call
	for _, h := range e.handles {
		if h != nil && h.call != nil && h.call.given == request {
			canceled = append(canceled, h.call)
		}
	}
	for _, o := range e.origins {
		for c := o.waiting.first; c != nil; c = c.next {
			if c.handle == nil && c.given == request {
				canceled = append(canceled, c)
			}
		}
	}
	for _, c := range canceled {
		if c.body != nil {
			c.body.abandon(bare(canceledError(c.ctx)))
		} else if c.leave() {
			e.counters.abandoned.Add(1)
			if c.upload != nil {
				c.upload.end(false)
			}
			e.forget(c)
			c.done <- struct{}{} // see answer
		}
	}
}

// forget handles a call whose caller has left.
func (e *engine) forget(c *call) {
	switch c.place {
	case placeQueued:
		e.dequeue(c)
		if c.handle != nil { // it was to be sent again
			e.putBack(c.handle, true)
		}
		e.end(c, nil)
	case placeInFlight:
		if c.abandoned {
			return
		}
		if c.upload != nil || c.conn.multiplexes {
			// it cannot be completed, or cancelling it costs no other request
			// anything
			e.tearOut(c, nil)
			return
		}
		c.abandoned = true
		c.left = time.Now()
		c.conn.abandoned++
		e.loop.Drop(c.handle.slot)
	}
}

// tearOut ends a call at once. If its request was sent over HTTP/1.1, the
// connection is closed.
func (e *engine) tearOut(c *call, err error) {
	on, h := c.conn, c.handle
	if c.place == placeQueued {
		e.dequeue(c)
	} else {
		e.traceLeft(c)
		e.loop.GiveUp(h.slot)
		e.takeOff(c)
		if !on.multiplexes {
			e.giveUp(on)
		}
	}
	e.putBack(h, false)
	e.end(c, err)
}

// freeAbandoned removes the abandoned calls of a connection that turned out to
// multiplex. There they can be cancelled at no cost for others.
func (e *engine) freeAbandoned(c *conn) {
	for call := c.calls.first; call != nil; {
		next := call.next
		if call.abandoned {
			e.tearOut(call, nil)
		}
		call = next
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
		e.lookAt(now.Add(e.settings.patience)) // others wait for the connection
		return
	case head.abandoned && c.abandoned == c.inFlight:
		until = c.unreadSince().Add(min(e.settings.patience, e.settings.abandonedTime)) // nobody waits for the response
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
	if !e.passed(since.Add(e.settings.patience)) || e.settings.retries == 0 {
		e.lookAt(since.Add(e.settings.patience))
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
	case ready && e.passed(c.still.Add(e.settings.patience)):
		e.giveUp(c)
		return
	}
	e.lookAt(now.Add(e.settings.patience))
}
