package curlpipe

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// engine passes requests from their callers to the loop and results back. It
// runs in one goroutine, which alone uses the loop; callers reach it through
// the mailbox. The goroutine is not bound to an OS thread: libcurl needs one
// user at a time, not one thread, and a goroutine that can move wakes its
// callers at less cost.
//
// engine.go has its start, its turns and its end, connect.go makes and ends
// connections, admit.go assigns requests to connections, handles.go manages easy
// handles, deliver.go returns responses, abandon.go gives up requests whose
// callers have left, and retry.go handles the requests of a connection that has
// ended.
type engine struct {
	loop     *cshim.Loop
	settings *settings
	mailbox  mailbox
	counters counters
	stopped  chan struct{} // closed when the goroutine has ended

	// Of the goroutine alone.
	options   *prepared
	keyLog    *os.File
	post      post
	batch     cshim.Batch
	origins   map[originKey]*origin
	conns     []*conn   // by number, nil where there is none; without those that are being dialed
	ready     []*origin // origins to look at, because something has changed
	now       time.Time // when the loop last came back
	looked    time.Time // when the loop last began to check its sockets
	look      time.Time // when to look at all of them even if nothing has changed; zero: never
	turns     uint64    // calls started
	handles   []*handle // by slot
	idle      []*handle
	idleHTTP2 []*handle // idle, too, but only for connections that multiplex
	making    int       // handles that are being made
	traced    int       // calls with hooks that are in flight
	journal   *journal
	replaced  bool           // the engine ends with its last request
	closing   sync.WaitGroup // connections that are being closed, see release

	chains map[string][]*x509.Certificate // that were verified, by the certificate in front

	dialing context.Context // ends with the engine
	stop    context.CancelFunc
}

// startEngine makes an engine and starts its goroutine.
func startEngine(s *settings) (*engine, error) {
	e, err := newEngine(s)
	if err != nil {
		return nil, err
	}
	go e.run()
	return e, nil
}

// newEngine makes an engine that does not run yet.
func newEngine(s *settings) (*engine, error) {
	e := &engine{
		settings: s,
		stopped:  make(chan struct{}),
		origins:  make(map[originKey]*origin),
	}
	e.dialing, e.stop = context.WithCancel(context.Background())
	if err := e.prepareLoop(); err != nil {
		e.stop()
		e.freeAll()
		return nil, err
	}
	e.mailbox.wake = e.loop.Wake
	e.journal = newJournal(s.logger, e)
	return e, nil
}

func (e *engine) prepareLoop() (err error) {
	if e.options, err = e.settings.easy.prepare(); err != nil {
		return err
	}
	limits := e.settings.limits
	limits.CAFile = e.options.takeAuthorities()
	if e.loop, err = cshim.NewLoop(limits); err != nil {
		return err
	}
	if e.settings.keyLogFile != "" {
		e.keyLog, err = os.OpenFile(e.settings.keyLogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("curlpipe: KeyLogFile: %w", err)
		}
		e.loop.LogKeys(e.keyLog.Fd())
	}
	first, err := newHandle(e.options, nil) // an option that libcurl refuses is found now
	if err != nil {
		return err
	}
	if e.options.configure != nil {
		first.easy.Cleanup()
		return nil
	}
	return e.add(first)
}

// submit passes calls to the engine, in order. The engine answers each through
// call.done.
func (e *engine) submit(calls ...*call) error {
	if err := e.mailbox.submit(calls...); err != nil {
		return err
	}
	e.counters.requests.Add(uint64(len(calls)))
	return nil
}

// closeIdle asks the engine to close the connections without requests.
func (e *engine) closeIdle() { e.mailbox.closeIdle() }

// close ends the engine and waits until it has released everything.
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
		if e.post.closing || e.replaced && e.counters.inFlight.Load()+e.counters.queued.Load() == 0 {
			break
		}
		e.post.forget()
		if err := e.cross(); err != nil {
			reason = err
			break
		}
		e.journal.write()
	}
	e.mailbox.shut(reason)
	e.mailbox.collect(&e.post) // left before the mailbox was shut
	for _, c := range e.post.submitted {
		e.enqueue(c)
	}
	e.tearDown(reason)
}

