package curlpipe

import (
	"fmt"

	"github.com/curlpipe/curlpipe/cshim"
)

// Pipelining says how requests share a connection.
type Pipelining int

const (
	// Auto pipelines HTTP/1.1 where libcurl does (7.30.0 to 7.61.1). With a
	// later one it multiplexes HTTP/2 over one connection, and sends requests in
	// turn to a server that does not speak it.
	Auto Pipelining = iota

	// Require pipelines HTTP/1.1, and fails with ErrNoPipelining where libcurl
	// does not.
	Require

	// Off sends requests in turn: the next one when the response is there. Any
	// libcurl will do.
	Off
)

// String is the name of the constant.
func (p Pipelining) String() string {
	switch p {
	case Auto:
		return "Auto"
	case Require:
		return "Require"
	case Off:
		return "Off"
	}
	return fmt.Sprintf("Pipelining(%d)", int(p))
}

// Mode is what a transport does with requests to one host, as Stats tells it.
type Mode string

// The modes.
const (
	ModePipelining   Mode = "pipelining"   // HTTP/1.1, pipelined [RFC 9112 §9.3.2]
	ModeMultiplexing Mode = "multiplexing" // HTTP/2, if the server speaks it [RFC 9113 §5]
	ModeInTurn       Mode = "in turn"      // HTTP/1.1, one request a connection at a time
)

// mode is what this libcurl does of what is wanted.
func (l library) mode(wanted Pipelining, allowUnpatched bool) (Mode, error) {
	pipelines := l.number >= firstPipelining && l.number < firstWithout
	switch wanted {
	case Off:
		return ModeInTurn, nil
	case Auto, Require:
		if pipelines && !l.patched && !allowUnpatched {
			return "", fmt.Errorf("%s: %w", l.version, ErrUnpatchedLibcurl)
		}
		if pipelines {
			return ModePipelining, nil
		}
		if wanted == Require {
			return "", fmt.Errorf("%s: %w", l.version, ErrNoPipelining)
		}
		if l.http2 {
			return ModeMultiplexing, nil
		}
		return ModeInTurn, nil
	}
	return "", fmt.Errorf("curlpipe: Pipelining is %d: give Auto, Require or Off", int(wanted))
}

// loopMode is the mode in the words of package cshim.
func (m Mode) loopMode() cshim.Mode {
	switch m {
	case ModePipelining:
		return cshim.Pipelining
	case ModeMultiplexing:
		return cshim.Multiplexing
	}
	return cshim.InTurn
}
