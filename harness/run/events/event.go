// Package events reads what the interposer writes.
//
// The interposer sits between a subject and its TLS library and its sockets
// and writes one JSON object a line for each call of interest, see
// harness/run/interposer/events.h. This package turns the lines into [Event]
// values while the subject runs, lets the origin watch for the moment at which
// the client is stuck, and derives from the whole sequence what happened to
// writes. The judge gets the [Summary].
package events

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
)

// Values of Event.Error that the package acts on.
const (
	// WantRead: the call cannot continue until something is read.
	WantRead = "WANT_READ"
	// WantWrite: the call cannot continue until something is written. A plain
	// send that would block is reported in the same way.
	WantWrite = "WANT_WRITE"
)

// Event is one call that the subject made.
type Event struct {
	// Time is CLOCK_MONOTONIC in nanoseconds at the return of the call.
	Time int64 `json:"t"`
	// Call is the name of the function; "dropped" stands for Count events
	// that are missing here, "version" says which OpenSSL is in use.
	Call string `json:"call"`
	// SSL is the name of the SSL object, which no other object has, of any process;
	// empty for calls on plain sockets.
	SSL string `json:"ssl,omitempty"`
	// FD is the socket, -1 if there is none.
	FD int `json:"fd"`
	// Local is the socket's own address, which identifies the connection in the
	// peer's log and in the packets; the zero value before the socket has an
	// address, or without a socket.
	Local netip.AddrPort `json:"local,omitzero"`
	// Buffer is the address that was to be written; empty for other calls.
	Buffer string `json:"buf,omitempty"`
	// Length that was passed, in bytes.
	Length int64 `json:"len,omitempty"`
	// Hash is the 64-bit FNV-1a hash of the Length bytes at Buffer.
	Hash string `json:"hash,omitempty"`
	// Same is how many bytes are the same at the beginning of this write and of
	// the blocked write before it on the same SSL object; nil without such a
	// write, or in a recording of an older interposer.
	Same *int64 `json:"same,omitempty"`
	// Mode is the result of SSL_get_mode(); 0 if it was not called.
	Mode int64 `json:"mode,omitempty"`
	// Blocking is true for a write to a socket without O_NONBLOCK, where the
	// write waits.
	Blocking bool `json:"blocking,omitempty"`
	// Handshake is true for a write that was blocked before the first handshake
	// was complete.
	Handshake bool `json:"handshake,omitempty"`
	// Moved is how many bytes were moved, for the calls that return it apart from
	// Result; nil for other calls, and for those that failed.
	Moved *int64 `json:"moved,omitempty"`
	// Unread is how many bytes had arrived at the socket that the client had
	// not read; only with Call "close".
	Unread int64 `json:"unread,omitempty"`
	// Result is what the call returned.
	Result int64 `json:"ret"`
	// Error is what SSL_get_error() says without its prefix; empty when the
	// call succeeded.
	Error string `json:"error"`
	// Count of dropped events; only with Call "dropped".
	Count int64 `json:"count,omitempty"`
	// Version of OpenSSL, as "OpenSSL 3.0.19 27 Jan 2026"; only with Call
	// "version".
	Version string `json:"version,omitempty"`
}

// IsTLSWrite reports whether the event is a write of application data over
// TLS.
func (e *Event) IsTLSWrite() bool {
	switch e.Call {
	case "SSL_write", "SSL_write_ex", "SSL_write_ex2", "SSL_write_early_data", "BIO_write", "BIO_write_ex", "BIO_puts":
		return true
	}
	return false
}

// IsTLSRead reports whether the event is a read, or a peek, over TLS.
func (e *Event) IsTLSRead() bool {
	switch e.Call {
	case "SSL_read", "SSL_read_ex", "SSL_peek", "SSL_peek_ex":
		return true
	}
	return false
}

// IsWrite reports whether the event is a write of application data, over TLS
// or plain.
func (e *Event) IsWrite() bool {
	return e.IsTLSWrite() || e.Call == "send"
}

// Blocked reports whether the event is a blocked write. A plain send that
// accepted only a part of the data counts as blocked.
func (e *Event) Blocked() bool {
	if e.Call == "send" && e.Result >= 0 {
		return e.Result < e.Length
	}
	return e.IsWrite() && (e.Error == WantRead || e.Error == WantWrite)
}

// Parse reads one line.
func Parse(line []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, fmt.Errorf("reading an event of the interposer, %q: %w", line, err)
	}
	return e, nil
}

// Read reads events from r until its end and passes each to see, in order. It
// returns the first error of reading or parsing. The end of the stream is not
// an error, and neither is an incomplete last line, which a killed subject
// leaves.
func Read(r io.Reader, see func(Event)) error {
	reader := bufio.NewReader(r)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) || errors.Is(err, fs.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the events of the interposer: %w", err)
		}
		event, err := Parse(line)
		if err != nil {
			return err
		}
		see(event)
	}
}
