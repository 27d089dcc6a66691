package curlpipe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// call is a request between its caller and the engine. The engine owns it from
// submit until it is answered, and the caller afterwards. They share a
// streamedBody while the body is incomplete.
type call struct {
	// What the caller asks for.
	asked        *http.Request
	given        *http.Request   // to RoundTrip; asked is a copy of it when its body has to be read again
	ctx          context.Context // its values are passed to the functions that dial
	owner        *Transport      // kept alive until the call has ended
	origin       originKey
	checked      checked    // see encodeOrigin
	text         cshim.Text // see takeText
	textOf       *cshim.Text
	flags        flags
	uploadLength int64
	upload       *upload // owns the request's body, if there is one
	stream       bool    // answered with the header section, not at the end
	window       int     // bytes of a streamed body that may be unread
	gunzip       bool    // gzip was requested without the caller's knowledge
	trace        *trace

	// The outcome, set by the engine before done.
	header  string // header section
	content string // body, if it is not streamed
	tls     *tls.ConnectionState
	body    *streamedBody // the rest of a streamed body; nil: none
	trailer string
	detail  string
	err     error

	state atomic.Int32 // callPending …
	done  chan struct{}

	// Of the engine alone.
	place          place
	handle         *handle   // from the start of the call, also while it waits to be sent again
	waitsAt        *origin   // while queued
	conn           *conn     // while in flight
	turn           uint64    // number of the call in starting order; 0: not started
	attempts       int       // so often it was started
	sent           int       // how often a byte of it may have been sent
	refused        int       // how often the server did not process it, and accepted others
	charged        int       // how often its connection ended when it was the next to be answered
	abandoned      bool      // on the wire
	left           time.Time // when that was
	handed         time.Time // when the whole request had been handed to libcurl; zero: not yet
	fed            int64     // bytes of its body handed to libcurl
	next, previous *call     // in its origin's or its connection's queue
}

// flags are the ways in which a request differs from a GET.
type flags struct {
	head       bool
	upload     bool // has a body
	repeatable bool // may be sent again [RFC 9110 §9.2.2]
	exclusive  bool // never shares an HTTP/1.1 connection
	close      bool // ends its connection
	expects    bool // its body waits for 100 (Continue)
	goAgent    bool // has net/http's User-Agent because it has none of its own
	proxied    bool // goes to a proxy, with a target in the absolute form
}

const (
	callPending   = iota // the caller waits
	callAnswered         // the engine has set the result
	callAbandoned        // the caller has left
)

// place is where the engine keeps a call.
type place uint8

const (
	placeNone place = iota // not with the engine, or ended
	placeQueued
	placeInFlight
)

var calls = sync.Pool{New: func() any { return &call{done: make(chan struct{}, 1)} }}

// texts is the memory for the texts of calls, which are needed only until they
// are passed to C. Calls in flight have none.
var texts = sync.Pool{New: func() any { return new(cshim.Text) }}

// takeText takes memory for the text, unless the call has some.
func (c *call) takeText() {
	if c.textOf == nil {
		c.textOf = texts.Get().(*cshim.Text)
		c.text = *c.textOf
	}
}

// dropText returns the text's memory, if the call has any.
func (c *call) dropText() {
	if c.textOf != nil {
		*c.textOf = c.text
		texts.Put(c.textOf)
		c.text, c.textOf = nil, nil
	}
}

// newCall makes a call of a request, and takes ownership of the request's body.
// With stream it is answered when the header section has arrived.
func (t *Transport) newCall(request *http.Request, stream bool) *call {
	c := calls.Get().(*call)
	c.owner = t
	c.asked = request
	c.stream = stream
	c.upload = newUpload(c, request)
	return c
}

// refuse ends a call that the engine never had, and makes its error.
func (c *call) refuse(err error) error {
	refused := c.failure(err, "")
	c.stopUpload()
	c.release()
	return refused
}

// failure makes the error for the caller. Like net/http, RoundTrip returns some as
// they are, because programs compare them without errors.Is and errors.As.
func (c *call) failure(err error, detail string) error {
	if !c.stream {
		return newError(c.asked, detail, err)
	}
	if ofContext(err) {
		return bare(err)
	}
	if own := ofCaller(err); own != nil {
		return own
	}
	var invalid invalidRequest
	if errors.As(err, &invalid) {
		return invalid
	}
	failed := newError(c.asked, detail, err)
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) {
		return &tls.CertificateVerificationError{
			UnverifiedCertificates: refused.UnverifiedCertificates,
			Err:                    &refusedCertificate{refused.Err, failed},
		}
	}
	return failed
}

// bodyError returns the error of a truncated body. Many programs compare
// io.ErrUnexpectedEOF with ==, so like net/http it is not wrapped.
func (c *call) bodyError(err error) error {
	if own := ofCaller(err); own != nil {
		return own
	}
	var failed *transferError
	if errors.As(err, &failed) && failed.cause == io.ErrUnexpectedEOF {
		return io.ErrUnexpectedEOF
	}
	return newError(c.asked, c.detail, err)
}

// release makes the call's memory available to others. The call must have ended
// and must not have been abandoned, because the engine may still refer to an
// abandoned call. The engine may also refer to one with an upload, which is
// therefore kept.
func (c *call) release() {
	if c.upload != nil {
		return
	}
	c.dropText()
	*c = call{done: c.done, checked: c.checked}
	calls.Put(c)
}

// deliver answers the call, unless the caller has left or was answered before.
func (c *call) deliver() {
	if c.state.CompareAndSwap(callPending, callAnswered) {
		c.done <- struct{}{}
	}
}

// leave ends the caller's interest in the call. It returns false if the call
// was answered before.
func (c *call) leave() bool { return c.state.CompareAndSwap(callPending, callAbandoned) }

// request returns the call in the form of package cshim.
func (c *call) request(slot cshim.Slot, on cshim.Connection) cshim.Request {
	return cshim.Request{
		Slot:         slot,
		Connection:   on,
		Head:         c.flags.head,
		Stream:       c.stream,
		Upload:       c.flags.upload,
		Close:        c.flags.close,
		Interim:      c.trace.wantsInterim(),
		Proxy:        c.flags.proxied,
		GoAgent:      c.flags.goAgent,
		Expect:       c.flags.expects,
		UploadLength: c.uploadLength,
		Text:         c.text,
	}
}

// stopUpload ends the feeding of the request's body, if there is one. It may
// wait for the body's Close, so the engine does not call it: see end.
func (c *call) stopUpload() {
	if c.upload != nil && c.upload.stop() {
		c.upload.close()
	}
}
