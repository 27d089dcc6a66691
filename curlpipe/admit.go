package curlpipe

import (
	"slices"

	"github.com/curlpipe/curlpipe/cshim"
)

// leastSweep is how many origins are worth looking through.
const leastSweep = 64

// enqueue puts a call at the end of its origin's queue.
func (e *engine) enqueue(c *call) {
	o := e.origins[c.origin]
	if o == nil {
		e.sweep()
		e.numbered++
		o = &origin{number: e.numbered}
		e.origins[c.origin] = o
	}
	o.push(c)
	c.place = placeQueued
	e.counters.queued.Add(1)
	e.settle(o)
}

// settle notes an origin as ready if it is.
func (e *engine) settle(o *origin) {
	if !o.listed && o.hasRoom(e.settings, e.closed) {
		o.listed = true
		e.ready = append(e.ready, o)
	}
}

// sweep forgets origins without requests, now and then. It costs those that
// still have a connection one round trip alone.
func (e *engine) sweep() {
	if len(e.origins) < e.sweepAt {
		return
	}
	for key, o := range e.origins {
		if o.first == nil && o.inFlight == 0 && !o.listed {
			delete(e.origins, key)
		}
	}
	e.sweepAt = max(leastSweep, 2*len(e.origins))
}

// admit fills the batch from the queues, in turn.
func (e *engine) admit() {
	for len(e.ready) > 0 && e.batch.Len() < cshim.MaxBatch {
		o := e.ready[0]
		e.ready = slices.Delete(e.ready, 0, 1) // keeps its memory
		o.listed = false
		if o.hasRoom(e.settings, e.closed) {
			c := o.first
			o.remove(c)
			e.counters.queued.Add(-1)
			e.launch(c, o)
		}
		e.settle(o)
	}
}

// launch puts a call into the batch.
func (e *engine) launch(c *call, o *origin) {
	h, err := e.takeHandle()
	if err != nil {
		e.end(c, err)
		return
	}
	c.place = placeInFlight
	c.handle = h
	h.call = c
	o.inFlight++
	if c.flags.exclusive {
		o.exclusive++
	}
	e.counters.inFlight.Add(1)
	request := c.request(h.slot, o.number)
	e.batch.Add(&request)
	c.dropText()
	if c.upload != nil {
		c.upload.begin(e)
	}
}

// feed hands a piece of a request's body to the loop.
func (e *engine) feed(f feed) {
	c := f.call
	if c.place != placeInFlight {
		return
	}
	if f.err == nil {
		f.err = e.loop.Feed(c.handle.slot, f.piece, f.last)
	}
	if f.err != nil {
		e.tearOut(c, f.err)
	}
}

// takeHandle finds a handle at rest, or makes one.
func (e *engine) takeHandle() (*handle, error) {
	if last := len(e.idle) - 1; last >= 0 {
		h := e.idle[last]
		e.idle = e.idle[:last]
		return h, nil
	}
	h, err := newHandle(e.loop, e.options)
	if err != nil {
		return nil, err
	}
	e.keep(h)
	return h, nil
}

// keep notes a handle under its slot.
func (e *engine) keep(h *handle) {
	for int(h.slot) >= len(e.handles) {
		e.handles = append(e.handles, nil)
	}
	e.handles[h.slot] = h
	e.counters.easyHandles.Add(1)
}

// drop frees a handle that carries no request.
func (e *engine) drop(h *handle) {
	h.free(e.loop)
	e.handles[h.slot] = nil
	e.counters.easyHandles.Add(-1)
}
