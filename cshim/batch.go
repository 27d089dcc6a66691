package cshim

// #include "cshim.h"
import "C"

import "unsafe"

// Request is one HTTP request.
type Request struct {
	Slot       Slot       // an attached easy handle that carries no request at the moment
	Connection Connection // the connection to send it on
	Head       bool       // HEAD instead of GET
	Stream     bool       // results come while the response arrives
	Upload     bool       // has a body, which [Loop.Feed] hands over
	Close      bool       // the connection ends with the response
	HTTP11     bool       // not HTTP/2, whatever the server speaks
	HTTP2      bool       // HTTP/2 from the first byte
	Secured    bool       // the connection is the plain text of the caller's own TLS, and the URL says http
	GoAgent    bool       // the User-Agent is that of net/http over HTTP/1.1, which has another over HTTP/2
	Interim    bool       // interim responses have results, and are not limited
	Expect     bool       // the body waits for 100 (Continue), see Result.Expects
	Proxy      bool       // the connection goes to an HTTP proxy, so the target has the absolute form
	// Again sends the slot's last request once more, after a result with Lost.
	// Except for Slot, Connection, HTTP11 and HTTP2, the other fields are ignored. The
	// request fails with CURLE_SEND_FAIL_REWIND if the part of its body that was
	// sent before is no longer complete in memory.
	Again bool
	// UploadLength is the length of the body; -1 if it is not known.
	UploadLength int64
	// Text has the URL, the method and the header lines of the request. Add copies
	// it.
	Text Text
}

// Batch gathers requests for one call into C. The zero value is empty and ready
// to use. [Loop.Run] empties it and reuses its memory.
type Batch struct {
	requests []C.struct_cshim_request
	text     []byte
}

// Add appends a request to the batch. The text is copied.
func (b *Batch) Add(request *Request) {
	item := C.struct_cshim_request{
		slot:          C.uint32_t(request.Slot),
		flags:         request.flags(),
		connection:    C.uint32_t(request.Connection),
		text:          C.size_t(len(b.text)),
		text_length:   C.size_t(len(request.Text)),
		upload_length: C.int64_t(request.UploadLength),
	}
	b.requests = append(b.requests, item)
	b.text = append(b.text, request.Text...)
}

func (r *Request) flags() C.uint32_t {
	var flags C.uint32_t
	for _, flag := range [...]struct {
		set bool
		bit C.uint32_t
	}{
		{r.Head, C.CSHIM_REQUEST_HEAD},
		{r.Stream, C.CSHIM_REQUEST_STREAM},
		{r.Upload, C.CSHIM_REQUEST_UPLOAD},
		{r.Again, C.CSHIM_REQUEST_AGAIN},
		{r.HTTP11, C.CSHIM_REQUEST_HTTP11},
		{r.HTTP2, C.CSHIM_REQUEST_HTTP2},
		{r.Secured, C.CSHIM_REQUEST_SECURED},
		{r.GoAgent, C.CSHIM_REQUEST_GO_AGENT},
		{r.Close, C.CSHIM_REQUEST_CLOSE},
		{r.Interim, C.CSHIM_REQUEST_INTERIM},
		{r.Proxy, C.CSHIM_REQUEST_PROXY},
		{r.Expect, C.CSHIM_REQUEST_EXPECT},
	} {
		if flag.set {
			flags |= flag.bit
		}
	}
	return flags
}

// Len returns the number of requests in the batch. One Run takes at most
// [MaxBatch].
func (b *Batch) Len() int { return len(b.requests) }

// keptText is how many bytes of text an empty batch keeps room for.
const keptText = 32 << 10

func (b *Batch) reset() {
	b.requests = b.requests[:0]
	b.text = b.text[:0]
}

// rest frees a large buffer if the batch is empty, because its loop may now sleep
// for long and there may be many loops.
func (b *Batch) rest() {
	if len(b.requests) == 0 && cap(b.text) > keptText {
		b.text = nil
	}
}

