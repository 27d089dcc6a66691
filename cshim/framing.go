package cshim

/*
#include <stdlib.h>
#include "framing.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"unsafe"
)

// errTooLong says that chunk extensions and trailers exceed their limit.
var errTooLong = errors.New("cshim: chunk extensions or trailers are too long")

// framed is a response as framing.c reads it.
type framed struct {
	status   int
	body     []byte
	trailer  []byte
	complete bool // its end has come
	toClose  bool // the end of the connection ends it
	closes   bool // the connection must end with it, although libcurl may not see that
	unseen   bool // it is complete, although libcurl waits for more
}

// readFraming has framing.c read a response in the pieces that libcurl
// delivers: header sections by lines, the rest in pieces of at most this
// many bytes. Like libcurl, it stops within a piece at the end of the
// response, unless the end of the connection ends it.
func readFraming(response []byte, rules C.struct_framing_rules, pieces int) (framed, error) {
	var framing C.struct_framing
	C.framing_begin(&framing, &rules)
	for framing.section != C.FRAMING_FINAL {
		end := bytes.IndexByte(response, '\n') + 1
		if end == 0 {
			return framed{}, nil
		}
		line := C.CBytes(response[:end])
		refusal := C.framing_line(&framing, (*C.char)(line), C.size_t(end))
		C.free(line)
		if refusal != nil {
			return framed{}, errors.New(C.GoString(refusal))
		}
		response = response[end:]
	}
	read := framed{
		status:  int(framing.status),
		toClose: framing.body == C.FRAMING_UNTIL_CLOSE || framing.body == C.FRAMING_STREAM,
		closes:  bool(C.framing_ends_unseen(&framing)),
		unseen:  bool(C.framing_complete_unseen(&framing)),
	}
	ended := func() bool { return bool(C.framing_is_complete(&framing)) && !read.toClose }
	for len(response) > 0 && !ended() {
		size := min(pieces, len(response))
		if framing.body == C.FRAMING_LENGTH {
			size = min(size, int(framing.left)) // libcurl delivers no more than that
		}
		if err := read.take(&framing, response[:size]); err != nil {
			return framed{}, err
		}
		response = response[size:]
	}
	read.complete = bool(C.framing_is_complete(&framing))
	return read, nil
}

// rulesOf are the rules for one response.
func rulesOf(head, fieldsStick bool, overhead int) C.struct_framing_rules {
	return C.struct_framing_rules{head: C.bool(head), fields_stick: C.bool(fieldsStick), overhead: C.size_t(overhead)}
}

// take reads a piece of the body.
func (f *framed) take(framing *C.struct_framing, body []byte) error {
	held := C.CBytes(body)
	defer C.free(held)
	data, left := (*C.char)(held), C.size_t(len(body))
	for left > 0 {
		var piece, refusal *C.char
		var length C.size_t
		switch C.framing_take(framing, &data, &left, &piece, &length, &refusal) {
		case C.FRAMING_DATA:
			f.body = append(f.body, C.GoBytes(unsafe.Pointer(piece), C.int(length))...)
		case C.FRAMING_TRAILER:
			f.trailer = append(f.trailer, C.GoBytes(unsafe.Pointer(piece), C.int(length))...)
		case C.FRAMING_REFUSED:
			return errors.New(C.GoString(refusal))
		case C.FRAMING_TOO_LONG:
			return errTooLong
		}
	}
	return nil
}
