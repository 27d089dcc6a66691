package curlpipe

import (
	"fmt"
	"net/http"

	"github.com/curlpipe/curlpipe/cshim"
)

// Pipelining selects how requests share a connection.
type Pipelining int

const (
	// Auto pipelines HTTP/1.1 with a libcurl that supports it (7.30.0 to 7.61.1).
	// With a later libcurl it multiplexes HTTP/2 over one connection; to a server
	// without HTTP/2 it sends requests one after the other.
	Auto Pipelining = iota

	// Require pipelines HTTP/1.1, and fails with ErrNoPipelining if libcurl does not
	// support it.
	Require

	// Off sends each request after the response to the previous request. It works
	// with any libcurl.
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

// Mode is how a transport sends requests to one host, as Stats reports it.
type Mode string

// The modes.
const (
	ModePipelining   Mode = "pipelining"   // HTTP/1.1, pipelined [RFC 9112 §9.3.2]
	ModeMultiplexing Mode = "multiplexing" // HTTP/2, if the server speaks it [RFC 9113 §5]
	ModeInTurn       Mode = "in turn"      // HTTP/1.1, one request at a time
)

// mode returns the mode of this libcurl for the wanted pipelining.
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

// pipelined reports whether requests with this method share a connection with
// requests that are not answered yet [RFC 9112 §9.3.2]. A request with another
// method has a connection for itself while it lasts.
func pipelined(method string) bool {
	return method == http.MethodGet || method == http.MethodHead
}

// loopMode returns package cshim's name of the mode.
func (m Mode) loopMode() cshim.Mode {
	switch m {
	case ModePipelining:
		return cshim.Pipelining
	case ModeMultiplexing:
		return cshim.Multiplexing
	}
	return cshim.InTurn
}
