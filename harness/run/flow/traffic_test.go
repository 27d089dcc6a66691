package flow_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/flow"
)

func TestTrafficIsSummedUp(t *testing.T) {
	one, two := netip.MustParseAddrPort("127.0.0.1:1000"), netip.MustParseAddrPort("127.0.0.1:2000")
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	traffic := flow.Traffic{Lost: 2, Beyond: 3, Connections: []flow.Connection{
		{Number: 1, Client: one, SYNs: 1, RST: &flow.Ending{Time: early, By: flow.Client, AfterByte: 7, Unacknowledged: 5}},
		{Number: 2, Client: two, SYNs: 2, FIN: &flow.Ending{Time: early, By: flow.Origin, AfterByte: 9},
			RST: &flow.Ending{Time: late, By: flow.Client}},
		{Number: 3, Client: one, SYNs: 1, RST: &flow.Ending{Time: late, By: flow.Origin}},
		{Number: 4, Client: netip.MustParseAddrPort("[::1]:1000"), SYNs: 1},
	}}
	require.Equal(t, 5, traffic.Missing())
	require.Equal(t, 5, traffic.SYNs())
	require.Equal(t, 1, traffic.ResetFirst(flow.Client), "a RST after the other side's FIN was not first")
	require.Equal(t, 1, traffic.ResetFirst(flow.Origin))
	require.Equal(t, 3, traffic.From(one).Number, "the port was used again")
	require.Equal(t, 2, traffic.From(two).Number)
	require.Nil(t, traffic.From(netip.MustParseAddrPort("127.0.0.1:3000")))
	require.Equal(t, "a RST from the client after its byte 7, with 5 bytes from the other side unacknowledged",
		traffic.Connections[0].HowEnded())
	require.Equal(t, "a FIN from the origin after its byte 9, with 0 bytes from the other side unacknowledged",
		traffic.Connections[1].HowEnded())
	require.Empty(t, traffic.Connections[3].HowEnded())
}
