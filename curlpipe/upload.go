package curlpipe

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// uploadPiece is how much of a request's body is read at a time. At most two
// pieces are on their way to libcurl.
const uploadPiece = 32 << 10

// upload reads the body of a request, in a goroutine of its own, and feeds it to
// the engine, piece by piece as libcurl takes it.
type upload struct {
	call    *call
	engine  *engine
	body    io.ReadCloser
	reading atomic.Bool   // waits for the body
	hungry  chan struct{} // libcurl has taken all that it was fed
	ended   chan struct{} // the request has: no more is wanted
	once    sync.Once
}

// feed is one piece of a request's body on its way to the engine.
type feed struct {
	call  *call
	piece []byte
	last  bool
	err   error // the body could not be read: the request cannot go on
}

// startUpload starts feeding the request's body.
func (c *call) startUpload(body io.ReadCloser, e *engine) {
	if body == nil {
		body = http.NoBody
	}
	c.upload = &upload{
		call:   c,
		engine: e,
		body:   body,
		hungry: make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
}

// begin starts the goroutine, once the engine has the request.
func (u *upload) begin() { go u.run() }

// stop ends the goroutine, before begin as well; the body is closed.
func (u *upload) stop() {
	u.once.Do(func() {
		close(u.ended)
		// unblocks a body that is being read, as it does for net/http
		_ = u.body.Close()
	})
}

// want tells that libcurl has taken all that it was fed.
func (u *upload) want() {
	select {
	case u.hungry <- struct{}{}:
	default:
	}
}

func (u *upload) run() {
	left := u.call.uploadLength
	for {
		piece := make([]byte, uploadPiece)
		u.reading.Store(true)
		n, err := io.ReadFull(u.body, piece)
		u.reading.Store(false)
		f := feed{call: u.call, piece: piece[:n]}
		f.last = err == io.EOF || err == io.ErrUnexpectedEOF // as ReadFull itself returns them
		if left >= 0 {
			left -= int64(n)
			f.err = wrongLength(u.call.uploadLength, left, f.last)
		}
		if err != nil && !f.last {
			f.err = fmt.Errorf("curlpipe: cannot read the request's body: %w", err)
		}
		select {
		case <-u.ended:
			return
		default:
		}
		u.engine.mailbox.feed(f)
		if f.last || f.err != nil {
			_ = u.body.Close()
			return
		}
		select {
		case <-u.hungry:
		case <-u.ended:
			return
		}
	}
}

// wrongLength is the error of a body that is not as long as was said.
func wrongLength(length, left int64, last bool) error {
	switch {
	case left < 0:
		return fmt.Errorf("curlpipe: the request's body is longer than its ContentLength %d", length)
	case last && left > 0:
		return fmt.Errorf("curlpipe: the request's body ended %d bytes before its ContentLength %d: %w", left, length, io.ErrUnexpectedEOF)
	}
	return nil
}

// bodyLength is the length of a request's body: 0 without one, -1 when it is
// not known [http.Request].
func bodyLength(request *http.Request) int64 {
	switch {
	case request.Body == nil || request.Body == http.NoBody:
		return 0
	case request.ContentLength != 0:
		return request.ContentLength
	}
	return -1
}
