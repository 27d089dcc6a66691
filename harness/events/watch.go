package events

import (
	"context"
	"sync"
)

// Watch tells others, while a subject runs, whether it is stuck: whether the
// last write that it tried was blocked. It is safe for concurrent use.
type Watch struct {
	mutex   sync.Mutex
	stuck   bool
	changed chan struct{} // closed and replaced whenever stuck becomes true
}

// NewWatch returns a Watch of a subject that has not written anything yet.
func NewWatch() *Watch {
	return &Watch{changed: make(chan struct{})}
}

// See takes the next event.
func (w *Watch) See(e Event) {
	if !e.IsWrite() {
		return
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.stuck = e.Blocked()
	if w.stuck {
		close(w.changed)
		w.changed = make(chan struct{})
	}
}

// WaitStuck returns true as soon as the last write that was tried is one that
// was blocked, and false when the context ends before.
func (w *Watch) WaitStuck(ctx context.Context) bool {
	w.mutex.Lock()
	stuck, changed := w.stuck, w.changed
	w.mutex.Unlock()
	if stuck {
		return true
	}
	select {
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	}
}
