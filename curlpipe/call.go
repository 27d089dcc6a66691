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

// call is one request between its caller and the engine. The engine has it from
// submit on, until it is answered; then the caller has it again, and of a body
// that is not all there yet the two share a streamedBody.
type call struct {
	// What the caller asks for.
	asked        *http.Request
	ctx          context.Context // its values go along to who dials
	owner        any             // kept alive until the call has ended
	origin       originKey
	text         cshim.Text // see takeText
	textOf       *cshim.Text
	flags        flags
	uploadLength int64
	upload       *upload // owns the request's body, if there is one
	stream       bool    // answered with the header section, not at the end
	window       int     // bytes of a streamed body that may lie unread
	gunzip       bool    // gzip was asked for without the caller's knowing
	trace        *trace

	// The outcome, set by the engine before done.
	header  string // header section
	content string // body, where it is not streamed
	tls     *tls.ConnectionState
	body    *streamedBody // the rest of it; nil: there is none
	trailer string
	detail  string
	err     error

	state atomic.Int32 // callPending …
	done  chan struct{}

	// Of the engine alone.
	place          place
	handle         *handle   // from its start on, also while it waits to be sent again
	waitsAt        *origin   // while queued
	conn           *conn     // while in flight
	turn           uint64    // calls were started in this order; 0: it was not yet
	attempts       int       // so often it was started
	sent           int       // and so often a byte of it may have left
	refused        int       // so often the server did not process it, and took others
	charged        int       // so often its connection ended when it was its turn
	abandoned      bool      // on the wire
	left           time.Time // when that was
	handed         time.Time // all of the request was handed to libcurl; zero: not yet
	fed            int64     // bytes of its body that were
	next, previous *call     // in its origin's or its connection's queue
}

// flags are what sets a request apart from a GET.
type flags struct {
	head       bool
	upload     bool // has a body
	repeatable bool // may be sent again [RFC 9110 §9.2.2]
	exclusive  bool // shares no HTTP/1.1 connection while it lasts
	close      bool // ends its connection
	expects    bool // its body waits for 100 (Continue)
	proxied    bool // goes to a proxy in the absolute form
}

const (
	callPending   = iota // the caller waits
	callAnswered         // the engine has set the result
	callAbandoned        // the caller has left
)

// place is where the engine has a call.
type place uint8

const (
	placeNone place = iota // not with the engine, or ended
	placeQueued
	placeInFlight
)

var calls = sync.Pool{New: func() any { return &call{done: make(chan struct{}, 1)} }}

// texts are the memory for calls' texts, which is needed up to the crossing
// only: what is in flight has none.
var texts = sync.Pool{New: func() any { return new(cshim.Text) }}

// takeText takes memory for the text, unless the call has some.
func (c *call) takeText() {
	if c.textOf == nil {
		c.textOf = texts.Get().(*cshim.Text)
		c.text = *c.textOf
	}
}

// dropText gives the text's memory back, if there is any.
func (c *call) dropText() {
	if c.textOf != nil {
		*c.textOf = c.text
		texts.Put(c.textOf)
		c.text, c.textOf = nil, nil
	}
}

// newCall makes a call of a request, and takes charge of the request's body.
// stream: it is answered with the header section.
func newCall(request *http.Request, stream bool) *call {
	c := calls.Get().(*call)
	c.asked = request
	c.stream = stream
	c.upload = newUpload(c, request)
	return c
}

// refuse ends a call that the engine does not have, and makes its error.
func (c *call) refuse(err error) error {
	refused := c.failure(err, "")
	c.stopUpload()
	c.release()
	return refused
}

// failure is the error that the caller gets. RoundTrip returns the context's as
// it is, like net/http's.
func (c *call) failure(err error, detail string) error {
	if c.stream && ofContext(err) {
		return bare(err)
	}
	if read, ok := err.(*bodyReadError); ok && c.stream {
		return read.err // the caller's own, as it is
	}
	failed := newError(c.asked, detail, err)
	var refused *tls.CertificateVerificationError
	if c.stream && errors.As(err, &refused) { // programs look for that type, and not within others
		return &tls.CertificateVerificationError{
			UnverifiedCertificates: refused.UnverifiedCertificates,
			Err:                    &refusedCertificate{refused.Err, failed},
		}
	}
	return failed
}

// bodyError is what a body that is cut short ends with. io.ErrUnexpectedEOF is
// compared with == by many a program, so it comes bare, as from net/http.
func (c *call) bodyError(err error) error {
	var failed *transferError
	if errors.As(err, &failed) && failed.cause == io.ErrUnexpectedEOF {
		return io.ErrUnexpectedEOF
	}
	return newError(c.asked, c.detail, err)
}

// release makes the call's memory available to others. Only for a call that
// has ended and that was not abandoned: the engine may still come across that
// one, and across one with an upload.
func (c *call) release() {
	if c.upload != nil {
		return
	}
	c.dropText()
	*c = call{done: c.done}
	calls.Put(c)
}

// deliver answers the call, unless the caller has left or was answered before.
func (c *call) deliver() {
	if c.state.CompareAndSwap(callPending, callAnswered) {
		c.done <- struct{}{}
	}
}

// leave is the caller's turning away. False: the call was answered before.
func (c *call) leave() bool { return c.state.CompareAndSwap(callPending, callAbandoned) }

// request is the call as package cshim takes it.
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
		UploadLength: c.uploadLength,
		Text:         c.text,
	}
}

// stopUpload ends the feeding of the request's body, if there is any. It may
// wait for the body's Close, which the engine must not: see end.
func (c *call) stopUpload() {
	if c.upload != nil && c.upload.stop() {
		c.upload.close()
	}
}
