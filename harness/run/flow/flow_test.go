package flow_test

import (
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/flow"
)

// Ports of the packets in these tests.
const (
	originPort = 443
	clientPort = 50000
)

// talk makes packets, a millisecond apart.
type talk struct {
	t       *testing.T
	packets []flow.Packet
}

// say adds a packet of the client or the origin, with this many bytes of
// payload.
func (s *talk) say(by flow.Side, tcp layers.TCP, payload int) {
	s.t.Helper()
	client, origin := net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)
	ip := layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: client, DstIP: origin}
	tcp.SrcPort, tcp.DstPort = clientPort, originPort
	if by == flow.Origin {
		ip.SrcIP, ip.DstIP = origin, client
		tcp.SrcPort, tcp.DstPort = originPort, clientPort
	}
	require.NoError(s.t, tcp.SetNetworkLayerForChecksum(&ip))
	buffer := gopacket.NewSerializeBuffer()
	require.NoError(s.t, gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4},
		&ip, &tcp, gopacket.Payload(make([]byte, payload))))
	data := buffer.Bytes()
	s.packets = append(s.packets, flow.Packet{
		Time: time.UnixMilli(int64(len(s.packets))), Data: data, Length: len(data),
	})
}

// open adds the packets that open a connection whose sides count from these
// numbers.
func (s *talk) open(client, origin uint32) {
	s.say(flow.Client, layers.TCP{SYN: true, Seq: client, Window: 100}, 0)
	s.say(flow.Origin, layers.TCP{SYN: true, ACK: true, Seq: origin, Ack: client + 1, Window: 100}, 0)
	s.say(flow.Client, layers.TCP{ACK: true, Seq: client + 1, Ack: origin + 1, Window: 100}, 0)
}

func (s *talk) connections() []flow.Connection { return flow.Connections(s.packets, originPort) }

func TestBytesCountOnceThoughTheyAreSentTwice(t *testing.T) {
	s := &talk{t: t}
	first := uint32(1<<32 - 500) // the number wraps around within the stream
	s.open(first, 9)
	for _, from := range []uint32{0, 600, 0, 300} { // the last two again
		s.say(flow.Client, layers.TCP{ACK: true, Seq: first + 1 + from, Ack: 10, Window: 100}, 600)
	}
	s.say(flow.Origin, layers.TCP{ACK: true, Seq: 10, Ack: first + 1201, Window: 100}, 50)
	s.say(flow.Client, layers.TCP{RST: true, ACK: true, Seq: first + 1201, Ack: 30, Window: 0}, 0)
	found := s.connections()
	require.Len(t, found, 1)
	require.EqualValues(t, 1200, found[0].FromClient)
	require.EqualValues(t, 50, found[0].FromOrigin)
	require.EqualValues(t, 1200, found[0].RST.AfterByte)
	require.EqualValues(t, 30, found[0].RST.Unacknowledged, "20 of 50 were")
	require.Equal(t, found[0].RST, found[0].EndedFirst())
}

func TestWindowsThatCloseAreCounted(t *testing.T) {
	s := &talk{t: t}
	s.open(1, 1)
	for _, window := range []uint16{0, 0, 100, 0, 50} { // closed twice
		s.say(flow.Origin, layers.TCP{ACK: true, Seq: 2, Ack: 2, Window: window}, 0)
	}
	s.say(flow.Client, layers.TCP{ACK: true, Seq: 2, Ack: 2, Window: 0}, 0)
	require.Equal(t, 2, s.connections()[0].ZeroWindows, "those of the origin")
}

func TestASYNAgainIsTheSameConnectionAndAPortAgainIsAnother(t *testing.T) {
	s := &talk{t: t}
	s.say(flow.Client, layers.TCP{SYN: true, Seq: 1, Window: 100}, 0)
	s.open(1, 1)
	s.say(flow.Client, layers.TCP{FIN: true, ACK: true, Seq: 2, Ack: 2, Window: 100}, 0)
	s.open(5000, 7000)
	found := s.connections()
	require.Len(t, found, 2)
	require.Equal(t, 2, found[0].SYNs)
	require.NotNil(t, found[0].FIN)
	require.Equal(t, 1, found[1].SYNs)
	require.Nil(t, found[1].EndedFirst())
	require.Equal(t, 2, found[1].Number)
}

func TestAConnectionThatWasNeverAnswered(t *testing.T) {
	s := &talk{t: t}
	s.say(flow.Client, layers.TCP{SYN: true, Seq: 1, Window: 100}, 0)
	s.say(flow.Origin, layers.TCP{RST: true, ACK: true, Ack: 2}, 0)
	found := s.connections()
	require.Len(t, found, 1)
	require.False(t, found[0].Established)
	require.Equal(t, &flow.Ending{Time: time.UnixMilli(1), By: flow.Origin}, found[0].EndedFirst())
}

func TestWhatIsNoneOfTheOriginsIsPassedOver(t *testing.T) {
	s := &talk{t: t}
	s.say(flow.Client, layers.TCP{ACK: true, Seq: 7, Ack: 9, Window: 100}, 10) // began before the capture
	s.packets = append(s.packets, flow.Packet{Data: []byte("no packet"), Length: 9})
	require.Empty(t, s.connections())
	s.open(1, 1)
	require.Empty(t, flow.Connections(s.packets, 80))
}
