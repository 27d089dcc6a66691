package curlpipe

import "time"

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
	if !c.stall.stalled(now, e.settings.stallTimeout, c.waitsForCaller(), movement) {
		e.lookAt(c.stall.look)
		return
	}
	e.journal.stalled()
	e.breakConn(c, ErrStalled)
}

// waitsForCaller reports whether nothing moves because a caller does not read a
// response's body or has not written a request's. On an HTTP/1.1 connection
// only the first call counts.
func (c *conn) waitsForCaller() bool {
	for call := c.calls.first; call != nil; call = call.next {
		if call.body != nil && !call.body.unreadSince().IsZero() {
			return true
		}
		if call.upload != nil && call.upload.reading.Load() {
			return true
		}
		if !c.multiplexes {
			return false
		}
	}
	return false
}
