package cshim

// #include "cshim.h"
import "C"

import "unsafe"

// Request is one GET or HEAD.
type Request struct {
	Slot Slot // an attached easy handle that carries no request at the moment
	Head bool // HEAD instead of GET
	// Text is the URL and then each header line as libcurl's
	// CURLOPT_HTTPHEADER takes them ("Name: value", "Name;" for an empty value,
	// "Name:" to leave out a line of libcurl's own), each ended with a NUL.
	Text []byte
	// URLLength is the length of the URL at the start of Text, without its NUL.
	URLLength int
}

// Batch gathers requests for one crossing. The zero value is empty and ready;
// [Loop.Run] empties it, and its memory is used again.
type Batch struct {
	requests []C.struct_cshim_request
	text     []byte
}

// Add puts a request at the end of the batch. The text is copied.
func (b *Batch) Add(request *Request) {
	item := C.struct_cshim_request{
		slot:           C.uint32_t(request.Slot),
		text:           C.size_t(len(b.text)),
		url_length:     C.size_t(request.URLLength),
		headers_length: C.size_t(len(request.Text) - request.URLLength - 1),
	}
	if request.Head {
		item.flags = C.CSHIM_REQUEST_HEAD
	}
	b.requests = append(b.requests, item)
	b.text = append(b.text, request.Text...)
}

// Len is the number of requests in the batch; at most [MaxBatch] may go into
// one Run.
func (b *Batch) Len() int { return len(b.requests) }

func (b *Batch) reset() {
	b.requests = b.requests[:0]
	b.text = b.text[:0]
}

// Result is how one request ended. The byte slices lie in C memory: copy what
// is to outlive the next [Loop.Run].
type Result struct {
	Slot Slot
	Code int // CURLcode; 0 is success
	// Response is the header section of the final response, with the empty line
	// that ends it, and then the body with the transfer coding taken off.
	Response     []byte
	HeaderLength int    // length of the header section; 0 when none came
	Trailer      []byte // trailer section of a chunked response
	TooLarge     bool   // the response went over Limits.HeaderBytes or ResponseBytes; nothing was kept
	GivenUp      bool   // an unwanted response went over Limits.DroppedBytes; its connection was closed
	Detail       string // libcurl's own words for a failure; may be empty
}

func newResult(result *C.struct_cshim_result) Result {
	converted := Result{
		Slot:         Slot(result.slot),
		Code:         int(result.code),
		HeaderLength: int(result.header_length),
		Response:     view(result.response, result.header_length+result.body_length),
		Trailer:      view(result.trailer, result.trailer_length),
		TooLarge:     result.flags&C.CSHIM_RESULT_TOO_LARGE != 0,
		GivenUp:      result.flags&C.CSHIM_RESULT_GIVEN_UP != 0,
	}
	if result.code != 0 {
		converted.Detail = C.GoString(result.detail)
	}
	return converted
}

func view(data *C.char, length C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(data)), int(length))
}
