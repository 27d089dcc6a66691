package curlpipe

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// engine carries requests between their callers and the loop, in one goroutine
// that has the loop to itself. Callers reach it through the mailbox. It is not
// bound to an OS thread: libcurl asks for one user at a time, not for one
// thread, and a goroutine that is free to move wakes its callers for less.
//
// engine.go has its life, admit.go the way of a request to the loop, deliver.go
// the way of a response to its caller.
type engine struct {
	loop     *cshim.Loop
	settings *settings
	mailbox  mailbox
	counters counters
	stopped  chan struct{} // closed when the goroutine has ended

	// Of the goroutine alone.
	options  *prepared
	keyLog   *os.File
	closed   uint64 // sockets that the loop has closed
	post     post
	batch    cshim.Batch
	origins  map[originKey]*origin
	numbered uint32    // origins so far
	sweepAt  int       // so many origins are looked through for some to forget
	ready    []*origin // have requests in their queues and room for them
	handles  []*handle // by slot
	idle     []*handle
	unwanted []unwanted // abandoned on the wire, longest first
	stall    stallWatch
	journal  *journal
}

// unwanted is an abandoned request on the wire, and when it is given up.
type unwanted struct {
	call  *call
	until time.Time
}

// startEngine makes an engine and starts its goroutine.
func startEngine(s *settings) (*engine, error) {
	e := &engine{
		settings: s,
		stopped:  make(chan struct{}),
		origins:  make(map[originKey]*origin),
		sweepAt:  leastSweep,
		stall:    newStallWatch(s.stallTimeout),
	}
	if err := e.prepareLoop(); err != nil {
		e.freeAll()
		return nil, err
	}
	e.mailbox.wake = e.loop.Wake
	e.journal = newJournal(s.logger, e.loop)
	go e.run()
	return e, nil
}

func (e *engine) prepareLoop() (err error) {
	if e.loop, err = cshim.NewLoop(e.settings.limits); err != nil {
		return err
	}
	if e.settings.keyLogFile != "" {
		e.keyLog, err = os.OpenFile(e.settings.keyLogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("curlpipe: KeyLogFile: %w", err)
		}
		e.loop.LogKeys(e.keyLog.Fd())
	}
	if e.options, err = e.settings.easy.prepare(); err != nil {
		return err
	}
	first, err := newHandle(e.loop, e.options) // an option that libcurl refuses shows now
	if err != nil {
		return err
	}
	e.keep(first)
	e.idle = append(e.idle, first)
	return nil
}

// submit hands calls to the engine, in order; it answers each through
// call.done.
func (e *engine) submit(calls ...*call) error {
	if err := e.mailbox.submit(calls...); err != nil {
		return err
	}
	e.counters.requests.Add(uint64(len(calls)))
	return nil
}

// abandon ends the caller's interest in a call. False: it has been answered.
func (e *engine) abandon(c *call) bool {
	if !c.leave() {
		return false
	}
	e.counters.abandoned.Add(1)
	c.stopUpload()
	e.mailbox.abandon(c)
	return true
}

// closeIdle asks for the connections without requests to be closed.
func (e *engine) closeIdle() { e.mailbox.closeIdle() }

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
		e.readPost()
		if e.post.closing {
			break
		}
		if err := e.cross(); err != nil {
			reason = err
			break
		}
		e.journal.write()
	}
	e.mailbox.shut(reason)
	e.mailbox.collect(&e.post) // what came before it was shut
	for _, c := range e.post.submitted {
		e.enqueue(c)
	}
	e.tearDown(reason)
}

// readPost does what callers have asked for.
func (e *engine) readPost() {
	for _, c := range e.post.submitted {
		e.enqueue(c)
	}
	for _, f := range e.post.feeds {
		e.feed(f)
	}
	for _, c := range e.post.consumed {
		if c.call.place == placeInFlight {
			e.loop.Consumed(c.call.handle.slot, c.bytes)
		}
	}
	for _, c := range e.post.abandoned {
		e.forget(c)
	}
	if e.post.closeIdle {
		e.loop.CloseIdle()
	}
}

// cross hands what is ready to the loop, waits, and deals with what came back.
// An error means that the loop is of no more use.
func (e *engine) cross() error {
	e.admit()
	releaseSockets()
	results, err := e.loop.Run(&e.batch, e.wait())
	acquireSockets()
	if err != nil {
		return e.restart(fmt.Errorf("curlpipe: %w", err))
	}
	for i := range results {
		e.deliver(&results[i])
	}
	e.closed = e.loop.SocketsClosed()
	e.giveUpUnwanted()
	if e.stall.limit > 0 && e.stall.stalled(len(results) > 0 || e.waitsForCallers(), e.loop.Movement) {
		e.journal.stalled(e.stall.limit)
		return e.restart(ErrStalled)
	}
	if len(results) > 0 {
		// Let the callers that were just answered leave their next requests, so
		// that these go out together.
		runtime.Gosched()
	}
	return nil
}

// wait is how long the loop may run; negative is for ever.
func (e *engine) wait() time.Duration {
	if len(e.ready) > 0 {
		return 0 // the batch is full, and there is more
	}
	wait := time.Duration(-1)
	if e.counters.inFlight.Load() > 0 {
		wait = e.stall.wait()
	}
	if len(e.unwanted) > 0 {
		until := max(0, time.Until(e.unwanted[0].until))
		if wait < 0 || until < wait {
			wait = until
		}
	}
	return wait
}

// waitsForCallers tells whether nothing moves because nothing is in flight, or
// because a caller does not read a body or has not written one.
func (e *engine) waitsForCallers() bool {
	if e.counters.inFlight.Load() == 0 {
		return true
	}
	for _, h := range e.handles {
		if h == nil || h.call == nil {
			continue
		}
		if body := h.call.body; body != nil && body.unread() {
			return true
		}
		if upload := h.call.upload; upload != nil && upload.reading.Load() {
			return true
		}
	}
	return false
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
			e.end(e.takeBack(h, false), reason)
		}
	}
}

// tearDown ends every call and frees everything.
func (e *engine) tearDown(reason error) {
	e.loop.Close() // no callback after this
	e.failInFlight(reason)
	for _, o := range e.origins {
		for o.first != nil {
			c := o.first
			o.remove(c)
			e.counters.queued.Add(-1)
			e.end(c, reason)
		}
	}
	e.journal.write()
	e.freeAll()
}

// freeAll frees what the engine holds.
func (e *engine) freeAll() {
	if e.loop != nil {
		e.loop.Close()
	}
	for _, h := range e.handles {
		if h != nil {
			e.drop(h)
		}
	}
	if e.options != nil {
		e.options.close()
	}
	if e.keyLog != nil {
		_ = e.keyLog.Close()
	}
	e.origins, e.handles, e.idle, e.ready, e.unwanted = nil, nil, nil, nil, nil
}
