package curlpipe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// streamedBody is a response body that continues to arrive after the header
// section. The engine writes it and the caller reads it.
// Transport.ReadBufferSize limits the unread bytes, because the engine makes
// room only for what the caller has read.
type streamedBody struct {
	call    *call
	engine  *engine
	changed chan struct{} // something to read, or the end

	mutex    sync.Mutex
	pieces   []byte // bytes that have arrived; unread from index read on
	read     int
	owed     int   // bytes read and not yet reported to the engine
	ended    bool  // nothing more comes
	err      error // why it ended early; nil: at its end
	trailer  string
	left     bool      // the caller wants no more
	since    time.Time // since when there are unread bytes
	response *http.Response
	unfollow func() bool // stops listening to the context
}

func newStreamedBody(c *call, e *engine) *streamedBody {
	return &streamedBody{call: c, engine: e, changed: make(chan struct{}, 1)}
}

// push adds another part of the body. The engine calls it.
func (b *streamedBody) push(piece []byte) {
	if len(piece) == 0 {
		return
	}
	b.mutex.Lock()
	if !b.left {
		if b.read == len(b.pieces) {
			b.pieces, b.read = b.pieces[:0], 0
			b.since = time.Now()
		}
		b.pieces = append(b.pieces, piece...)
	}
	b.mutex.Unlock()
	b.notify()
}

// end ends the body, with an error unless it is complete. The engine calls it.
// Only the first call counts.
func (b *streamedBody) end(err error, trailer string) {
	b.mutex.Lock()
	if b.ended {
		b.mutex.Unlock()
		return
	}
	b.ended = true
	if !b.left {
		b.err = err
	}
	b.trailer = trailer
	unfollow := b.unfollow
	b.mutex.Unlock()
	if unfollow != nil {
		unfollow()
	}
	b.notify()
}

// unreadSince returns since when there are unread bytes; zero if there are
// none.
func (b *streamedBody) unreadSince() time.Time {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.read == len(b.pieces) {
		return time.Time{}
	}
	return b.since
}

func (b *streamedBody) notify() {
	select {
	case b.changed <- struct{}{}:
	default: // it was told already
	}
}

// follow ends the body when the context ends, or the request's Cancel channel
// is closed.
func (b *streamedBody) follow(ctx context.Context, canceled <-chan struct{}) {
	if ctx.Done() == nil && canceled == nil {
		return
	}
	unfollow := context.AfterFunc(ctx, func() {
		awaitTimer(ctx, canceled)
		b.abandon(context.Cause(ctx)) // bare, as in net/http
	})
	if canceled != nil {
		unfollow = alsoFollow(canceled, func() { b.abandon(bare(canceledError(ctx))) }, unfollow)
	}
	b.mutex.Lock()
	b.unfollow = unfollow
	ended := b.ended
	b.mutex.Unlock()
	if ended {
		unfollow()
	}
}

// alsoFollow calls leave when the channel is closed too, and returns a function
// that stops following both.
func alsoFollow(canceled <-chan struct{}, leave func(), unfollow func() bool) func() bool {
	ended := make(chan struct{})
	var once sync.Once
	go func() {
		select {
		case <-canceled:
			leave()
		case <-ended:
		}
	}()
	return func() bool {
		once.Do(func() { close(ended) })
		return unfollow()
	}
}

// abandon ends the caller's interest in the body; later reads fail with err.
func (b *streamedBody) abandon(err error) {
	b.mutex.Lock()
	if b.left || b.ended && b.read == len(b.pieces) && b.err == nil {
		b.mutex.Unlock()
		return
	}
	b.left = true
	b.err = err
	b.pieces, b.read = nil, 0
	ended := b.ended
	b.mutex.Unlock()
	if !ended {
		b.engine.counters.bodiesAbandoned.Add(1)
		b.engine.mailbox.abandon(b.call)
	}
	b.notify()
}

// Read waits for unread bytes or for the end.
func (b *streamedBody) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	for {
		n, err := b.take(into)
		if err != nil {
			b.call.trace.run() // hooks for earlier events run before the end is reported
		}
		if n > 0 || err != nil {
			return n, err
		}
		<-b.changed
	}
}

// take copies what is there; 0 without an error means nothing yet.
func (b *streamedBody) take(into []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.left {
		return 0, b.err
	}
	if n := copy(into, b.pieces[b.read:]); n > 0 {
		b.read += n
		b.owed += n
		b.since = time.Now()
		if !b.ended && (b.owed >= b.call.window/2 || b.read == len(b.pieces)) {
			b.engine.mailbox.consume(b.call, b.owed)
			b.owed = 0
		}
		return n, nil
	}
	if !b.ended {
		return 0, nil
	}
	b.notify() // for whoever reads again
	if b.err != nil {
		return 0, b.err
	}
	return 0, b.finish()
}

// finish sets the trailer section at the end of the body.
func (b *streamedBody) finish() error {
	if b.trailer == "" {
		return io.EOF
	}
	fields, err := parseFields(b.trailer)
	if err != nil {
		return newError(b.call.asked, "", fmt.Errorf("trailer section: %w", err))
	}
	addTrailer(b.response, fields)
	b.trailer = ""
	return io.EOF
}

// Close abandons the body. The rest of it is read and dropped, so that the
// connection can be used again.
func (b *streamedBody) Close() error {
	b.abandon(errBodyClosed)
	b.mutex.Lock()
	b.left, b.err = true, errBodyClosed
	unfollow := b.unfollow
	b.mutex.Unlock()
	if unfollow != nil {
		unfollow()
	}
	return nil
}
