// Package timeline puts what was seen of a run on one scale of time, a lane for
// each connection.
//
// It stands between the evidence of a run and the pictures of the report. The
// interposer's events say when something was written and what was blocked, the
// origin's log which requests that was and when they were answered, the packets
// who ended the connection. It does no I/O.
package timeline

import (
	"net/netip"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// Unknown stands for a time that nobody saw.
const Unknown = time.Duration(-1)

// Timeline is one run. All its times count from Begin.
type Timeline struct {
	Begin time.Time
	// End of the last thing that happened.
	End time.Duration
	// Lanes in the order of the connections.
	Lanes []Lane
	// Dropped is how many events are missing.
	Dropped int64
}

// Lane is one connection.
type Lane struct {
	// Number of the connection, from 1.
	Number int
	// Opened is when the client connected, Secured when the handshake was over
	// (Unknown without TLS), Closed when the connection ended, Unknown if
	// nobody saw that.
	Opened, Secured, Closed time.Duration
	Requests                []Request
	Blocked                 []Blocked
	// Renegotiations are the handshakes that the origin asked for, KeyUpdates
	// the moments at which one of the client's arrived.
	Renegotiations []Interval
	KeyUpdates     []time.Duration
	Ending         Ending
}

// Interval is a time between two moments; To is Unknown if nobody saw its end.
type Interval struct {
	From, To time.Duration
}

// Request is one request on a connection. A time that nobody saw is Unknown.
type Request struct {
	ID string
	// Queued is when the client was given the request.
	Queued time.Duration
	// FirstWrite is when the client first tried to write it, LastWrite when
	// its last byte was accepted.
	FirstWrite, LastWrite time.Duration
	// Arrived is when the origin had all of it.
	Arrived time.Duration
	// FirstAnswered is when the origin began to answer, Done when it had
	// written all of the response.
	FirstAnswered, Done time.Duration
	// Whole is false for a request of which only the beginning arrived.
	Whole bool
}

// Blocked is a time in which a write could not go on.
type Blocked struct {
	From, To time.Duration
	// Want is events.WantWrite or events.WantRead.
	Want string
	// Tries is how often the write was tried in vain, at least once.
	Tries int
	// Refused is true if another write came in its place and TLS refused it.
	Refused bool
}

// Ending says who ended the connection first.
type Ending struct {
	ByClient bool
	Reset    bool
	// Early is true if the client had not got all its answers.
	Early bool
	// AfterByte is how many bytes of TCP its side had sent, -1 without packets.
	AfterByte int64
	// Unread is how many bytes had arrived at the client's socket and were not
	// read when it closed it.
	Unread int64
}

// Of makes the timeline of a run.
func Of(e *evidence.Evidence) *Timeline {
	t := &Timeline{Begin: beginOf(e)}
	lanes := split(e.Events.Events)
	at := func(event *events.Event) time.Duration { return e.Events.Clock.At(event.Time).Sub(t.Begin) }
	for i := range e.Events.Events {
		t.Dropped += e.Events.Events[i].Count
	}
	seen := inOrderOfOpening(e)
	for i := range max(len(lanes), len(seen)) {
		lane := Lane{Number: i + 1, Opened: Unknown, Secured: Unknown, Closed: Unknown, Ending: Ending{AfterByte: -1}}
		var writes []write
		if i < len(lanes) {
			writes = lane.follow(lanes[i], at)
		}
		if i < len(seen) && seen[i].origin != nil {
			lane.add(seen[i].origin, writes, t.Begin)
		}
		if i < len(seen) && seen[i].packets != nil {
			lane.addPackets(seen[i].packets, t.Begin)
		}
		lane.addReport(e, t.Begin)
		t.Lanes = append(t.Lanes, lane)
		t.End = max(t.End, lane.last())
	}
	return t
}

// beginOf is when the client was first seen to do anything.
func beginOf(e *evidence.Evidence) time.Time {
	begin := e.Events.Clock.Time
	if len(e.Events.Events) > 0 {
		begin = e.Events.Clock.At(e.Events.Events[0].Time)
	}
	for _, queued := range e.Queued {
		if at := e.Events.Clock.At(queued); queued != 0 && at.Before(begin) {
			begin = at
		}
	}
	return begin
}

// outside is what was seen of a connection from outside of the client.
type outside struct {
	origin  *origin.Connection
	packets *flow.Connection
}

// inOrderOfOpening returns the connections in the order in which the client
// opened them, which the packets show, while the origin may accept them in
// another one. Without packets that of the origin is the best there is.
func inOrderOfOpening(e *evidence.Evidence) []outside {
	var list []outside
	place := make(map[netip.AddrPort]int)
	if e.Packets != nil {
		for i := range e.Packets.Connections {
			c := &e.Packets.Connections[i]
			place[c.Client] = len(list)
			list = append(list, outside{packets: c})
		}
	}
	for i := range e.Origin.Connections {
		c := &e.Origin.Connections[i]
		if at, captured := place[c.Client]; captured && list[at].origin == nil {
			list[at].origin = c
			continue
		}
		list = append(list, outside{origin: c})
	}
	return list
}

// split gives each connection its events: those of a socket from connect to
// close.
func split(all []events.Event) [][]*events.Event {
	var lanes [][]*events.Event
	open := make(map[int]int) // socket to lane
	for i := range all {
		e := &all[i]
		lane, known := open[e.FD]
		switch {
		case e.Call == "connect" && (!known || used(lanes[lane])):
			open[e.FD] = len(lanes)
			lanes = append(lanes, []*events.Event{e})
		case known:
			lanes[lane] = append(lanes[lane], e)
			if e.Call == "close" {
				delete(open, e.FD)
			}
		}
	}
	return lanes
}

// used reports whether a connection got beyond connecting: before that, another
// connect is the same one asked for again.
func used(lane []*events.Event) bool {
	for _, e := range lane {
		if e.Call != "connect" && e.Call != "setsockopt" {
			return true
		}
	}
	return false
}

func (l *Lane) last() time.Duration {
	last := max(l.Opened, l.Secured, l.Closed, 0)
	for _, r := range l.Renegotiations {
		last = max(last, r.From, r.To)
	}
	for _, r := range l.Requests {
		last = max(last, r.LastWrite, r.Arrived, r.Done)
	}
	for _, b := range l.Blocked {
		last = max(last, b.To)
	}
	return last
}