// Result is an event of one request. The byte slices are in C memory, and valid
// until the next call of a method of the loop. Copy what you need for longer.
type Result struct {
	Slot Slot
	Done bool // the request has ended; only streamed requests have results before that
	Code int  // CURLcode, if Done; 0 is success
	// Response begins with the header section of the final response, including the
	// empty line that ends it, unless an earlier result had the section. After it
	// comes the part of the body that has arrived since the last result, without
	// the transfer coding.
	Response     []byte
	HeaderLength int    // length of the header section in Response; 0 if Response does not have it
	Interim      []byte // header sections of interim responses that have arrived, if Request.Interim is set
	Trailer      []byte // trailer section of a chunked response, if Done
	TooLarge     bool   // the response went over Limits.HeaderBytes or ResponseBytes; nothing was kept
	GivenUp      bool   // an unwanted response went over Limits.DroppedBytes; its connection was closed
	Malformed    bool   // the response breaks RFC 9112, as Detail says; its connection was closed
	Excess       bool   // with Malformed: its first line was refused, so it may be the rest of the response before it
	Lost         bool   // its connection ended, or accepts no more requests, before a byte of the response arrived
	Sent         bool   // a byte of the request may have been sent
	Unprocessed  bool   // with Lost: the server has said that it did not process the request
	HTTP11       bool   // with Lost: the server requires HTTP/1.1 for the request
	Spent        bool   // the easy handle must not be used again
	HTTP2Only    bool   // from now on the easy handle may be used only on a connection that multiplexes
	Expects      bool   // the request was sent, and its body waits for 100 (Continue): over HTTP/2, where libcurl does not wait itself
	Hungry       bool   // libcurl has taken everything that was fed of the request's body, or 100 (Continue) has arrived; more is needed
	Detail       string // describes a failure, mostly in libcurl's words; may be empty
}

func newResult(result *C.struct_cshim_result) Result {
	converted := Result{
		Slot:         Slot(result.slot),
		Done:         result.flags&C.CSHIM_RESULT_DONE != 0,
		Code:         int(result.code),
		HeaderLength: int(result.header_length),
		Response:     view(result.response, result.header_length+result.body_length),
		Interim:      view(result.interim, result.interim_length),
		Trailer:      view(result.trailer, result.trailer_length),
		TooLarge:     result.flags&C.CSHIM_RESULT_TOO_LARGE != 0,
		GivenUp:      result.flags&C.CSHIM_RESULT_GIVEN_UP != 0,
		Malformed:    result.flags&C.CSHIM_RESULT_MALFORMED != 0,
		Excess:       result.flags&C.CSHIM_RESULT_EXCESS != 0,
		Lost:         result.flags&C.CSHIM_RESULT_LOST != 0,
		Spent:        result.flags&C.CSHIM_RESULT_SPENT != 0,
		HTTP2Only:    result.flags&C.CSHIM_RESULT_HTTP2_ONLY != 0,
		Sent:         result.flags&C.CSHIM_RESULT_SENT != 0,
		Unprocessed:  result.flags&C.CSHIM_RESULT_UNPROCESSED != 0,
		HTTP11:       result.flags&C.CSHIM_RESULT_HTTP11 != 0,
		Expects:      result.flags&C.CSHIM_RESULT_EXPECTS != 0,
		Hungry:       result.flags&C.CSHIM_RESULT_HUNGRY != 0,
	}
	if result.code != 0 {
		converted.Detail = C.GoString(result.detail)
	}
	return converted
}

// News describes what has changed on a connection.
type News struct {
	Connection  Connection
	Proven      bool // it is known whether the connection multiplexes
	Multiplexes bool // with Proven: HTTP/2
	Secured     bool // the TLS handshake is complete; never set without OpenSSL
	Announced   bool // the server has announced the end of the connection
	Unusable    bool // it accepts no more requests: the server broke the protocol, or sent close_notify
	Over        bool // it is closed, all of its requests have had their results, and its number may be used again
}

func newNews(news *C.struct_cshim_connection_news) News {
	return News{
		Connection:  Connection(news.connection),
		Proven:      news.flags&C.CSHIM_CONNECTION_PROVEN != 0,
		Multiplexes: news.flags&C.CSHIM_CONNECTION_MULTIPLEXES != 0,
		Secured:     news.flags&C.CSHIM_CONNECTION_SECURED != 0,
		Announced:   news.flags&C.CSHIM_CONNECTION_ANNOUNCED != 0,
		Unusable:    news.flags&C.CSHIM_CONNECTION_UNUSABLE != 0,
		Over:        news.flags&C.CSHIM_CONNECTION_OVER != 0,
	}
}

func view(data *C.char, length C.size_t) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(data)), int(length))
}
