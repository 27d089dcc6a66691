package flow

import (
	"fmt"
	"net/netip"
)

// Traffic is what the packets of one run tell.
type Traffic struct {
	// Port of the origin.
	Port uint16 `json:"port"`
	// Lost is the number of packets that the kernel dropped, Beyond the number
	// above the limit of the capture.
	Lost   int `json:"lost"`
	Beyond int `json:"beyond"`
	// Connections in the order of their SYNs.
	Connections []Connection `json:"connections"`
}

// Missing is the number of packets that were not captured. If it is not 0, the
// other fields may be incomplete.
func (t *Traffic) Missing() int { return t.Lost + t.Beyond }

// SYNs returns how many the client sent, over all connections.
func (t *Traffic) SYNs() int {
	n := 0
	for i := range t.Connections {
		n += t.Connections[i].SYNs
	}
	return n
}

// ResetFirst returns the number of connections that this side ended with a RST
// before the other side ended them.
func (t *Traffic) ResetFirst(by Side) int {
	n := 0
	for i := range t.Connections {
		if end := t.Connections[i].EndedFirst(); end != nil && end == t.Connections[i].RST && end.By == by {
			n++
		}
	}
	return n
}

// From returns the last connection that came from that address and port of
// the client, nil if there is none.
func (t *Traffic) From(client netip.AddrPort) *Connection {
	for i := len(t.Connections) - 1; i >= 0; i-- {
		if t.Connections[i].Client == client {
			return &t.Connections[i]
		}
	}
	return nil
}

// HowEnded describes how the connection ended first: "a RST from the client after
// its byte 1234, with 77 bytes from the other side unacknowledged"; empty if it did
// not end while packets were captured.
func (c *Connection) HowEnded() string {
	end := c.EndedFirst()
	if end == nil {
		return ""
	}
	kind := "FIN"
	if end == c.RST {
		kind = "RST"
	}
	return fmt.Sprintf("a %s from the %s after its byte %d, with %d bytes from the other side unacknowledged",
		kind, end.By, end.AfterByte, end.Unacknowledged)
}
