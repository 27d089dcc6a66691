package origin

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/origin/openssl"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// errNoEngine is the error for an event if the origin uses Go's TLS.
var errNoEngine = errors.New("only OpenSSL can send that")

// event makes TLS send a message of its own.
func (c *connection) event(event scenario.TLSEvent) error {
	t, able := c.stream.(engineTransport)
	if !able {
		return fmt.Errorf("sending a %s: %w", event, errNoEngine)
	}
	switch event {
	case scenario.HelloRequest:
		return t.Renegotiate()
	case scenario.KeyUpdate:
		return t.KeyUpdate(true)
	case scenario.NewSessionTicket:
		return t.SendTicket()
	}
	return fmt.Errorf("sending a %s: unknown event", event)
}

// noteTLS records whether the client did what TLS messages asked for.
func (c *connection) noteTLS() {
	t, able := c.stream.(engineTransport)
	if !able {
		return
	}
	c.seen.Renegotiations = t.Renegotiations()
	c.seen.KeyUpdates = t.Count(false, openssl.KeyUpdate)
	for _, m := range t.Messages() {
		switch {
		case m.Sent && m.Name == openssl.HelloRequest:
			c.seen.Handshakes = append(c.seen.Handshakes, Handshake{Asked: m.Time})
		case !m.Sent && m.Name == openssl.Finished && len(c.seen.Handshakes) > 0:
			c.seen.Handshakes[len(c.seen.Handshakes)-1].Ended = m.Time
		case !m.Sent && m.Name == openssl.KeyUpdate:
			c.seen.KeyUpdated = append(c.seen.KeyUpdated, m.Time)
		}
	}
}

// Cork delays sending until it is removed or a segment is full.
func Cork(tcp *net.TCPConn, on bool) error {
	value := 0
	if on {
		value = 1
	}
	return setOption(tcp, unix.IPPROTO_TCP, unix.TCP_CORK, value, "TCP_CORK")
}
