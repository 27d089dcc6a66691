package cshim

/*
#include "cshim.h"
#cgo nocallback cshim_loop_sent
#cgo nocallback cshim_loop_progress
#cgo nocallback cshim_loop_movement
*/
import "C"

// Sent reports whether any byte of the request in slot was sent. The TLS
// handshake does not count.
func (l *Loop) Sent(slot Slot) bool {
	return l.handle != nil && bool(C.cshim_loop_sent(l.handle, C.uint32_t(slot)))
}

// Progress says how far the response to a request has come.
type Progress struct {
	Bytes    uint64 // received on the connection; if the request has a body, also those sent that the server has acknowledged
	Heard    uint64 // changes whenever bytes have been received
	Sections uint64 // header sections that have ended in the slot, interim ones included
	Answered bool   // the one of the final response has ended
}

// Progress returns the progress of the request in slot, which is in flight.
func (l *Loop) Progress(slot Slot) Progress {
	if l.handle == nil {
		return Progress{}
	}
	progress := C.cshim_loop_progress(l.handle, C.uint32_t(slot))
	return Progress{uint64(progress.bytes), uint64(progress.heard), uint64(progress.sections), bool(progress.answered)}
}

// Movement returns a number that changes whenever the peer of a connection has
// acknowledged or sent bytes. If two calls return the same number, no byte has
// moved in between.
func (l *Loop) Movement(connection Connection) uint64 {
	if l.handle == nil {
		return 0
	}
	return uint64(C.cshim_loop_movement(l.handle, C.uint32_t(connection)))
}
