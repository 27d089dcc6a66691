package curlpipe

import "sync"

// mailbox is where callers leave what the engine has to know. It wakes the
// engine once for all that gathers until the engine looks.
type mailbox struct {
	mutex    sync.Mutex
	post     post
	closed   error // not nil: no more submissions, and why
	notified bool
	wake     func()
}

// post is what has gathered in a mailbox.
type post struct {
	submitted []*call
	abandoned []*call
	closing   bool
}

// submit leaves calls, in order, or says why the engine takes no more.
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

// abandon leaves word that a submitted call's caller has left. A closed mailbox
// needs no such word.
func (m *mailbox) abandon(c *call) {
	m.mutex.Lock()
	if m.closed != nil {
		m.mutex.Unlock()
		return
	}
	m.post.abandoned = append(m.post.abandoned, c)
	m.unlockAndNotify()
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

// collect takes what has gathered and leaves empty, used lists in its place.
func (m *mailbox) collect(into *post) {
	clear(into.submitted)
	clear(into.abandoned)
	into.submitted = into.submitted[:0]
	into.abandoned = into.abandoned[:0]
	into.closing = false
	m.mutex.Lock()
	defer m.mutex.Unlock()
	*into, m.post = m.post, *into
	m.notified = false
}
