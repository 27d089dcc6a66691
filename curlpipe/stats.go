package curlpipe

import (
	"reflect"
	"sync/atomic"
)

// Stats has the counters of a transport, which start at 0 when it is made. Requests is
// the sum of Answered, Failed, Abandoned and the requests that still wait for their
// response. The counters of TLS stay 0 unless libcurl's TLS library is OpenSSL.
type Stats struct {
	Mode Mode // how new requests share a connection; empty before the first one

	ConnectionsOpened  uint64 // including attempts that failed
	ConnectionsClosed  uint64 // sum of the next four
	ClosedByClient     uint64 // the client closed first
	ClosedByServer     uint64 // the server closed first
	ResetByServer      uint64 // a RST arrived, or the network failed
	NotConnected       uint64 // the connection was never established
	ConnectionsGivenUp uint64 // of ClosedByClient: because of MaxAbandonedBytes, MaxAbandonedTime or an unfinished upload

	Handshakes     uint64 // TLS handshakes that made a new session
	Resumptions    uint64 // TLS handshakes that resumed a session
	Renegotiations uint64 // later handshakes on a connection, up to TLS 1.2
	WantWrite      uint64 // TLS writes that the socket did not accept at once (SSL_ERROR_WANT_WRITE)
	WantRead       uint64 // renegotiations that had to wait for the server (SSL_ERROR_WANT_READ)
	BytesSent      uint64 // request bytes before TLS, counted when the request has ended
	BytesReceived  uint64 // response bytes, without TLS and transfer coding

	Requests        uint64 // taken from callers
	Answered        uint64 // returned to the caller with a response
	Failed          uint64 // returned to the caller with an error other than the context's
	Abandoned       uint64 // context ended before the response
	BodiesAbandoned uint64 // bodies closed, or context ended, before their end
	BodiesUnread    uint64 // bodies that failed with ErrBodyUnread
	Retries         uint64 // requests sent again after their connection had ended
	InFlight        int64  // requests in libcurl, abandoned ones included
	Queued          int64  // requests that wait for room on a connection
	EasyHandles     int64  // libcurl's easy handles, in use or kept for the next request
}

// counters is the part of Stats that this package counts itself.
type counters struct {
	requests, answered, failed, abandoned, bodiesAbandoned, unread, resent, givenUp, notConnected atomic.Uint64
	inFlight, queued, easyHandles                                                                 atomic.Int64
}

// count counts a request that has ended for its caller.
func (c *counters) count(err error) {
	if err != nil {
		c.failed.Add(1)
	} else {
		c.answered.Add(1)
	}
}

// Stats returns the counters. It may be called from any goroutine, and after Close.
// Each number is exact, but they are not taken at the same instant.
func (t *Transport) Stats() Stats {
	t.starting.Lock()
	defer t.starting.Unlock()
	t.settleReplaced()
	total := t.past
	for _, e := range t.engines() {
		total.add(e.stats())
	}
	return total
}

// add adds another transport's counters, and takes over its mode.
func (s *Stats) add(other Stats) {
	sum, more := reflect.ValueOf(s).Elem(), reflect.ValueOf(other)
	for i := range sum.NumField() {
		switch field := sum.Field(i); {
		case field.CanUint():
			field.SetUint(field.Uint() + more.Field(i).Uint())
		case field.CanInt():
			field.SetInt(field.Int() + more.Field(i).Int())
		default:
			field.Set(more.Field(i)) // the mode
		}
	}
}

// stats returns the counters of one engine.
func (e *engine) stats() Stats {
	loop, own := e.loop.Counters(), &e.counters
	return Stats{
		Mode: e.settings.mode,

		ConnectionsOpened:  loop.SocketsOpened + own.notConnected.Load(),
		ConnectionsClosed:  loop.SocketsClosed + own.notConnected.Load(),
		ClosedByClient:     loop.ClosedByClient,
		ClosedByServer:     loop.ClosedByServer,
		ResetByServer:      loop.ResetByServer,
		NotConnected:       own.notConnected.Load(),
		ConnectionsGivenUp: loop.GivenUp + own.givenUp.Load(),

		Handshakes:     loop.Handshakes,
		Resumptions:    loop.Resumptions,
		Renegotiations: loop.Renegotiations,
		WantWrite:      loop.WantWrite,
		WantRead:       loop.WantRead,
		BytesSent:      loop.BytesSent,
		BytesReceived:  loop.BytesReceived,

		Requests:        own.requests.Load(),
		Answered:        own.answered.Load(),
		Failed:          own.failed.Load(),
		Abandoned:       own.abandoned.Load(),
		BodiesAbandoned: own.bodiesAbandoned.Load(),
		BodiesUnread:    own.unread.Load(),
		Retries:         own.resent.Load(),
		InFlight:        own.inFlight.Load(),
		Queued:          own.queued.Load(),
		EasyHandles:     own.easyHandles.Load(),
	}
}
