package lab

import (
	"io"

	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
)

// Tap receives the observations of a run that the judge does not need, to keep them
// as evidence. Each field may be nil; the methods then do nothing.
type Tap struct {
	// KeyLog gets the secrets of TLS in the form of SSLKEYLOGFILE. Connections
	// write to it at the same time, each line at once.
	KeyLog io.Writer
	// Listening is called once, before the subject starts, with the URL of the
	// origin. Its error keeps the run from being made.
	Listening func(url string) error
	// Event is called for each event, in order.
	Event func(events.Event)
	// Output is called once, when the subject has ended, with what it printed.
	Output func(stdout, stderr []byte)
	// Packets is called once, when all connections have ended or the run could
	// not be made, and returns what the packets tell the judge; nil if none
	// were captured.
	Packets func() *flow.Traffic
}

// Listen calls Listening.
func (t *Tap) Listen(url string) error {
	if t.Listening == nil {
		return nil
	}
	return t.Listening(url)
}

// TakeEvent calls Event.
func (t *Tap) TakeEvent(e events.Event) {
	if t.Event != nil {
		t.Event(e)
	}
}

// TakeOutput calls Output.
func (t *Tap) TakeOutput(stdout, stderr []byte) {
	if t.Output != nil {
		t.Output(stdout, stderr)
	}
}

// StopPackets calls Packets.
func (t *Tap) StopPackets() *flow.Traffic {
	if t.Packets == nil {
		return nil
	}
	return t.Packets()
}