// readPost handles what callers have left in the mailbox.
func (e *engine) readPost() {
	submitted := 0
	for _, c := range e.post.canceled {
		for ; submitted < c.submitted; submitted++ {
			e.enqueue(e.post.submitted[submitted])
		}
		e.cancel(c.request)
	}
	for _, c := range e.post.submitted[submitted:] {
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
	for _, d := range e.post.dialed {
		e.connected(d)
	}
	for _, c := range e.post.lost {
		e.lost(c)
	}
	for _, m := range e.post.made {
		e.receive(m)
	}
	e.replaced = e.replaced || e.post.replaced
	if e.post.closeIdle {
		for _, c := range e.conns {
			if c != nil && c.inFlight == 0 {
				e.disconnect(c)
			}
		}
	}
}

// cross passes the batch to the loop, waits, and handles the results. An error
// means that the loop is unusable.
func (e *engine) cross() error {
	e.lookAfter(time.Now())
	e.admit()
	releaseSockets()
	wait := e.wait()
	e.looked = time.Now()
	results, err := e.loop.Run(&e.batch, wait)
	acquireSockets()
	e.now = time.Now()
	if err != nil {
		return fmt.Errorf("curlpipe: %w", err)
	}
	e.deal(results, e.loop.News())
	if len(results) > 0 {
		// Let the callers that were just answered submit their next requests,
		// so that these are sent together.
		runtime.Gosched()
	}
	return nil
}

// deal handles the results and news of a run of the loop. A handle stays with its
// call until its own result is handled, so other ways of ending a call come after
// all results.
func (e *engine) deal(results []cshim.Result, news []cshim.News) {
	for i := range news {
		e.learn(&news[i])
	}
	for i := range results {
		e.deliver(&results[i])
	}
	for i := range news {
		c := e.conns[news[i].Connection]
		if news[i].Multiplexes {
			e.freeAbandoned(c)
		}
		if news[i].Secured && e.traced > 0 {
			e.traceHandshake(c)
		}
	}
	for i := range news {
		if news[i].Over {
			e.forgetConn(e.conns[news[i].Connection])
		}
	}
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
		if c.owned != nil && !c.ours {
			e.lookAfterDeadline(c, now)
		}
		if !c.established && !c.ours {
			e.lookAfterConnect(c, now)
		}
		if e.settings.stallTimeout > 0 && !c.ours {
			e.lookAfterStall(c, now)
			if !c.ours {
				e.lookAfterDrip(c, now)
			}
		}
		if e.settings.headerTimeout > 0 && !c.ours {
			e.lookAfterHeaders(c, now)
		}
	}
	if e.settings.mostIdle > 0 || e.settings.mostIdleOfHost > 0 {
		e.closeIdleBeyond()
	}
}

// wait returns how long the loop may run; negative means no limit.
func (e *engine) wait() time.Duration {
	if len(e.ready) > 0 {
		return 0 // the batch is full, and there is more
	}
	if e.look.IsZero() {
		return -1
	}
	return max(0, time.Until(e.look))
}

// passed reports whether a deadline has passed and the loop has checked its
// sockets since. Time in which the process did not run does not count.
func (e *engine) passed(until time.Time) bool { return !e.looked.Before(until) }

// lookAt makes the engine look at everything at that time; zero: never.
func (e *engine) lookAt(when time.Time) { e.look = earlier(e.look, when) }

func (e *engine) failInFlight(reason error) {
	for _, h := range e.handles {
		if h == nil || h.call == nil {
			continue
		}
		call := h.call
		if call.place == placeQueued { // to be sent again
			e.dequeue(call)
			h.call, call.handle = nil, nil
		} else {
			e.takeOff(call)
		}
		e.end(call, reason)
	}
}

// tearDown ends every call and frees everything.
func (e *engine) tearDown(reason error) {
	e.stop()
	e.loop.Close() // no callback after this
	e.failInFlight(reason)
	for _, o := range e.origins {
		for o.waiting.first != nil {
			c := o.waiting.first
			e.dequeue(c)
			e.end(c, reason)
		}
	}
	for _, d := range e.post.dialed {
		d.close()
	}
	for _, m := range e.post.made {
		m.discard()
	}
	for _, c := range e.conns {
		if c != nil {
			e.release(c)
		}
	}
	e.closing.Wait()
	e.journal.end()
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
		e.options.release()
	}
	if e.keyLog != nil {
		_ = e.keyLog.Close()
	}
	e.origins, e.conns, e.handles, e.idle, e.idleHTTP2, e.ready = nil, nil, nil, nil, nil, nil
}
