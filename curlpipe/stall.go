package curlpipe

import "time"

// stallWatch finds out when nothing has moved for Options.StallTimeout. It
// looks four times in that span.
type stallWatch struct {
	limit    time.Duration // 0: never stalled
	since    time.Time     // last sign of movement
	look     time.Time     // when to look next
	movement uint64
}

func newStallWatch(limit time.Duration) stallWatch {
	now := time.Now()
	return stallWatch{limit: limit, since: now, look: now}
}

// wait is how long the loop may run before the next look; negative is for ever.
func (s *stallWatch) wait() time.Duration {
	if s.limit == 0 {
		return -1
	}
	return max(0, time.Until(s.look))
}

// stalled tells whether the limit is up. A result, or nothing to wait for, is a
// sign of life; else the bytes that moved are asked for.
func (s *stallWatch) stalled(alive bool, movement func() uint64) bool {
	now := time.Now()
	if alive {
		s.since = now
		s.look = now.Add(s.limit / 4)
		return false
	}
	if now.Before(s.look) {
		return false
	}
	s.look = now.Add(s.limit / 4)
	if moved := movement(); moved != s.movement {
		s.movement = moved
		s.since = now
	}
	return now.Sub(s.since) >= s.limit
}
