package timeline_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

var zero = time.Unix(1000, 0)

// at is a moment of the run, in milliseconds from its start.
func at(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// port returns the address of a client.
func port(n uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), n)
}

// call is an event of the connection from port(1), at a time in milliseconds.
func call(at int, name string, length, result int64, failed string) events.Event {
	return events.Event{
		Time: int64(ms(at)), Call: name, SSL: "0x1", FD: 4, Local: port(1), Length: length, Result: result, Error: failed,
	}
}

// from assigns an event to the connection from that address.
func from(client netip.AddrPort, e events.Event) events.Event {
	e.Local = client
	return e
}

func evidenceOf(list []events.Event, connections ...origin.Connection) *evidence.Evidence {
	return &evidence.Evidence{
		Events: evidence.Events{Clock: evidence.Clock{Monotonic: 0, Time: zero}, Events: list},
		Origin: &origin.Log{Connections: connections},
	}
}

func TestABlockedWriteThatIsRepeatedIsOneInterval(t *testing.T) {
	e := evidenceOf([]events.Event{
		call(0, "connect", 0, -1, events.WantWrite),
		call(1, "SSL_connect", 0, -1, events.WantRead),
		call(2, "SSL_connect", 0, 1, ""),
		call(3, "SSL_write", 100, 100, ""),
		call(4, "SSL_write", 50, -1, events.WantWrite),
		call(5, "SSL_write", 50, -1, events.WantWrite),
		call(7, "SSL_write", 50, 50, ""),
		call(8, "SSL_read", 500, 80, ""),
		{Time: int64(ms(9)), Call: "close", FD: 4, Local: port(1), Unread: 33},
	}, origin.Connection{
		Client: port(1),
		Requests: []origin.Request{
			{ID: "r0", Offset: 0, Length: 100, Arrived: at(4), AnswerBegan: at(5), AnswerEnded: at(6)},
			{ID: "r1", Offset: 100, Length: 50, Arrived: at(8)},
		},
		Handshakes: []origin.Handshake{{Asked: at(3), Ended: at(5)}, {Asked: at(8)}},
		KeyUpdated: []time.Time{at(6)},
		End:        origin.End{Time: at(9), ByClient: true},
	})
	e.Queued = map[string]int64{"r0": int64(ms(1))}
	line := timeline.Of(e)
	require.Equal(t, []timeline.Lane{{
		Number: 1, Opened: 0, Secured: ms(2), Closed: ms(9),
		Requests: []timeline.Request{
			{ID: "r0", Queued: ms(1), FirstWrite: ms(3), LastWrite: ms(3), Arrived: ms(4), FirstAnswered: ms(5), Done: ms(6), Whole: true},
			{ID: "r1", Queued: timeline.Unknown, FirstWrite: ms(4), LastWrite: ms(7), Arrived: ms(8), FirstAnswered: timeline.Unknown,
				Done: timeline.Unknown, Whole: true},
		},
		Blocked:        []timeline.Blocked{{From: ms(4), To: ms(7), Want: events.WantWrite, Tries: 2}},
		Renegotiations: []timeline.Interval{{From: ms(3), To: ms(5)}, {From: ms(8), To: timeline.Unknown}},
		KeyUpdates:     []time.Duration{ms(6)},
		Ending:         timeline.Ending{ByClient: true, AfterByte: -1, Unread: 33},
	}}, line.Lanes)
	require.Equal(t, ms(9), line.End)
}

func TestARefusedRetryAndWhatFollows(t *testing.T) {
	e := evidenceOf([]events.Event{
		call(0, "connect", 0, -1, events.WantWrite),
		call(0, "connect", 0, 0, ""), // the same port again
		call(1, "SSL_connect", 0, 1, ""),
		call(2, "SSL_write", 60, -1, events.WantWrite),
		call(3, "SSL_write", 70, -1, "SSL"),
		call(4, "close", 0, 0, ""),
		{Call: "dropped", Count: 3},
		from(port(2), call(5, "connect", 0, 0, "")),
		from(port(2), call(6, "SSL_write", 60, -1, events.WantRead)),
		from(port(2), call(8, "close", 0, 0, "")),
	}, origin.Connection{Client: port(2), End: origin.End{}}, origin.Connection{ // accepted in another order
		Client: port(1), End: origin.End{ByClient: true, Reset: true, Early: true, PartialBytes: 10, PartialID: "r0"},
	})
	e.Packets = &flow.Traffic{Connections: []flow.Connection{
		{Client: port(1), RST: &flow.Ending{Time: at(4), By: flow.Client, AfterByte: 123}},
		{Client: port(2), FIN: &flow.Ending{Time: at(7), By: flow.Origin, AfterByte: 5}},
	}}
	line := timeline.Of(e)
	require.Len(t, line.Lanes, 2)
	require.EqualValues(t, 3, line.Dropped)
	first, second := line.Lanes[0], line.Lanes[1]
	require.Equal(t, []timeline.Blocked{{From: ms(2), To: ms(3), Want: events.WantWrite, Tries: 1, Refused: true}}, first.Blocked)
	require.Equal(t, timeline.Ending{ByClient: true, Reset: true, Early: true, AfterByte: 123}, first.Ending)
	require.Equal(t, "r0", first.Requests[0].ID)
	require.False(t, first.Requests[0].Whole)
	require.Equal(t, []timeline.Blocked{{From: ms(6), To: ms(8), Want: events.WantRead, Tries: 1}}, second.Blocked)
	require.Equal(t, timeline.Unknown, second.Secured)
	require.Equal(t, timeline.Ending{AfterByte: 5}, second.Ending)
	require.Equal(t, ms(7), second.Closed)
}

