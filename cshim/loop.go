package cshim

/*
#cgo !darwin pkg-config: libcurl
#cgo CFLAGS: -std=gnu11 -Wall -Wextra
#cgo curlpipe_poll CFLAGS: -DCSHIM_POLL
#cgo darwin LDFLAGS: -lcurl
#cgo !darwin LDFLAGS: -rdynamic
#cgo linux LDFLAGS: -ldl
#include <errno.h>
#include <stdlib.h>
#include "cshim.h"

// Each of these stays in C: none calls Go.
#cgo nocallback cshim_http2_watched
#cgo nocallback cshim_loop_new
#cgo nocallback cshim_loop_close
#cgo nocallback cshim_loop_free
#cgo nocallback cshim_loop_connect
#cgo nocallback cshim_loop_disconnect
#cgo nocallback cshim_loop_break
#cgo nocallback cshim_loop_text
#cgo nocallback cshim_loop_connection_news
#cgo nocallback cshim_loop_attach
#cgo nocallback cshim_loop_detach
#cgo nocallback cshim_loop_run
#cgo nocallback cshim_loop_results
#cgo nocallback cshim_loop_wake
#cgo nocallback cshim_loop_drop
#cgo nocallback cshim_loop_give_up
#cgo nocallback cshim_loop_consumed
#cgo nocallback cshim_loop_feed
#cgo nocallback cshim_loop_log_keys
#cgo nocallback cshim_loop_count
#cgo noescape cshim_loop_new
#cgo noescape cshim_loop_run
#cgo noescape cshim_loop_feed
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// MaxBatch is the maximum number of requests, and of results, in one
// [Loop.Run].
const MaxBatch = C.CSHIM_MAX_BATCH

// ErrMulti says that a function of libcurl's multi handle failed.
var ErrMulti = errors.New("cshim: libcurl's multi handle failed")

// ErrPrivate says that the private pointer of an easy handle is already set. A
// loop needs that pointer for itself.
var ErrPrivate = errors.New("cshim: CURLOPT_PRIVATE is set")

// ErrClosed is returned by the methods of a closed loop.
var ErrClosed = errors.New("cshim: the loop is closed")

// HTTP2Watched reports whether loops can see how the streams of HTTP/2
// connections end. Otherwise HTTP/2 must not be used, because a truncated
// response would count as complete. It needs a libcurl that loads nghttp2 as a
// shared library, and this package linked into the executable, not into a
// shared library.
func HTTP2Watched() bool { return bool(C.cshim_http2_watched()) }

// Patched reports whether libcurl has the patches that a loop needs to
// pipeline: the DOING phase, and the socket bookkeeping without which DOING
// hangs with curl_multi_socket_action(). It asks the library itself, which must
// be initialized.
func Patched() bool {
	const needed = 1<<0 | 1<<1 // groups 01 and 02
	return C.cshim_pipeline_groups()&needed == needed
}

// Mode is how requests to one host share its connections.
type Mode int

// The modes. A loop does not check whether libcurl supports its mode.
const (
	InTurn       Mode = C.CSHIM_IN_TURN      // HTTP/1.1, one request a connection at a time
	Pipelining   Mode = C.CSHIM_PIPELINING   // HTTP/1.1, pipelined
	Multiplexing Mode = C.CSHIM_MULTIPLEXING // HTTP/2, where the server speaks it
)

// Limits are the limits of a loop. There are no defaults: all fields must be set,
// except DroppedBytes and the fields after it.
type Limits struct {
	Mode           Mode
	PipelineLength int   // maximum number of requests on one connection, 1 or more
	HeaderBytes    int64 // a response whose header or trailer section is larger is read and not kept
	ResponseBytes  int64 // a response that is not streamed and is larger, header and body, is read and not kept
	WindowBytes    int64 // bytes of a streamed body that the caller may leave unread before reading stops
	DroppedBytes   int64 // bytes of an unwanted response that are read before its connection is closed
	Coalesce       bool  // if requests share a connection: few system calls for many TLS records
	WakeOne        bool  // runs one request of an HTTP/2 connection when data arrives, not all; restarts CURLOPT_LOW_SPEED_TIME

	// CAFile has certificate authorities in PEM, for connections whose handles name
	// none. All loops share the parsed authorities until the content of the file
	// changes. If CAFile is empty, the options of the handles decide.
	CAFile string

	// TLSLowest and TLSHighest limit the version of TLS, as crypto/tls numbers it,
	// where libcurl has no option for that; 0 means no limit. Without OpenSSL 1.1.1
	// or later, connections with a limit fail.
	TLSLowest, TLSHighest uint16

	// CheckNames refuses a certificate that does not name the server during the
	// handshake, so that the server receives an alert, if certificates are verified
	// at all. Otherwise the options of the handles decide, after the handshake.
	CheckNames bool

	// OnlyHTTP2 offers https servers nothing but HTTP/2 [RFC 7301]. Without OpenSSL
	// 1.1.1 or later, connections over TLS then fail.
	OnlyHTTP2 bool
}

// Slot names an attached easy handle.
type Slot uint32

// Loop is an event loop with its connections. Only one goroutine at a time may
// use it, but any goroutine may call [Loop.Wake] and [Loop.Counters].
type Loop struct {
	handle  *C.struct_cshim_loop
	shared  sync.Mutex // guards handle when other goroutines than the owner use it
	results []Result
	news    []News
	final   Counters // the counters when the loop was closed
}

// NewLoop makes a loop. The caller closes it.
func NewLoop(limits Limits) (*Loop, error) {
	if limits.PipelineLength < 1 ||
		limits.HeaderBytes < 1 || limits.ResponseBytes < 1 || limits.WindowBytes < 1 ||
		limits.DroppedBytes < 0 {
		return nil, fmt.Errorf("cshim: limits %+v: each has to be positive", limits)
	}
	var authorities *C.char
	if limits.CAFile != "" {
		authorities = C.CString(limits.CAFile)
		defer C.free(unsafe.Pointer(authorities))
	}
	// not every system can make a pipe close-on-exec in one step
	syscall.ForkLock.RLock()
	handle, err := C.cshim_loop_new(&C.struct_cshim_limits{
		mode:            uint32(limits.Mode),
		pipeline_length: C.long(limits.PipelineLength),
		header_bytes:    C.size_t(limits.HeaderBytes),
		response_bytes:  C.size_t(limits.ResponseBytes),
		window_bytes:    C.size_t(limits.WindowBytes),
		dropped_bytes:   C.size_t(limits.DroppedBytes),
		coalesce:        C.bool(limits.Coalesce),
		wake_one:        C.bool(limits.WakeOne),
		ca_file:         authorities,
		tls_lowest:      C.int(limits.TLSLowest),
		tls_highest:     C.int(limits.TLSHighest),
		check_names:     C.bool(limits.CheckNames),
		only_http2:      C.bool(limits.OnlyHTTP2),
	})
	syscall.ForkLock.RUnlock()
	if handle == nil {
		return nil, fmt.Errorf("cshim: cannot make an event loop: %w", err)
	}
	return &Loop{handle: handle}, nil
}

// Close cancels every request, closes every connection and frees the loop. Easy
// handles that are still attached are detached but not freed. Closing twice is
// allowed.
func (l *Loop) Close() {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.handle == nil {
		return
	}
	C.cshim_loop_close(l.handle)
	l.final = l.counters()
	C.cshim_loop_free(l.handle)
	l.handle = nil
	l.results = nil
}

// IsPrivate reports whether the private pointer of an easy handle is set, so
// that [Loop.Attach] would fail with [ErrPrivate].
func IsPrivate(easy unsafe.Pointer) bool { return bool(C.cshim_is_private(easy)) }

// Attach ties an easy handle (a CURL *, go-curl's GetHandle) to the loop. The
// loop then owns its callbacks (read, seek, write, header, sockets, TLS
// context) with their data, its error buffer, its private pointer and its
// share, and turns libcurl's decoding of transfer and content codings off. All
// other options stay as the caller set them. The caller cleans the handle up
// after [Loop.Detach] or [Loop.Close]. The error is [ErrPrivate] if the private
// pointer is already set.
func (l *Loop) Attach(easy unsafe.Pointer) (Slot, error) {
	if l.handle == nil {
		return 0, ErrClosed
	}
	slot := C.cshim_loop_attach(l.handle, easy)
	if slot == -C.EBUSY {
		return 0, ErrPrivate
	}
	if slot < 0 {
		return 0, fmt.Errorf("cshim: cannot attach an easy handle: %w", failure(slot))
	}
	return Slot(slot), nil
}

// Detach removes an easy handle from the loop. If the handle still has a
// request, the request is cancelled, which closes its connection.
func (l *Loop) Detach(slot Slot) {
	if l.handle != nil {
		C.cshim_loop_detach(l.handle, C.uint32_t(slot))
	}
}

// Run submits the batch in order and empties it. It runs until there is an
// event of a request or connection, [Loop.Wake] was called, or wait has passed
// (negative: no limit). The results, perhaps none, are valid until the next
// call of Run, Disconnect or Close. [Loop.News] has the other events. After an
// error, only Close may be called.
func (l *Loop) Run(batch *Batch, wait time.Duration) ([]Result, error) {
	if l.handle == nil {
		return nil, ErrClosed
	}
	batch.rest()
	count := C.cshim_loop_run(l.handle, unsafe.SliceData(batch.requests), C.size_t(len(batch.requests)),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(batch.text))), milliseconds(wait))
	batch.reset()
	if count < 0 {
		return nil, failure(count)
	}
	l.results = l.results[:0]
	for _, result := range unsafe.Slice(C.cshim_loop_results(l.handle), int(count)) {
		l.results = append(l.results, newResult(&result))
	}
	l.news = l.news[:0]
	var news *C.struct_cshim_connection_news
	number := C.cshim_loop_connection_news(l.handle, &news)
	for _, each := range unsafe.Slice(news, int(number)) {
		l.news = append(l.news, newNews(&each))
	}
	return l.results, nil
}

// News returns the events of connections in the last Run that follow its
// results. It is valid until the next Run.
func (l *Loop) News() []News { return l.news }

// Connection identifies a connection of a loop, from [Loop.Connect] until its
// end is reported or [Loop.Disconnect].
type Connection uint32

// Connect adds a connected stream socket to the loop, by its descriptor. The
// loop closes the socket; after an error the caller keeps it.
func (l *Loop) Connect(socket int) (Connection, error) {
	if l.handle == nil {
		return 0, ErrClosed
	}
	number := C.cshim_loop_connect(l.handle, C.int(socket))
	if number < 0 {
		return 0, fmt.Errorf("cshim: cannot take a connection: %w", failure(number))
	}
	return Connection(number), nil
}

// Disconnect closes a connection. Its requests end without a result, and their
// easy handles must not be used again. No further event of the connection is
// reported.
func (l *Loop) Disconnect(connection Connection) {
	if l.handle != nil {
		C.cshim_loop_disconnect(l.handle, C.uint32_t(connection))
	}
}

// Wake makes the current or the next Run return at once. It costs a system call
// only while the loop sleeps. Any goroutine may call it, even after Close.
func (l *Loop) Wake() {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.handle != nil {
		C.cshim_loop_wake(l.handle)
	}
}

// Drop discards the response to the request in slot, including the part that
// has not arrived. The request still ends with a result.
func (l *Loop) Drop(slot Slot) {
	if l.handle != nil {
		C.cshim_loop_drop(l.handle, C.uint32_t(slot))
	}
}

// GiveUp ends the request in slot without a result. If the request was sent
// over HTTP/1.1, its connection is closed, and the other requests on it start
// over. The easy handle must not be used again.
func (l *Loop) GiveUp(slot Slot) {
	if l.handle != nil {
		C.cshim_loop_give_up(l.handle, C.uint32_t(slot))
	}
}

// Consumed tells the loop that the caller has used this many bytes of a streamed
// body, which makes room for more.
func (l *Loop) Consumed(slot Slot, bytes int) {
	if l.handle != nil {
		C.cshim_loop_consumed(l.handle, C.uint32_t(slot), C.size_t(bytes))
	}
}

// Feed appends a piece to the body of the request in slot; last marks the final
// piece. The piece is copied. It is ignored if the request has ended.
func (l *Loop) Feed(slot Slot, piece []byte, last bool) error {
	if l.handle == nil {
		return ErrClosed
	}
	var end C.int
	if last {
		end = 1
	}
	code := C.cshim_loop_feed(l.handle, C.uint32_t(slot),
		(*C.char)(unsafe.Pointer(unsafe.SliceData(piece))), C.size_t(len(piece)), end)
	if code < 0 {
		return failure(code)
	}
	return nil
}

// LogKeys appends the secrets of all later TLS connections to a file, given by its
// descriptor, in the format of SSLKEYLOGFILE. The caller must keep the file open
// until the loop is closed.
func (l *Loop) LogKeys(file uintptr) {
	if l.handle != nil {
		C.cshim_loop_log_keys(l.handle, C.int(file))
	}
}

// Break ends a connection: its requests fail in the next Run, as if the server
// had closed it, and that Run reports its end.
func (l *Loop) Break(connection Connection) {
	if l.handle != nil {
		C.cshim_loop_break(l.handle, C.uint32_t(connection))
	}
}

// Text returns the text of the last request in slot. It is in C memory, and valid
// until the slot gets another request or is detached.
func (l *Loop) Text(slot Slot) Text {
	if l.handle == nil {
		return nil
	}
	var length C.size_t
	text := C.cshim_loop_text(l.handle, C.uint32_t(slot), &length)
	return view(text, length)
}

// Counters are the counters of a loop, which start at 0 when it is made. The
// counters of TLS stay 0 unless libcurl's TLS library is OpenSSL.
type Counters struct {
	SocketsOpened  uint64 // sockets that the loop was given
	SocketsClosed  uint64 // sum of the next three
	ClosedByClient uint64 // the client closed first
	ClosedByServer uint64 // the server closed first
	ResetByServer  uint64 // a RST arrived, or the network failed
	GivenUp        uint64 // connections closed because an unwanted response was too long
	Handshakes     uint64 // TLS handshakes that made a new session
	Resumptions    uint64 // TLS handshakes that resumed a session
	Renegotiations uint64 // later handshakes on a connection, up to TLS 1.2
	WantWrite      uint64 // TLS writes that the socket did not accept
	WantRead       uint64 // renegotiations that had to wait for the server
	BytesSent      uint64 // request bytes before TLS, counted at the request's end
	BytesReceived  uint64 // response bytes, with transfer coding, without TLS
}

// Counters returns the counters. It may be called from any goroutine, and after
// Close.
func (l *Loop) Counters() Counters {
	l.shared.Lock()
	defer l.shared.Unlock()
	if l.handle == nil {
		return l.final
	}
	return l.counters()
}

func (l *Loop) counters() Counters {
	count := func(which uint32) uint64 { return uint64(C.cshim_loop_count(l.handle, which)) }
	return Counters{
		SocketsOpened:  count(C.CSHIM_SOCKETS_OPENED),
		SocketsClosed:  count(C.CSHIM_SOCKETS_CLOSED),
		ClosedByClient: count(C.CSHIM_CLOSED_BY_CLIENT),
		ClosedByServer: count(C.CSHIM_CLOSED_BY_SERVER),
		ResetByServer:  count(C.CSHIM_RESET_BY_SERVER),
		GivenUp:        count(C.CSHIM_GIVEN_UP),
		Handshakes:     count(C.CSHIM_HANDSHAKES),
		Resumptions:    count(C.CSHIM_RESUMPTIONS),
		Renegotiations: count(C.CSHIM_RENEGOTIATIONS),
		WantWrite:      count(C.CSHIM_WANT_WRITE),
		WantRead:       count(C.CSHIM_WANT_READ),
		BytesSent:      count(C.CSHIM_BYTES_SENT),
		BytesReceived:  count(C.CSHIM_BYTES_RECEIVED),
	}
}

// failure turns a negative answer of the C side into an error.
func failure(code C.int) error {
	if code == C.CSHIM_MULTI_FAILED {
		return ErrMulti
	}
	return syscall.Errno(-code)
}

// milliseconds rounds up, so that a wait is never shorter than requested.
func milliseconds(wait time.Duration) C.int {
	if wait < 0 {
		return -1
	}
	return C.int(min((wait+time.Millisecond-1)/time.Millisecond, math.MaxInt32))
}
