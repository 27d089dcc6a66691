package curlpipe

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// uploadPiece is how much of a request's body is read at a time. The next read
// starts while less than this waits to be taken by libcurl, so almost twice as
// much may wait.
const uploadPiece = 32 << 10

// uploadBuffers are buffers for reading bodies.
var uploadBuffers = sync.Pool{New: func() any { return new([uploadPiece + 1]byte) }}

// upload owns the body of a request: nothing else reads or closes it. Once the
// request has been submitted, a goroutine reads the body, feeds each piece to
// the engine as soon as it has arrived, and then closes the body. If a request
// ends before that, whatever ends it closes the body. A body is thus closed
// once, and never while it is read.
type upload struct {
	call    *call
	engine  *engine
	body    io.ReadCloser
	taken   atomic.Bool   // somebody has it to close
	unread  atomic.Bool   // the body is being read, and not at its end
	reading atomic.Bool   // waits for the body
	hungry  chan struct{} // libcurl has taken all that it was fed
	ended   chan struct{} // the request has ended: the rest is not needed
	once    sync.Once
}

// feed is one piece of a request's body on its way to the engine.
type feed struct {
	call  *call
	piece []byte
	last  bool
	err   error // the body could not be read, so the request fails
}

// newUpload takes ownership of the request's body. It returns nil if there is
// none and the request need not say so.
func newUpload(c *call, request *http.Request) *upload {
	body := request.Body
	if body == nil || body == http.NoBody {
		if !sendsLength(methodOf(request)) {
			return nil
		}
		body = http.NoBody
	}
	return &upload{
		call:   c,
		body:   body,
		hungry: make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
}

// begin starts to read the body, now that the engine has the request.
func (u *upload) begin(e *engine) { u.take(e, u.run) }

// beginLater begins a body that waits for 100 (Continue), at most for the limit.
func (u *upload) beginLater(e *engine, limit time.Duration) {
	u.take(e, func() {
		select {
		case <-u.hungry:
		case <-u.ended:
			u.close()
			return
		case <-time.After(limit):
		}
		u.run()
	})
}

// take has the function read the body, in a goroutine, unless something reads or
// closes it already.
func (u *upload) take(e *engine, read func()) {
	if u.taken.CompareAndSwap(false, true) {
		u.engine = e
		go read()
	}
}

// stop ends the upload. If it returns true, nothing reads the body, and the
// caller of stop has to close it; otherwise its reader closes it.
func (u *upload) stop() bool {
	u.once.Do(func() { close(u.ended) })
	return u.taken.CompareAndSwap(false, true)
}

func (u *upload) close() { _ = u.body.Close() }

// linger is how long the body of a request may still be read that was answered
// before its end. net/http waits as long for its write. What writes the body then
// often ends without an error, because the body is still open.
const linger = 50 * time.Millisecond

// end ends the upload of a request that has ended, without waiting for the body's
// Close, which is the caller's code. answered means that RoundTrip has returned a
// complete response.
func (u *upload) end(answered bool) {
	if answered && u.unread.Load() {
		time.AfterFunc(linger, func() { u.end(false) })
	} else if u.stop() {
		go u.close()
	}
}

// want notes that libcurl has taken all that it was fed.
func (u *upload) want() {
	select {
	case u.hungry <- struct{}{}:
	default:
	}
}

// run feeds the body to the engine until the body or the request ends.
func (u *upload) run() {
	u.unread.Store(true)
	closed := false
	defer func() {
		if !closed {
			u.close()
		}
	}()
	buffer := uploadBuffers.Get().(*[uploadPiece + 1]byte)
	defer uploadBuffers.Put(buffer)
	left := u.call.uploadLength
	fed := 0 // bytes fed and not known to be taken
	for {
		f, more := u.next(buffer[:], &left)
		if !more {
			return
		}
		if f.last || f.err != nil { // closed before the error can be seen
			closed = true
			u.unread.Store(false)
			if err := u.body.Close(); err != nil && f.err == nil { // the error may mean that the bytes read are wrong
				f.err = fmt.Errorf("curlpipe: cannot close the request's body: %w", err)
			}
		}
		u.engine.mailbox.feed(f)
		if f.last || f.err != nil {
			return
		}
		fed += len(f.piece)
		if u.takenMeanwhile(fed >= uploadPiece) {
			fed = 0
		}
	}
}

// takenMeanwhile reports whether libcurl has taken what it was fed. With wait
// it waits until libcurl has.
func (u *upload) takenMeanwhile(wait bool) bool {
	if wait {
		select {
		case <-u.hungry:
		case <-u.ended: // next() sees it
		}
		return true
	}
	select {
	case <-u.hungry:
		return true
	default:
		return false
	}
}

// next reads the next piece. The piece that completes the stated length waits
// for the end of the body, so that a longer body is never sent as if it were
// complete. It returns false if the request has ended.
func (u *upload) next(buffer []byte, left *int64) (feed, bool) {
	f := feed{call: u.call}
	got := 0
	for f.err == nil && !f.last && (got == 0 || *left == 0) {
		room := buffer[got:]
		if got == 0 {
			room = buffer[:uploadPiece] // one more byte, to see whether the body is longer
		}
		n, err := u.read(room)
		if u.hasEnded() {
			return feed{}, false
		}
		got += n
		f.last = err == io.EOF
		if *left >= 0 {
			*left -= int64(n)
			f.err = wrongLength(u.call.uploadLength, *left, f.last)
		}
		if err != nil && !f.last {
			f.err = &callersError{"cannot read the request's body: ", err}
		}
	}
	f.piece = bytes.Clone(buffer[:got])
	return f, true
}

// Between reads that return nothing the upload pauses, longer each time. After
// too many in a row it fails with io.ErrNoProgress.
const (
	mostEmptyReads = 100
	longestPause   = 10 * time.Millisecond
)

// read calls the body's Read until it returns bytes or an error.
func (u *upload) read(into []byte) (int, error) {
	for try := range mostEmptyReads {
		u.reading.Store(true)
		n, err := u.body.Read(into)
		u.reading.Store(false)
		if n < 0 || n > len(into) {
			return 0, fmt.Errorf("its Read returned %d for a buffer of %d bytes", n, len(into))
		}
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-u.ended:
			return 0, io.EOF
		case <-time.After(min(time.Microsecond<<min(try, 20), longestPause)):
		}
	}
	return 0, io.ErrNoProgress
}

func (u *upload) hasEnded() bool {
	select {
	case <-u.ended:
		return true
	default:
		return false
	}
}

// wrongLength is the error for a body whose length differs from the stated one.
func wrongLength(length, left int64, last bool) error {
	switch {
	case left < 0:
		return fmt.Errorf("curlpipe: the request's body is longer than its ContentLength %d", length)
	case last && left > 0:
		return fmt.Errorf("curlpipe: the request's body ended %d bytes before its ContentLength %d: %w", left, length, io.ErrUnexpectedEOF)
	}
	return nil
}

// asksForChunks reports whether the caller wants a body sent chunked although its
// length is known [http.Request].
func asksForChunks(request *http.Request) bool {
	return len(request.TransferEncoding) > 0 && request.TransferEncoding[0] == "chunked"
}

// bodyLength returns the length of a request's body: 0 without one, -1 if it is
// not known [http.Request].
func bodyLength(request *http.Request) int64 {
	switch {
	case request.Body == nil || request.Body == http.NoBody:
		return 0
	case request.ContentLength > 0 && !asksForChunks(request):
		return request.ContentLength
	}
	return -1
}
