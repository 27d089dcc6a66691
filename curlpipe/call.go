package curlpipe

import (
	"sync"
	"sync/atomic"
)

// call is one request between its caller and the engine. The engine has it from
// submit to finish; then the caller has it again.
type call struct {
	// What the caller asks for.
	origin    string // scheme and authority: requests to one origin share its connections
	text      []byte // URL and header lines, as cshim.Request takes them
	urlLength int
	head      bool

	// What came of it, set by the engine before done.
	header  string // header section
	body    []byte
	trailer string
	detail  string
	err     error

	state atomic.Int32 // callPending …
	done  chan struct{}

	// Of the engine alone.
	place          place
	handle         *handle // while in flight
	next, previous *call   // in its origin's queue
}

const (
	callPending   = iota // the caller waits
	callFinished         // the engine has set the result
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

func newCall() *call { return calls.Get().(*call) }

// release makes the call's memory available to others. Only for a call that
// the engine has finished: it may still come across one that was abandoned.
func (c *call) release() {
	c.text = c.text[:0]
	c.header, c.body, c.trailer, c.detail, c.err = "", nil, "", "", nil
	c.state.Store(callPending)
	calls.Put(c)
}

// deliver ends the call for its caller, unless the caller has left.
func (c *call) deliver() {
	if c.state.CompareAndSwap(callPending, callFinished) {
		c.done <- struct{}{}
	}
}

// leave is the caller's turning away. False: the call ended before.
func (c *call) leave() bool { return c.state.CompareAndSwap(callPending, callAbandoned) }
