package curlpipe

import (
	"net/http"
	"sync"
)

// mailbox is where callers leave messages for the engine. It wakes the engine
// once for all messages that arrive before the engine looks.
type mailbox struct {
	mutex    sync.Mutex
	post     post
	closed   error // not nil: no more submissions, and why
	notified bool
	wake     func()
}

// post is the content of a mailbox.
type post struct {
	submitted []*call
	abandoned []*call
	consumed  []consumption
	feeds     []feed
	dialed    []dialed
	lost      []*conn
	made      []made
	canceled  []cancellation
	closeIdle bool
	closing   bool
	replaced  bool
}

// consumption is how many bytes of a call's streamed body were read.
type consumption struct {
	call  *call
	bytes int
}

// cancellation is a request that was canceled when so many calls of the post had been
// submitted. Those after them are not meant.
type cancellation struct {
	request   *http.Request
	submitted int
}

// submit leaves calls, in order. The error says why the engine accepts none.
func (m *mailbox) submit(calls ...*call) error {
	m.mutex.Lock()
	if err := m.closed; err != nil {
		m.mutex.Unlock()
		return err
	}
	m.post.submitted = append(m.post.submitted, calls...)
	m.unlockAndNotify()
	return nil
}

// abandon reports that a submitted call's caller has left.
func (m *mailbox) abandon(c *call) {
	m.leave(func(p *post) { p.abandoned = append(p.abandoned, c) })
}

// consume reports how many bytes of a call's body were read.
func (m *mailbox) consume(c *call, bytes int) {
	m.leave(func(p *post) { p.consumed = append(p.consumed, consumption{c, bytes}) })
}

// feed leaves a piece of a request's body.
func (m *mailbox) feed(f feed) {
	m.leave(func(p *post) { p.feeds = append(p.feeds, f) })
}

// dialed delivers a connection that was dialed. It returns false if the
// connection is no longer needed.
func (m *mailbox) dialed(d dialed) bool {
	return m.leave(func(p *post) { p.dialed = append(p.dialed, d) })
}

// lost reports that a connection has ended on the caller's side, see owned.
func (m *mailbox) lost(c *conn) {
	m.leave(func(p *post) { p.lost = append(p.lost, c) })
}

// made delivers an easy handle that was made. It returns false if the handle is
// no longer needed.
func (m *mailbox) made(h made) bool {
	return m.leave(func(p *post) { p.made = append(p.made, h) })
}

// cancel asks the engine to end a request, see Transport.CancelRequest.
func (m *mailbox) cancel(request *http.Request) {
	m.leave(func(p *post) { p.canceled = append(p.canceled, cancellation{request, len(p.submitted)}) })
}

// look makes the engine take a turn.
func (m *mailbox) look() { m.leave(func(*post) {}) }

// closeIdle asks the engine to close the connections that it does not use.
func (m *mailbox) closeIdle() {
	m.leave(func(p *post) { p.closeIdle = true })
}

// replaced tells the engine that it gets no more requests, and has to end with its last.
func (m *mailbox) replaced() { m.leave(func(p *post) { p.replaced = true }) }

// leave leaves a message. It returns false if the mailbox is closed.
func (m *mailbox) leave(word func(*post)) bool {
	m.mutex.Lock()
	if m.closed != nil {
		m.mutex.Unlock()
		return false
	}
	word(&m.post)
	m.unlockAndNotify()
	return true
}

// close asks the engine to end.
func (m *mailbox) close() {
	m.mutex.Lock()
	if m.closed != nil {
		m.mutex.Unlock()
		return
	}
	m.post.closing = true
	m.closed = ErrClosed
	m.unlockAndNotify()
}

// shut refuses submissions from now on, for the reason given.
func (m *mailbox) shut(reason error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.closed == nil {
		m.closed = reason
	}
}

func (m *mailbox) unlockAndNotify() {
	first := !m.notified
	m.notified = true
	m.mutex.Unlock()
	if first {
		m.wake()
	}
}

// forget empties the lists and keeps their memory. A sleeping engine thus
// refers to no call that has ended.
func (p *post) forget() {
	clear(p.submitted)
	clear(p.abandoned)
	clear(p.consumed)
	clear(p.feeds)
	clear(p.dialed)
	clear(p.lost)
	clear(p.made)
	clear(p.canceled)
	*p = post{
		submitted: p.submitted[:0],
		abandoned: p.abandoned[:0],
		consumed:  p.consumed[:0],
		feeds:     p.feeds[:0],
		dialed:    p.dialed[:0],
		lost:      p.lost[:0],
		made:      p.made[:0],
		canceled:  p.canceled[:0],
	}
}

// collect takes the content and leaves empty lists that were used before.
func (m *mailbox) collect(into *post) {
	into.forget()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	*into, m.post = m.post, *into
	m.notified = false
}
