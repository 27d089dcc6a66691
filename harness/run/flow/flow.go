// Package flow derives from packets which side opened each connection, which side
// ended it first and after which byte, and which bytes were left unread.
//
// It stands between the capture, which reads and writes packets, and the judge and
// the report. It does no I/O.
package flow

import (
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// Packet is one captured packet, from its Ethernet header on.
type Packet struct {
	Time time.Time
	Data []byte
	// Length on the wire, in bytes; more than len(Data) if it was cut off.
	Length int
}

// Side is one end of a connection.
type Side string

// The two sides.
const (
	Client Side = "client"
	Origin Side = "origin"
)

// Ending is the first FIN or RST of one side.
type Ending struct {
	Time time.Time `json:"time"`
	// By is the side that sent it.
	By Side `json:"by"`
	// AfterByte is how many bytes of its own stream the side had sent before.
	AfterByte int64 `json:"after_byte"`
	// Unacknowledged is how many bytes the other side had sent that this one had not
	// acknowledged: they were on their way, or it had no room for them.
	Unacknowledged int64 `json:"unacknowledged"`
}

// Connection is a TCP connection, as derived from packets.
type Connection struct {
	// Number counts from 1, in the order of the SYNs.
	Number int `json:"number"`
	// Client is the client's address and port.
	Client netip.AddrPort `json:"client"`
	// Opened is the time of the first SYN.
	Opened time.Time `json:"opened"`
	// SYNs of the client; more than one were retransmissions.
	SYNs int `json:"syns"`
	// Established is true if the origin answered the SYN.
	Established bool `json:"established"`
	// Packets of both sides.
	Packets int `json:"packets"`
	// FromClient and FromOrigin are the bytes of payload that each side sent,
	// each byte counted once.
	FromClient int64 `json:"from_client"`
	FromOrigin int64 `json:"from_origin"`
	// FIN and RST are the first of each kind, nil if there was none.
	FIN *Ending `json:"fin,omitempty"`
	RST *Ending `json:"rst,omitempty"`
	// ZeroWindows counts how often the origin announced a window of zero.
	ZeroWindows int `json:"zero_windows"`
}

// EndedFirst returns the first FIN or RST, nil if the connection did not end while
// packets were captured.
func (c *Connection) EndedFirst() *Ending {
	switch {
	case c.FIN == nil:
		return c.RST
	case c.RST == nil || c.FIN.Time.Before(c.RST.Time):
		return c.FIN
	}
	return c.RST
}

// stream is one direction of a connection.
type stream struct {
	known  bool
	first  uint32 // sequence number of the first byte of payload
	sent   int64  // position after the last byte of payload
	acked  int64  // position up to which this side has acknowledged the other's bytes
	closed bool   // its last packet announced a zero window
}

type state struct {
	*Connection
	client, origin stream
}

// Connections derives the connections to the origin's port from packets, which
// must be in order. All other packets are ignored.
func Connections(packets []Packet, port uint16) []Connection {
	var list []*state
	current := make(map[netip.AddrPort]*state)
	for i := range packets {
		ip, tcp := decode(packets[i].Data)
		if tcp == nil {
			continue
		}
		var peer netip.AddrPort
		fromClient := uint16(tcp.DstPort) == port
		switch {
		case fromClient:
			peer = netip.AddrPortFrom(ip.source, uint16(tcp.SrcPort))
		case uint16(tcp.SrcPort) == port:
			peer = netip.AddrPortFrom(ip.target, uint16(tcp.DstPort))
		default:
			continue
		}
		s := current[peer]
		if fromClient && tcp.SYN && (s == nil || s.client.first != tcp.Seq+1) {
			s = &state{Connection: &Connection{Number: len(list) + 1, Client: peer, Opened: packets[i].Time}}
			list, current[peer] = append(list, s), s
		}
		if s == nil {
			continue // it began before the capture
		}
		s.see(packets[i].Time, tcp, ip.payload, fromClient)
	}
	connections := make([]Connection, 0, len(list))
	for _, s := range list {
		connections = append(connections, *s.Connection)
	}
	return connections
}

func (s *state) see(at time.Time, tcp *layers.TCP, payload int64, fromClient bool) {
	s.Packets++
	from, to, side := &s.client, &s.origin, Client
	if !fromClient {
		from, to, side = to, from, Origin
	}
	if tcp.SYN {
		from.known, from.first = true, tcp.Seq+1
		if fromClient {
			s.SYNs++
		} else {
			s.Established = true
		}
		return
	}
	if !from.known { // without that side's SYN there is no position to count from
		if tcp.RST && s.RST == nil {
			s.RST = &Ending{Time: at, By: side}
		}
		return
	}
	begin := int64(int32(tcp.Seq - from.first - uint32(from.sent))) // relative to what was sent so far
	from.sent = max(from.sent, from.sent+begin+payload)
	if tcp.ACK && to.known {
		from.acked = max(from.acked, min(to.sent, to.sent+int64(int32(tcp.Ack-to.first-uint32(to.sent)))))
	}
	s.FromClient, s.FromOrigin = s.client.sent, s.origin.sent
	if !fromClient && !tcp.RST {
		if tcp.Window == 0 && !from.closed {
			s.ZeroWindows++
		}
		from.closed = tcp.Window == 0
	}
	ending := &Ending{Time: at, By: side, AfterByte: from.sent, Unacknowledged: to.sent - from.acked}
	if tcp.FIN && s.FIN == nil {
		s.FIN = ending
	}
	if tcp.RST && s.RST == nil {
		s.RST = ending
	}
}

// network has the necessary part of an IP header.
type network struct {
	source, target netip.Addr
	payload        int64 // length of the TCP segment in bytes, captured or not
}

func decode(data []byte) (network, *layers.TCP) {
	var ip network
	packet := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true, Lazy: true})
	tcp, isTCP := packet.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !isTCP {
		return ip, nil
	}
	switch header := packet.NetworkLayer().(type) {
	case *layers.IPv4:
		ip.source, _ = netip.AddrFromSlice(header.SrcIP)
		ip.target, _ = netip.AddrFromSlice(header.DstIP)
		ip.payload = int64(header.Length) - int64(header.IHL)*4
	case *layers.IPv6:
		ip.source, _ = netip.AddrFromSlice(header.SrcIP)
		ip.target, _ = netip.AddrFromSlice(header.DstIP)
		ip.payload = int64(header.Length)
	default:
		return ip, nil
	}
	ip.source, ip.target = ip.source.Unmap(), ip.target.Unmap()
	ip.payload -= int64(tcp.DataOffset) * 4
	return ip, tcp
}
