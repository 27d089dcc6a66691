package curlpipe

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// patience is how long requests wait behind an unread response, or for a
// connection that is being established, before they use another one. Tests may
// set another time, see settings.
const patience = 250 * time.Millisecond

// conn is a connection to an origin. A request belongs to the conn whose queue
// it is in, and to no other.
type conn struct {
	origin *origin
	id     cshim.Connection // from connOpen on
	state  connState
	since  time.Time // it was begun

	calls     queue // its requests in the order in which they were sent
	inFlight  int
	abandoned int  // of these
	exclusive bool // its request shares no HTTP/1.1 connection
	closes    bool // with a request that it has or had, see flags

	proven      bool // the header section of a response has arrived
	multiplexes bool // over HTTP/2
	answered    bool // a response is complete

	headSince        time.Time // since when the first of the calls is the first
	idleSince        time.Time // the last one has gone
	established      bool      // a request has left
	establishedSince time.Time // it was noticed
	local            net.Addr
	remote           net.Addr             // the proxy's address, if there is one
	tls              *tls.ConnectionState // once the handshake is complete, or a response has come
	http2            bool                 // from the first byte; libcurl cannot know
	owned            *owned               // nil: the connection is not the caller's, or it is relayed
	ending           *ownEnd              // of one that is owned or relayed; else nil
	connectBy        time.Time            // or else it is given up
	securedBy        time.Time            // the same for the TLS handshake; zero: no limit

	announced bool  // the server has announced that it closes the connection
	blamed    bool  // its end was charged to a request, or must not be
	reason    error // why we end it, as the error for its requests; see ours
	ours      bool  // we end it: the end is not charged to a request

	stall stallWatch
	drip  dripWatch

	// While its first response is unwanted, see relieve.
	watched  bool
	movement uint64
	still    time.Time // since when no byte has moved
	relief   bool      // another connection was opened for the requests behind
}

type connState uint8

const (
	connDialing  connState = iota
	connOpen               // takes requests
	connDraining           // takes none any more
	connGone               // closed
)

// takes reports whether a call may use the connection now. libcurl pipelines
// and multiplexes only after it has seen a response. HTTP/1.1 is pipelined only
// for calls that may share a connection, and not behind an unread response.
func (c *conn) takes(call *call, s *settings, looked time.Time) bool {
	switch {
	case c.state != connOpen, c.closes:
		return false
	case c.inFlight == 0:
		return true
	case !c.proven || c.inFlight >= s.depth:
		return false
	case c.multiplexes:
		return true
	}
	held := c.calls.first.abandoned
	if until := c.holdsUntil(); !held && !until.IsZero() {
		held = !looked.Before(until)
	}
	return s.mode == ModePipelining && !c.exclusive && !call.flags.exclusive && !held
}

// holdsUntil returns until when other calls wait for an unread response at the
// connection's head; zero if the response is being read or delays no other
// call.
func (c *conn) holdsUntil() time.Time {
	head := c.calls.first
	if c.state != connOpen || head == nil || c.multiplexes {
		return time.Time{}
	}
	if head.abandoned {
		if !c.established {
			return time.Time{} // the calls wait for the connection itself
		}
		return c.unreadSince().Add(c.origin.patience)
	}
	if head.body != nil {
		if since := head.body.unreadSince(); !since.IsZero() {
			return since.Add(c.origin.patience)
		}
	}
	return time.Time{}
}

// unreadSince returns since when the first call's response could arrive: since it
// is the first, and its connection is established.
func (c *conn) unreadSince() time.Time {
	if c.establishedSince.After(c.headSince) {
		return c.establishedSince
	}
	return c.headSince
}

// add assigns a call to the connection.
func (c *conn) add(call *call, now time.Time) {
	if c.calls.first == nil {
		c.headSince = now
		c.stall.restart(now)
	}
	c.calls.push(call)
	c.inFlight++
	c.exclusive = call.flags.exclusive
	c.closes = c.closes || call.flags.close
	call.conn = c
}

// remove removes a call from the connection.
func (c *conn) remove(call *call, now time.Time) {
	head := c.calls.first == call
	c.calls.remove(call)
	c.inFlight--
	if call.abandoned {
		c.abandoned--
	}
	if c.inFlight == 0 {
		if c.closes && c.state == connOpen {
			c.state = connDraining
		}
		c.exclusive = false
		c.idleSince = time.Now()
	}
	if head {
		c.headSince = now
		c.watched = false
	}
	call.conn = nil
}

// queue is a list of calls. A call is in at most one.
type queue struct {
	first, last *call
	length      int
}

// push adds a call at the end.
func (q *queue) push(c *call) {
	c.next, c.previous = nil, q.last
	if q.last != nil {
		q.last.next = c
	} else {
		q.first = c
	}
	q.last = c
	q.length++
}

// restore returns a call that was already started to the queue, in front of
// those that were started later or never.
func (q *queue) restore(c *call) {
	after := (*call)(nil)
	for next := q.first; next != nil && next.turn != 0 && next.turn < c.turn; next = next.next {
		after = next
	}
	if after == q.last {
		q.push(c)
		return
	}
	c.previous = after
	if after != nil {
		c.next = after.next
		after.next = c
	} else {
		c.next = q.first
		q.first = c
	}
	c.next.previous = c
	q.length++
}

// remove takes a call out.
func (q *queue) remove(c *call) {
	if c.next != nil {
		c.next.previous = c.previous
	} else {
		q.last = c.previous
	}
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		q.first = c.next
	}
	c.next, c.previous = nil, nil
	q.length--
}
