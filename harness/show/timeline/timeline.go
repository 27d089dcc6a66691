// Package timeline combines the observations of a run on one time scale, with a lane
// for each connection.
//
// It stands between the evidence of a run and the pictures of the report. The
// interposer's events tell when writes were made or blocked, the origin's log tells
// the requests and when they were answered, and the packets tell which side ended the
// connection. It does no I/O.
package timeline

import (
	"net/netip"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// Unknown stands for a time that was not observed.
const Unknown = time.Duration(-1)

// Known returns the first of the times that is not Unknown; Unknown if there is
// none.
func Known(times ...time.Duration) time.Duration {
	for _, t := range times {
		if t != Unknown {
			return t
		}
	}
	return Unknown
}

// Timeline is one run. All its times count from Begin.
type Timeline struct {
	Begin time.Time
	// End is the time of the last event.
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
	// Opened is when the client connected, Secured when the handshake was complete
	// (Unknown without TLS), and Closed when the connection ended (Unknown if this was
	// not observed).
	Opened, Secured, Closed time.Duration
	Requests                []Request
	Blocked                 []Blocked
	// Renegotiations are the handshakes that the origin asked for, KeyUpdates
	// the moments at which one of the client's arrived.
	Renegotiations []Interval
	KeyUpdates     []time.Duration
	Ending         Ending
}

// Interval is a time between two moments; To is Unknown if its end was not observed.
type Interval struct {
	From, To time.Duration
}

// Request is one request on a connection. A time that was not observed is Unknown.
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

// Blocked is a period in which a write was blocked.
type Blocked struct {
	From, To time.Duration
	// Want is events.WantWrite or events.WantRead.
	Want string
	// Tries is how often the write was tried in vain, at least once.
	Tries int
	// Refused is true if another write followed instead and TLS refused it.
	Refused bool
}

// Ending says which side ended the connection first.
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
	at := func(event *events.Event) time.Duration { return e.Events.Clock.At(event.Time).Sub(t.Begin) }
	for i := range e.Events.Events {
		t.Dropped += e.Events.Events[i].Count
	}
	for i, c := range connectionsOf(e) {
		lane := Lane{Number: i + 1, Opened: Unknown, Secured: Unknown, Closed: Unknown, Ending: Ending{AfterByte: -1}}
		writes := lane.follow(c.events, at)
		if c.origin != nil {
			lane.add(c.origin, writes, t.Begin)
		}
		if c.packets != nil {
			lane.addPackets(c.packets, t.Begin)
		}
		if lane.Opened == Unknown && len(c.events) > 0 {
			lane.Opened = at(c.events[0])
		}
		lane.addReport(e, t.Begin)
		t.Lanes = append(t.Lanes, lane)
		t.End = max(t.End, lane.last())
	}
	return t
}

// beginOf returns when the client did something for the first time.
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

// connection has all that was seen of a connection.
type connection struct {
	events  []*events.Event
	origin  *origin.Connection
	packets *flow.Connection
}

// identity identifies a connection for all observers: the client's address, and
// how many earlier connections had that address.
type identity struct {
	client netip.AddrPort
	before int
}

// connectionsOf combines what was seen of each connection, in the order in
// which the client opened them. The packets show this order best, then the
// events; the origin may accept them in another order.
func connectionsOf(e *evidence.Evidence) []*connection {
	var list []*connection
	known := make(map[identity]*connection)
	find := func(client netip.AddrPort, seen map[netip.AddrPort]int) *connection {
		key := identity{client, seen[client]}
		if known[key] == nil {
			known[key] = new(connection)
			list = append(list, known[key])
		}
		return known[key]
	}
	if e.Packets != nil {
		seen := make(map[netip.AddrPort]int)
		for i := range e.Packets.Connections {
			c := &e.Packets.Connections[i]
			find(c.Client, seen).packets = c
			seen[c.Client]++
		}
	}
	closed := make(map[netip.AddrPort]int)
	for i := range e.Events.Events {
		event := &e.Events.Events[i]
		if !event.Local.IsValid() {
			continue
		}
		c := find(event.Local, closed)
		c.events = append(c.events, event)
		if event.Call == "close" {
			closed[event.Local]++
		}
	}
	accepted := make(map[netip.AddrPort]int)
	for i := range e.Origin.Connections {
		c := &e.Origin.Connections[i]
		find(c.Client, accepted).origin = c
		accepted[c.Client]++
	}
	return list
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
