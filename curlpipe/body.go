package curlpipe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// streamedBody is the body of a response that goes on arriving after its header
// section. The engine writes, the caller reads; what is unread is bounded by
// Transport.ReadBufferSize, because the engine gets room back only for what was
// read.
type streamedBody struct {
	call    *call
	engine  *engine
	changed chan struct{} // something to read, or the end

	mutex    sync.Mutex
	pieces   []byte // arrived; from read on unread
	read     int
	owed     int   // read, and not yet told to the engine
	ended    bool  // nothing more comes
	err      error // how it ended or was ended; nil: at its end
	trailer  string
	left     bool      // the caller wants no more
	since    time.Time // what is unread has been so since then
	response *http.Response
	unfollow func() bool // stops listening to the context
}

func newStreamedBody(c *call, e *engine) *streamedBody {
	return &streamedBody{call: c, engine: e, changed: make(chan struct{}, 1)}
}

// push is the engine's: more of the body has come.
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

// end is the engine's: no more comes, because of err or because it is all
// there. The first end counts.
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

// unreadSince is since when something waits to be read; zero: nothing does.
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

// follow has the body end with the context, or with the request's Cancel.
func (b *streamedBody) follow(ctx context.Context, canceled <-chan struct{}) {
	if ctx.Done() == nil && canceled == nil {
		return
	}
	unfollow := context.AfterFunc(ctx, func() {
		b.abandon(context.Cause(ctx)) // bare, as in net/http
	})
	if canceled != nil {
		unfollow = alsoFollow(canceled, func() { b.abandon(errRequestCanceled) }, unfollow)
	}
	b.mutex.Lock()
	b.unfollow = unfollow
	ended := b.ended
	b.mutex.Unlock()
	if ended {
		unfollow()
	}
}

// alsoFollow calls leave when the channel is closed, and gives back what ends
// both ways of following.
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

// abandon is the caller's turning away; later reads fail with err.
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

// Read waits for something to read, or for the end.
func (b *streamedBody) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	for {
		n, err := b.take(into)
		if err != nil {
			b.call.trace.run() // what has happened before the end is told before it
		}
		if n > 0 || err != nil {
			return n, err
		}
		<-b.changed
	}
}

// take reads what is there; 0 and no error: nothing yet.
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

// finish hands out the trailer section at the end of the body.
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
	b.abandon(http.ErrBodyReadAfterClose)
	b.mutex.Lock()
	b.left, b.err = true, http.ErrBodyReadAfterClose
	unfollow := b.unfollow
	b.mutex.Unlock()
	if unfollow != nil {
		unfollow()
	}
	return nil
}
