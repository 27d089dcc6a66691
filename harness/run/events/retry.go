package events

import "fmt"

// Breach is a way to break OpenSSL's rule that after WANT_WRITE or WANT_READ
// the same call has to be repeated with the same arguments [SSL_write(3)].
type Breach string

// The kinds of breach.
const (
	// OtherBytes: different data came. OpenSSL refuses the write, or sends a
	// mixture.
	OtherBytes Breach = "other bytes"
	// Shorter: only the beginning of the blocked write came.
	Shorter Breach = "shorter"
	// Longer: the blocked write came with more bytes behind it.
	Longer Breach = "longer with the same start"
	// Moved: the same bytes came from another address, and the SSL object is not
	// in SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER.
	Moved Breach = "same bytes at another address"
	// InHandshake: another write came after one that was blocked before the first
	// handshake was through.
	InHandshake Breach = "during the handshake only"
)

// meaning describes the consequence of a breach.
var meaning = map[Breach]string{
	OtherBytes:  "data can be lost or mixed up",
	Shorter:     "OpenSSL refuses it, or sends bytes that were not asked for",
	Longer:      "SSL_write(3) does not allow it, today's OpenSSL accepts it",
	Moved:       "OpenSSL refuses it without SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER",
	InHandshake: "SSL_write(3) does not allow it; OpenSSL had taken nothing of the first write, so nothing is lost",
}

// acceptMovingWriteBuffer is SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER.
const acceptMovingWriteBuffer = 2

// BadRetry is a write that broke the contract.
type BadRetry struct {
	// First is the write that was blocked.
	First Event
	// Second is the write that came in place of its repetition.
	Second Event
}

// breach returns how second differs from a repetition of first; empty if it is a
// repetition, or if the SSL object allows the difference.
func breach(first, second Event) Breach {
	alike := first.Length == second.Length && first.Hash == second.Hash
	moving := second.Mode&acceptMovingWriteBuffer != 0 // OpenSSL uses the mode at the time of the second call
	switch {
	case alike && (first.Buffer == second.Buffer || moving):
		return ""
	case first.Handshake:
		return InHandshake
	case alike:
		return Moved
	case second.Same == nil || *second.Same < min(first.Length, second.Length):
		return OtherBytes
	case second.Length < first.Length:
		return Shorter
	case second.Length > first.Length:
		return Longer
	}
	return OtherBytes // their hashes differ
}

// Breach returns the kind of the breach.
func (b BadRetry) Breach() Breach { return breach(b.First, b.Second) }

// String describes the difference and its possible consequence.
func (b BadRetry) String() string {
	kind := b.Breach()
	came := fmt.Sprintf("%d bytes", b.Second.Length)
	switch {
	case kind == Moved:
		came = fmt.Sprintf("the same from %s instead of %s", b.Second.Buffer, b.First.Buffer)
	case b.Second.Same != nil && kind != Shorter && kind != Longer:
		came += fmt.Sprintf(" of which %d are the same", *b.Second.Same)
	}
	return fmt.Sprintf("%s: after %s of %d bytes answered %s came %s (%s)",
		kind, b.First.Call, b.First.Length, b.First.Error, came, meaning[kind])
}
