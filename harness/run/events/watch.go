package events

import (
	"context"
	"sync"
	"time"
)

// Watch reports, while a subject runs, whether it is stuck, which means that
// its last write was blocked. It is safe for concurrent use.
type Watch struct {
	mutex   sync.Mutex
	tls     bool // it has written over TLS
	stuck   bool
	changed chan struct{} // closed and replaced at each blocked write
	held    chan struct{} // the same when the subject's own BIO has to buffer bytes
}

// settle is how long a stuck subject has to try again, because the peer may have
// made room. If it does not try, it is still stuck. A subject whose own BIO
// buffers what the socket refuses has the same time to write more over TLS.
const settle = 15 * time.Millisecond

// NewWatch returns a Watch of a subject that has not written anything yet.
func NewWatch() *Watch {
	return &Watch{changed: make(chan struct{}), held: make(chan struct{})}
}

// See takes the next event.
func (w *Watch) See(e Event) {
	if !e.IsWrite() {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.tls = w.tls || e.IsTLSWrite()
	w.stuck = e.Blocked()
	signal := &w.changed
	if w.tls && !e.IsTLSWrite() {
		signal = &w.held
	}
	if w.stuck {
		close(*signal)
		*signal = make(chan struct{})
	}
}

// WaitStuck waits until a write is blocked, or was blocked last and the subject
// does not try again; then it returns true. It returns false if the context
// ends first.
func (w *Watch) WaitStuck(ctx context.Context) bool {
	settled := time.NewTimer(settle)
	defer settled.Stop()
	w.mutex.Lock()
	changed, held := w.changed, w.held
	w.mutex.Unlock()
	for {
		select {
		case <-changed:
			return true
		case <-held:
			w.mutex.Lock()
			held = w.held
			w.mutex.Unlock()
			settled.Reset(settle)
		case <-settled.C:
			w.mutex.Lock()
			stuck := w.stuck
			w.mutex.Unlock()
			if stuck {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}