// A client may open its sockets without libc, in another order than the origin
// accepts them, and leave one unused; the kernel reuses descriptors and ports.
func TestAConnectionIsKnownByItsAddress(t *testing.T) {
	version := events.Event{Call: "version", FD: -1}
	connect := call(0, "connect", 0, 0, "")
	refused := []events.Event{
		call(1, "SSL_connect", 0, 1, ""), call(2, "SSL_write", 60, -1, events.WantWrite), call(3, "SSL_write", 70, -1, "SSL"),
	}
	closed := call(4, "close", 0, 0, "")
	unused := from(port(3), closed)
	nowhere := from(netip.AddrPort{}, closed)
	again := call(6, "SSL_write", 30, 30, "")
	for name, each := range map[string]struct {
		events   []events.Event
		accepted []netip.AddrPort
		lane     int // of the refused write
		opened   time.Duration
	}{
		"connected through libc":        {slices.Concat([]events.Event{version, connect}, refused), []netip.AddrPort{port(1)}, 0, 0},
		"no connect was seen":           {append([]events.Event{version}, refused...), []netip.AddrPort{port(1)}, 0, ms(1)},
		"one before it is not used":     {append([]events.Event{version, unused}, refused...), []netip.AddrPort{port(3), port(1)}, 1, ms(1)},
		"one that nobody saw is before": {append([]events.Event{version}, refused...), []netip.AddrPort{port(5), port(1)}, 0, ms(1)},
		"its port is used again":        {slices.Concat([]events.Event{version}, refused, []events.Event{closed, again}), []netip.AddrPort{port(1), port(1)}, 0, ms(1)},
		"a socket without address":      {append([]events.Event{version, nowhere}, refused...), []netip.AddrPort{port(1)}, 0, ms(1)},
	} {
		t.Run(name, func(t *testing.T) {
			var accepted []origin.Connection
			for _, client := range each.accepted {
				accepted = append(accepted, origin.Connection{Client: client, Requests: []origin.Request{{ID: client.String()}}})
			}
			lanes := timeline.Of(evidenceOf(each.events, accepted...)).Lanes
			require.Len(t, lanes, len(accepted))
			for i, lane := range lanes {
				require.Len(t, lane.Requests, 1)
				if i != each.lane {
					require.Empty(t, lane.Blocked)
					continue
				}
				require.Equal(t, port(1).String(), lane.Requests[0].ID)
				require.Equal(t, each.opened, lane.Opened)
				require.Equal(t, []timeline.Blocked{{From: ms(2), To: ms(3), Want: events.WantWrite, Tries: 1, Refused: true}}, lane.Blocked)
			}
		})
	}
}

func TestPlainSendsThatTakeAPart(t *testing.T) {
	line := timeline.Of(evidenceOf([]events.Event{
		call(0, "connect", 0, 0, ""),
		call(1, "send", 100, 40, ""),
		call(2, "send", 60, -1, events.WantWrite),
		call(3, "send", 60, 60, ""),
	}, origin.Connection{Client: port(1), Requests: []origin.Request{{ID: "r0", Length: 100}}}))
	require.Equal(t, []timeline.Blocked{{From: ms(1), To: ms(3), Want: events.WantWrite, Tries: 2}}, line.Lanes[0].Blocked)
	require.Equal(t, ms(1), line.Lanes[0].Requests[0].FirstWrite)
	require.Equal(t, ms(3), line.Lanes[0].Requests[0].LastWrite)
}

func TestWithoutEventsTheOriginStillTells(t *testing.T) {
	line := timeline.Of(evidenceOf(nil, origin.Connection{
		Requests: []origin.Request{{ID: "r0", Length: 10, Arrived: at(1), AnswerEnded: at(2)}},
		End:      origin.End{Time: at(3)},
	}))
	require.Len(t, line.Lanes, 1)
	require.Equal(t, timeline.Unknown, line.Lanes[0].Requests[0].FirstWrite)
	require.Equal(t, ms(2), line.Lanes[0].Requests[0].Done)
	require.Equal(t, ms(3), line.Lanes[0].Closed)
	require.Equal(t, ms(3), line.End)
}
