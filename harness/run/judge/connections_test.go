package judge

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// captured adds packets to an observation: a connection for each that the
// origin saw, which the given side ended first, with a RST or a FIN.
func captured(o *Observation, by flow.Side, reset bool) {
	o.Packets = &flow.Traffic{}
	for i := range o.Origin.Connections {
		c := &o.Origin.Connections[i]
		c.Client = netip.AddrPortFrom(netip.IPv6Loopback(), uint16(1000+i))
		seen := flow.Connection{Number: i + 1, Client: c.Client, SYNs: 1}
		end := &flow.Ending{Time: time.Unix(9, 0), By: by, AfterByte: 321, Unacknowledged: 12}
		if reset {
			seen.RST = end
		} else {
			seen.FIN = end
		}
		o.Packets.Connections = append(o.Packets.Connections, seen)
	}
}

func TestThePacketsSayHowAConnectionEnded(t *testing.T) {
	o := sound()
	onTwo(o)
	o.Origin.Connections[0].End = origin.End{ByClient: true, Early: true}
	captured(o, flow.Client, true)
	verdict, _, actual := noReset(o)
	require.Equal(t, Fail, verdict)
	require.Equal(t, "1 ended early by the client, 1 of them by RST; in the packets connection 1 got a RST from the client "+
		"after its byte 321, with 12 bytes from the other side unacknowledged", actual)

	captured(o, flow.Client, false)
	o.Events.UnreadCloses, o.Events.UnreadBytes = 2, 700
	_, _, actual = noReset(o)
	require.Contains(t, actual, "0 of them by RST", "the packets know better than the origin's socket")
	require.Contains(t, actual, "; 2 sockets were closed with 700 bytes unread in all")
}

func TestConnectionsThatTheOriginNeverAcceptedCount(t *testing.T) {
	o := sound()
	captured(o, flow.Client, false)
	verdict, _, actual := oneConnection(o)
	require.Equal(t, Pass, verdict)
	require.Equal(t, "1 accepted; in the packets 1, with 1 SYN", actual)

	o.Packets.Connections = append(o.Packets.Connections, flow.Connection{Number: 2, SYNs: 3})
	verdict, _, actual = oneConnection(o)
	require.Equal(t, Fail, verdict)
	require.Equal(t, "1 accepted; in the packets 2, with 4 SYN", actual)
}
