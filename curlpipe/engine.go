package curlpipe

import (
	"bytes"
	"runtime"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// engine carries requests between their callers and the loop, in one goroutine
// that has the loop to itself. Callers reach it through the mailbox. It is not
// bound to an OS thread: libcurl asks for one user at a time, not for one
// thread, and a goroutine that is free to move wakes its callers for less.
type engine struct {
	loop     *cshim.Loop
	mailbox  mailbox
	counters counters
	stopped  chan struct{} // closed when the goroutine has ended

	// Of the goroutine alone.
	easyOptions []easyOption
	connections int    // most connections to one origin
	perOrigin   int    // most requests in flight to one origin
	closed      uint64 // sockets that the loop has closed
	post        post
	batch       cshim.Batch
	origins     map[string]*origin
	sweepAt     int       // so many origins are looked through for some to forget
	ready       []*origin // have room in their pipelines and requests in their queues
	handles     []*handle // by slot
	idle        []*handle
	stall       stallWatch
}

// leastSweep is how many origins are worth looking through.
const leastSweep = 64

// startEngine makes an engine and starts its goroutine.
func startEngine(options Options, easyOptions []easyOption) (*engine, error) {
	loop, err := cshim.NewLoop(cshim.Limits{
		ConnectionsPerHost: options.MaxConnsPerHost,
		PipelineLength:     options.MaxPipelineDepth,
		HeaderBytes:        options.MaxHeaderBytes,
		ResponseBytes:      options.MaxResponseBytes,
		DroppedBytes:       options.MaxAbandonedBytes,
	})
	if err != nil {
		return nil, err
	}
	e := &engine{
		loop:        loop,
		stopped:     make(chan struct{}),
		easyOptions: easyOptions,
		connections: options.MaxConnsPerHost,
		perOrigin:   options.MaxConnsPerHost * options.MaxPipelineDepth,
		origins:     make(map[string]*origin),
		sweepAt:     leastSweep,
		stall:       newStallWatch(options.StallTimeout),
	}
	e.mailbox.wake = loop.Wake
	first, err := newHandle(loop, e.easyOptions) // an option that libcurl refuses shows now
	if err != nil {
		loop.Close()
		return nil, err
	}
	e.keep(first)
	e.idle = append(e.idle, first)
	go e.run()
	return e, nil
}

// submit hands calls to the engine, in order; it gives each back through
// call.done.
func (e *engine) submit(calls ...*call) error {
	if err := e.mailbox.submit(calls...); err != nil {
		return err
	}
	e.counters.requests.Add(uint64(len(calls)))
	return nil
}

// abandon ends the caller's interest in a call. False: the call has ended.
func (e *engine) abandon(c *call) bool {
	if !c.leave() {
		return false
	}
	e.counters.abandoned.Add(1)
	e.mailbox.abandon(c)
	return true
}

// close ends the engine and waits until it has let go of everything.
func (e *engine) close() {
	e.mailbox.close()
	<-e.stopped
}

// run is the engine's goroutine.
func (e *engine) run() {
	defer close(e.stopped)
	reason := ErrClosed
	for {
		e.mailbox.collect(&e.post)
		for _, c := range e.post.submitted {
			e.enqueue(c)
		}
		for _, c := range e.post.abandoned {
			e.forget(c)
		}
		if e.post.closing {
			break
		}
		if err := e.cross(); err != nil {
			reason = err
			break
		}
	}
	e.mailbox.shut(reason)
	e.mailbox.collect(&e.post) // what came before it was shut
	for _, c := range e.post.submitted {
		e.enqueue(c)
	}
	e.tearDown(reason)
}

// cross hands what is ready to the loop, waits, and deals with what came back.
// An error means that the loop is of no more use.
func (e *engine) cross() error {
	e.admit()
	wait := time.Duration(-1)
	if len(e.ready) > 0 {
		wait = 0 // the batch is full, and there is more
	} else if e.counters.inFlight.Load() > 0 {
		wait = e.stall.wait()
	}
	results, err := e.loop.Run(&e.batch, wait)
	if err != nil {
		return e.restart(err)
	}
	for i := range results {
		e.finish(&results[i])
	}
	e.closed = e.loop.SocketsClosed()
	if e.stall.limit > 0 && e.stall.stalled(len(results) > 0 || e.counters.inFlight.Load() == 0, e.loop.Movement) {
		return e.restart(ErrStalled)
	}
	if len(results) > 0 {
		// Let the callers that were just answered leave their next requests, so
		// that these go out together.
		runtime.Gosched()
	}
	return nil
}

// enqueue puts a call at the end of its origin's queue.
func (e *engine) enqueue(c *call) {
	o := e.origins[c.origin]
	if o == nil {
		e.sweep()
		o = &origin{}
		e.origins[c.origin] = o
	}
	o.push(c)
	c.place = placeQueued
	e.counters.queued.Add(1)
	e.settle(o)
}

// room is how many requests to an origin may be in flight. libcurl pipelines
// only when it has seen a response of the server on the connections it has, and
// keeps what it gets before in a list that it walks again and again, and takes
// out in no good order. So one request a connection has to do until then.
func (e *engine) room(o *origin) int {
	if o.proven && o.provenAt == e.closed {
		return e.perOrigin
	}
	return e.connections
}

// settle notes an origin as ready if it is.
func (e *engine) settle(o *origin) {
	if !o.listed && o.first != nil && o.inFlight < e.room(o) {
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
		e.ready = e.ready[1:]
		o.listed = false
		if c := o.first; c != nil && o.inFlight < e.room(o) {
			o.remove(c)
			e.counters.queued.Add(-1)
			e.start(c, o)
		}
		e.settle(o)
	}
}

// start puts a call into the batch.
func (e *engine) start(c *call, o *origin) {
	h, err := e.takeHandle()
	if err != nil {
		e.end(c, err)
		return
	}
	c.place = placeInFlight
	c.handle = h
	h.call = c
	o.inFlight++
	e.counters.inFlight.Add(1)
	e.batch.Add(&cshim.Request{Slot: h.slot, Head: c.head, Text: c.text, URLLength: c.urlLength})
}

// finish deals with one result.
func (e *engine) finish(result *cshim.Result) {
	h := e.handles[result.Slot]
	if o := e.origins[h.call.origin]; result.Code == 0 {
		o.proven, o.provenAt = true, e.closed
	}
	c := e.takeBack(h)
	switch {
	case c.state.Load() == callAbandoned:
		e.end(c, nil)
		return
	case result.TooLarge:
		e.end(c, ErrResponseTooLarge)
		return
	case result.Code != 0:
		c.detail = result.Detail
		e.end(c, curl.CurlError(result.Code))
		return
	}
	c.header = string(result.Response[:result.HeaderLength])
	c.body = bytes.Clone(result.Response[result.HeaderLength:])
	c.trailer = string(result.Trailer)
	e.end(c, nil)
}

// takeBack takes the call from its handle, and the handle back into the pool.
func (e *engine) takeBack(h *handle) *call {
	c := h.call
	h.call = nil
	c.handle = nil
	e.counters.inFlight.Add(-1)
	o := e.origins[c.origin]
	o.inFlight--
	e.settle(o)
	if len(e.idle) < e.perOrigin {
		e.idle = append(e.idle, h)
	} else {
		e.drop(h)
	}
	return c
}

// end gives a call back to its caller. A call that was abandoned is left to the
// garbage collector: word of it may still be in the mailbox.
func (e *engine) end(c *call, err error) {
	c.place = placeNone
	c.err = err
	c.deliver()
}

// forget deals with a call whose caller has left.
func (e *engine) forget(c *call) {
	switch c.place {
	case placeQueued:
		o := e.origins[c.origin]
		o.remove(c)
		e.counters.queued.Add(-1)
		e.end(c, nil)
	case placeInFlight:
		e.loop.Drop(c.handle.slot)
	}
}

// takeHandle finds a handle at rest, or makes one.
func (e *engine) takeHandle() (*handle, error) {
	if last := len(e.idle) - 1; last >= 0 {
		h := e.idle[last]
		e.idle = e.idle[:last]
		return h, nil
	}
	h, err := newHandle(e.loop, e.easyOptions)
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

// restart fails what is in flight and starts the loop anew, for the requests
// that are still to come.
func (e *engine) restart(reason error) error {
	err := e.loop.Reset()
	e.closed = e.loop.SocketsClosed()
	e.failInFlight(reason)
	return err
}

func (e *engine) failInFlight(reason error) {
	for _, h := range e.handles {
		if h != nil && h.call != nil {
			e.end(e.takeBack(h), reason)
		}
	}
}

// tearDown ends every call and frees everything.
func (e *engine) tearDown(reason error) {
	e.failInFlight(reason)
	for _, o := range e.origins {
		for o.first != nil {
			c := o.first
			o.remove(c)
			e.counters.queued.Add(-1)
			e.end(c, reason)
		}
	}
	clear(e.origins)
	e.loop.Close()
	for _, h := range e.handles {
		if h != nil {
			e.drop(h)
		}
	}
	e.handles, e.idle, e.ready = nil, nil, nil
}
