package curlpipe

import (
	"slices"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// enqueue puts a call at the end of its origin's queue.
func (e *engine) enqueue(c *call) {
	o := e.originOf(c.origin)
	o.waiting.push(c)
	e.queued(c, o)
}

// queued notes that a call is in an origin's queue.
func (e *engine) queued(c *call, o *origin) {
	c.place, c.waitsAt = placeQueued, o
	e.counters.queued.Add(1)
	e.settle(o)
}

// originOf returns the origin with a key.
func (e *engine) originOf(key originKey) *origin {
	o := e.origins[key]
	if o == nil {
		only11 := e.settings.mode == ModeMultiplexing && key.handshakes() && !e.settings.speaks.http2
		o = &origin{key: key, patience: e.settings.patience, http11: only11}
		e.origins[key] = o
	}
	return o
}

// dequeue takes a call out of its origin's queue.
func (e *engine) dequeue(c *call) {
	o := c.waitsAt
	o.waiting.remove(c)
	c.waitsAt = nil
	e.counters.queued.Add(-1)
	e.settle(o)
}

// settle has admit look at an origin, because something about it has changed.
func (e *engine) settle(o *origin) {
	if !o.listed {
		o.listed = true
		e.ready = append(e.ready, o)
	}
}

// admit fills the batch from the queues, in turn.
func (e *engine) admit() {
	now := time.Now()
	for len(e.ready) > 0 && e.batch.Len() < cshim.MaxBatch {
		o := e.ready[0]
		e.ready = slices.Delete(e.ready, 0, 1) // keeps its memory
		o.listed = false
		switch {
		case o.waiting.first != nil:
			if e.admitFirst(o, now) {
				e.settle(o)
			}
		case len(o.conns) == 0 && o.making == 0:
			delete(e.origins, o.key)
		default:
			e.closeSurplus(o)
		}
	}
}

// admitFirst assigns the origin's first waiting call to a connection, or starts
// a connection for it. It returns true if there may be more to do.
func (e *engine) admitFirst(o *origin, now time.Time) bool {
	c, open, look := o.room(e.settings, now, e.looked)
	if open {
		e.dial(o, now)
		return true
	}
	e.lookAt(look)
	if c == nil || !e.hasHandle(o, c) {
		return false
	}
	if c.owned != nil && !c.owned.mayWrite() {
		e.lost(c)
		if c.established || c.proven { // else another would do the same
			return true
		}
		call := o.waiting.first
		e.dequeue(call)
		if call.handle != nil {
			e.putBack(call.handle, true)
		}
		e.end(call, &callersError{err: c.ending.failure()})
		return true
	}
	call := o.waiting.first
	o.waiting.remove(call)
	call.waitsAt = nil
	e.counters.queued.Add(-1)
	e.launch(call, c, now)
	return true
}

// closeSurplus closes an idle connection that was opened because another one
// was held up, and exceeds the limit now that the other goes on.
func (e *engine) closeSurplus(o *origin) {
	free := 0
	var atRest *conn
	for _, c := range o.conns {
		if c.state == connDraining || !c.holdsUntil().IsZero() {
			continue
		}
		free++
		if c.state == connOpen && c.inFlight == 0 {
			atRest = c
		}
	}
	if free > e.settings.connections && atRest != nil {
		e.disconnect(atRest)
	}
}

// launch puts a call into the batch.
func (e *engine) launch(c *call, on *conn, now time.Time) {
	if h := c.handle; h != nil && !h.fits(on) {
		c.takeText()
		c.text = append(c.text[:0], e.loop.Text(h.slot)...)
		e.putBack(h, true)
	}
	request := cshim.Request{Connection: on.id, Again: c.handle != nil}
	if c.handle == nil {
		h, err := e.takeHandle(c, on)
		if err != nil {
			e.end(c, err)
			return
		}
		c.handle = h
		h.call = c
		if c.turn == 0 {
			e.turns++
			c.turn = e.turns
		}
		request = c.request(h.slot, on.id)
	}
	request.Slot = c.handle.slot
	request.HTTP2 = on.http2
	request.Secured = on.origin.key.secured
	request.HTTP11 = on.origin.http11 && !on.http2
	c.place = placeInFlight
	c.attempts++
	if c.upload == nil {
		c.handed = now
	}
	if e.settings.headerTimeout > 0 {
		e.lookAt(now.Add(e.settings.headerTimeout))
	}
	c.trace.launched(on, !on.established && !on.proven, now)
	if c.trace != nil {
		e.traced++
		e.lookAt(now)
	}
	on.add(c, now)
	if !on.established {
		e.connecting(on, now)
	}
	if e.settings.stallTimeout > 0 {
		e.lookAt(now.Add(e.settings.stallTimeout / 4))
	}
	e.counters.inFlight.Add(1)
	e.batch.Add(&request)
	c.dropText()
	if c.upload != nil && c.attempts == 1 && !c.flags.expects {
		c.upload.begin(e)
	}
}

// feed hands a piece of a request's body to the loop.
func (e *engine) feed(f feed) {
	c := f.call
	if c.handle == nil {
		return
	}
	if f.err == nil {
		f.err = e.loop.Feed(c.handle.slot, f.piece, f.last)
	}
	c.fed += int64(len(f.piece))
	if f.last && c.trace != nil {
		c.handed = time.Now()
		e.lookAt(c.handed)
	}
	if f.last && e.settings.headerTimeout > 0 {
		c.handed = time.Now()
		e.lookAt(c.handed.Add(e.settings.headerTimeout))
	}
	if f.err != nil {
		e.tearOut(c, f.err)
	}
}
