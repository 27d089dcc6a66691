package judge

import (
	"fmt"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

func oneConnection(o *Observation) (Verdict, string, string) {
	return Connections(o.Origin, o.Packets, o.Scenario.AllowedConnections())
}

func noReset(o *Observation) (Verdict, string, string) {
	return EarlyEnds(o.Origin, o.Packets, &o.Events, o.Scenario.Expect.MaxEarlyEnds)
}

// Connections compares the number of connections with the number that is allowed, at
// least 1. Packets, if not nil, also show connections that the origin never
// accepted.
func Connections(log *origin.Log, packets *flow.Traffic, allowed int) (verdict Verdict, expected, actual string) {
	opened := len(log.Connections)
	actual = fmt.Sprintf("%d accepted", opened)
	if packets != nil {
		opened = max(opened, len(packets.Connections))
		actual += fmt.Sprintf("; in the packets %d, with %d SYN", len(packets.Connections), packets.SYNs())
	}
	expected = fmt.Sprintf("1 to %d connections", allowed)
	if allowed == 1 {
		expected = "1 connection"
	}
	return passIf(opened >= 1 && opened <= allowed), expected, actual
}

// EarlyEnds compares the number of connections that the client ended before it
// had all its answers with the number that is allowed. The origin knows which
// answers were missing. The packets show how the connection ended and after
// which byte, and the interposer how many bytes were unread. A FIN that the
// origin sent first does not count as the end: it answers the client's
// close_notify.
func EarlyEnds(log *origin.Log, packets *flow.Traffic, seen *events.Summary, most int) (verdict Verdict, expected, actual string) {
	early, resets, first := 0, 0, ""
	for i := range log.Connections {
		c := &log.Connections[i]
		if !c.End.Early {
			continue
		}
		early++
		reset := c.End.Reset
		if shown := ended(packets, c); shown != nil {
			reset = shown.EndedFirst() == shown.RST
			if first == "" {
				first = fmt.Sprintf("; in the packets connection %d got %s", c.Number, shown.HowEnded())
			}
		}
		if reset {
			resets++
		}
	}
	expected = "no connection ended early by the client"
	if most > 0 {
		expected = fmt.Sprintf("at most %d ended early by the client", most)
	}
	actual = fmt.Sprintf("%d ended early by the client, %d of them by RST%s", early, resets, first)
	if early > 0 && seen.UnreadCloses > 0 {
		actual += fmt.Sprintf("; %d sockets were closed with %d bytes unread in all", seen.UnreadCloses, seen.UnreadBytes)
	}
	return passIf(early <= most), expected, actual
}

// ended returns what the packets show of a connection; nil if they do not show
// how it ended.
func ended(packets *flow.Traffic, c *origin.Connection) *flow.Connection {
	if packets == nil {
		return nil
	}
	seen := packets.From(c.Client)
	if seen == nil || seen.EndedFirst() == nil {
		return nil
	}
	return seen
}
