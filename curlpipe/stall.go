package curlpipe

import (
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// stallWatch detects that nothing has moved on a connection for
// Transport.StallTimeout. It looks four times in that span.
type stallWatch struct {
	since    time.Time // last sign of movement
	look     time.Time // when to look next
	movement uint64
}

// restart starts the time anew.
func (s *stallWatch) restart(now time.Time) { s.since, s.look = now, now }

// stalled reports whether the limit has been reached. alive means that the
// client waits for nothing, which starts the time anew. So does a change of
// movement, the number of bytes that have moved.
func (s *stallWatch) stalled(now time.Time, limit time.Duration, alive bool, movement func() uint64) bool {
	if alive {
		s.since = now
		s.look = now.Add(limit / 4)
		return false
	}
	if now.Before(s.look) {
		return false
	}
	s.look = now.Add(limit / 4)
	if moved := movement(); moved != s.movement {
		s.movement = moved
		s.since = now
	}
	return now.Sub(s.since) >= limit
}

// lookAfterStall fails the requests on a connection on which nothing moves.
func (e *engine) lookAfterStall(c *conn, now time.Time) {
	movement := func() uint64 { return e.loop.Movement(c.id) }
	if !c.stall.stalled(now, e.settings.stallTimeout, c.waitsForCaller(now), movement) {
		e.lookAt(c.stall.look)
		return
	}
	e.journal.stalled()
	e.breakConn(c, ErrStalled)
}

// dripSize is how many bytes of a response must arrive within
// Transport.StallTimeout where lookAfterDrip looks.
const dripSize = 1 << 10

// dripWatch detects that the first response on an HTTP/1.1 connection drips.
type dripWatch struct {
	call  *call
	since time.Time // nothing was wrong with it until then
	then  cshim.Progress
	heard uint64    // Progress.Heard when it was last looked at
	last  time.Time // it changed
}

// lookAfterDrip fails a response that never stalls, because a few bytes arrive
// now and then, but that is of no use: its header section does not end, or other
// requests wait behind its body. They start over on another connection. A slow
// body for which nobody waits, such as an event stream, may go on.
func (e *engine) lookAfterDrip(c *conn, now time.Time) {
	head, d := c.calls.first, &c.drip
	if c.multiplexes || !c.established || head.abandoned {
		return
	}
	limit := e.settings.stallTimeout
	progress := e.loop.Progress(head.handle.slot)
	alone := c.inFlight == 1 && !c.origin.waitsFor(c)
	switch {
	case d.call != head, progress.Sections != d.then.Sections, progress.Bytes-d.then.Bytes >= dripSize,
		progress.Answered && alone, head.waitsForCaller(now.Add(-e.settings.patience)):
		*d = dripWatch{head, now, progress, progress.Heard, now}
	case progress.Heard == d.heard:
	case now.Sub(d.last) >= limit: // it was silent, which is for lookAfterStall
		*d = dripWatch{head, now, progress, progress.Heard, now}
	case e.passed(d.since.Add(limit)):
		e.journal.stalled()
		e.tearOut(head, ErrStalled)
	default:
		d.heard, d.last = progress.Heard, now
	}
}

// waitsForCaller reports whether nothing moves because a caller does not read a
// response's body or has not written a request's. On an HTTP/1.1 connection
// only the first call counts.
func (c *conn) waitsForCaller(now time.Time) bool {
	for call := c.calls.first; call != nil; call = call.next {
		if call.waitsForCaller(now) {
			return true
		}
		if !c.multiplexes {
			return false
		}
	}
	return false
}

// waitsForCaller reports whether the response's body has been unread since that
// time or earlier, or the caller has not written a piece of the request's.
func (c *call) waitsForCaller(since time.Time) bool {
	if c.body != nil {
		if unread := c.body.unreadSince(); !unread.IsZero() && !unread.After(since) {
			return true
		}
	}
	return c.upload != nil && c.upload.reading.Load()
}
