package timeline

import (
	"time"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// write is a write that sent bytes of requests.
type write struct {
	from, to int64         // range of bytes in the connection's stream of requests
	tried    time.Duration // when it was first tried, before it was blocked
	done     time.Duration
}

// follow takes the events of the connection and returns its writes.
func (l *Lane) follow(list []*events.Event, at func(*events.Event) time.Duration) []write {
	var writes []write
	var offset int64
	var blocked *Blocked // the blocked write that has not been repeated
	for _, e := range list {
		now := at(e)
		switch {
		case e.Call == "connect" && l.Opened == Unknown:
			l.Opened = now
		case (e.Call == "SSL_connect" || e.Call == "SSL_do_handshake") && e.Result == 1 && l.Secured == Unknown:
			l.Secured = now
		case e.Call == "close":
			l.Closed, l.Ending.Unread = now, e.Unread
			if blocked != nil {
				blocked.To = now
			}
		case e.IsWrite():
			tried := now
			if blocked != nil {
				tried = blocked.From
				blocked.To = now
				blocked.Refused = e.Error == "SSL"
			}
			if moved := movedBy(e); moved > 0 {
				writes = append(writes, write{offset, offset + moved, tried, now})
				offset += moved
			}
			switch {
			case !e.Blocked():
				blocked = nil
			case blocked != nil:
				blocked.Tries++
			default:
				l.Blocked = append(l.Blocked, Blocked{From: now, To: now, Want: wanted(e), Tries: 1})
				blocked = &l.Blocked[len(l.Blocked)-1]
			}
		}
	}
	return writes
}

// wanted is what a blocked write waits for.
func wanted(e *events.Event) string {
	if e.Error == events.WantRead {
		return events.WantRead
	}
	return events.WantWrite
}

// movedBy returns how many bytes a write sent. The result of SSL_write_ex is 1.
func movedBy(e *events.Event) int64 {
	if e.Moved != nil {
		return *e.Moved
	}
	return max(e.Result, 0)
}

// add adds what the origin saw.
func (l *Lane) add(c *origin.Connection, writes []write, begin time.Time) {
	since := func(at time.Time) time.Duration {
		if at.IsZero() {
			return Unknown
		}
		return at.Sub(begin)
	}
	for i := range c.Requests {
		r := &c.Requests[i]
		first, last := written(writes, r.Offset, r.Offset+r.Length)
		l.Requests = append(l.Requests, Request{
			ID: r.ID, Queued: Unknown, FirstWrite: first, LastWrite: last, Arrived: since(r.Arrived),
			FirstAnswered: since(r.AnswerBegan), Done: since(r.AnswerEnded), Whole: true,
		})
	}
	if c.End.PartialBytes > 0 {
		begin := int64(0)
		if n := len(c.Requests); n > 0 {
			begin = c.Requests[n-1].Offset + c.Requests[n-1].Length
		}
		first, _ := written(writes, begin, begin+c.End.PartialBytes)
		l.Requests = append(l.Requests, Request{
			ID: c.End.PartialID, Queued: Unknown, FirstWrite: first, LastWrite: Unknown, Arrived: Unknown,
			FirstAnswered: Unknown, Done: Unknown,
		})
	}
	if l.Closed == Unknown {
		l.Closed = since(c.End.Time)
	}
	for _, h := range c.Handshakes {
		l.Renegotiations = append(l.Renegotiations, Interval{since(h.Asked), since(h.Ended)})
	}
	for _, at := range c.KeyUpdated {
		l.KeyUpdates = append(l.KeyUpdates, since(at))
	}
	l.Ending.ByClient, l.Ending.Reset, l.Ending.Early = c.End.ByClient, c.End.Reset, c.End.Early
}

// written returns when the first of these bytes was first tried, and when the
// last one was accepted.
func written(writes []write, from, to int64) (first, last time.Duration) {
	first, last = Unknown, Unknown
	for _, w := range writes {
		if first == Unknown && w.to > from && w.from < to {
			first = w.tried
		}
		if w.from < to && w.to >= to {
			last = w.done
		}
	}
	return first, last
}

// addPackets adds the packets, which show best which side ended the connection
// first.
func (l *Lane) addPackets(c *flow.Connection, begin time.Time) {
	if l.Opened == Unknown {
		l.Opened = max(0, c.Opened.Sub(begin))
	}
	ending := c.EndedFirst()
	if ending == nil {
		return
	}
	l.Ending.ByClient, l.Ending.Reset = ending.By == flow.Client, ending == c.RST
	l.Ending.AfterByte = ending.AfterByte
	l.Closed = ending.Time.Sub(begin)
}

// addReport adds what only the client reports: when it was given each request.
func (l *Lane) addReport(e *evidence.Evidence, begin time.Time) {
	for i := range l.Requests {
		r := &l.Requests[i]
		if queued := e.Queued[r.ID]; queued != 0 {
			r.Queued = e.Events.Clock.At(queued).Sub(begin)
		}
	}
}
