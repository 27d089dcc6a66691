package scenario

import (
	"fmt"
	"time"

	"golang.org/x/net/http2"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Answer is how the origin answers one request. The zero value is honest: the
// whole response, at once.
//
// An answer applies to the first time that its request arrives. A request that
// the client makes once more is answered honestly, unless Always is set.
type Answer struct {
	// Hold is what the origin waits for before it answers.
	Hold Hold
	// Unread is how many bytes HoldUnread waits for. If this is more than all
	// requests before a large one take, the large one has been sent in part by
	// then.
	Unread int
	// Event is the TLS message that is sent after the hold.
	Event TLSEvent
	// Signal, if not empty, is then sent to the client. The origin continues when
	// the client has taken notice of it.
	Signal string
	// Linger is how long the origin then makes the client wait, without reading
	// or writing. It ends early if the client closes the connection.
	Linger time.Duration

	// Redirect, if not empty, is the path to which the client is redirected.
	Redirect string
	// Chunked, if true, sends the body in chunks instead of with a
	// Content-Length.
	Chunked bool
	// HeadBody, if true, answers HEAD with the body that GET would get.
	HeadBody bool
	// Excess is how many bytes follow the body without belonging to anything.
	Excess int
	// Raw, if not empty, is sent instead of the response, byte for byte. In it,
	// {id} stands for the field that has the request's id, {body} for its body,
	// and {length} and {size} for the length of the body in decimal and in
	// hexadecimal digits.
	Raw string
	// WithNext, if true, keeps the response back and writes it together with
	// the next one, in one write and in one TLS record if it fits.
	WithNext bool
	// SplitTail is how many bytes of the response are kept back and written
	// together with the next one.
	SplitTail int
	// SignalBlocked, if not empty, is sent to the client when it accepts no more
	// of the response, or when all of the response is written.
	SignalBlocked string
	// EventAfter is the TLS message that follows the response, in one segment
	// with its end.
	EventAfter TLSEvent

	// CloseAnnounced, if true, announces in the response that the connection
	// will be closed, and does so. Over HTTP/2 a GOAWAY announces it, behind the
	// response; streams that were opened later are not answered.
	CloseAnnounced bool
	// Close, if true, closes the connection after the response, unannounced.
	Close bool
	// CutAfter, if not 0, is how many bytes of the body are sent before the
	// connection is closed.
	CutAfter int
	// Drop, if true, closes the connection instead of answering.
	Drop bool
	// Reset, if true, sends a RST where Close, CutAfter or Drop would send a FIN.
	Reset bool

	// ResetStream, if not NO_ERROR, resets the stream instead of ending the
	// response: after CutAfter bytes of its body or, if CutAfter is 0, instead of
	// all of it. Over HTTP/2.
	ResetStream http2.ErrCode

	// Always, if true, gives this answer each time that the request arrives.
	Always bool
}

// Hold is a condition that the origin waits for before it answers a request.
type Hold string

// What the origin can wait for.
const (
	// HoldNothing answers at once.
	HoldNothing Hold = ""
	// HoldStuck reads nothing and waits until the client is stuck in a write.
	HoldStuck Hold = "stuck"
	// HoldUnread reads nothing and waits until Unread bytes have come.
	HoldUnread Hold = "unread"
	// HoldNext waits for the request after this one, on the same connection.
	HoldNext Hold = "next"
	// HoldRest waits until all requests of the run have arrived that are in
	// the plan from the start.
	HoldRest Hold = "rest"
	// HoldGone waits until the client has cancelled the request, over HTTP/2.
	HoldGone Hold = "gone"
	// HoldQuiet waits until something follows the request, or until nothing has
	// arrived for QuietTime.
	HoldQuiet Hold = "quiet"
)

// TLSEvent is a TLS message outside of a handshake. The origin needs OpenSSL to
// send it.
type TLSEvent string

// What TLS can send.
const (
	// NoEvent: no message.
	NoEvent TLSEvent = ""
	// HelloRequest asks the client for a new handshake (TLS 1.2).
	HelloRequest TLSEvent = "HelloRequest"
	// KeyUpdate changes the key and asks the client to do the same (TLS 1.3).
	KeyUpdate TLSEvent = "KeyUpdate"
	// NewSessionTicket is one more ticket (TLS 1.3).
	NewSessionTicket TLSEvent = "NewSessionTicket"
)

// version is the version of TLS that has the event; empty for NoEvent.
func (e TLSEvent) version() string {
	switch e {
	case HelloRequest:
		return plan.TLS12
	case KeyUpdate, NewSessionTicket:
		return plan.TLS13
	}
	return ""
}

// QuietTime is the time without new bytes that counts as the end. A client that
// sends a request behind another one does so much sooner.
const QuietTime = 100 * time.Millisecond

// Honest reports whether an honest origin would give this answer.
func (a Answer) Honest() bool {
	a.Always = false
	return a == Answer{}
}

// Ends reports whether the connection ends with the answer.
func (a Answer) Ends() bool {
	return a.CloseAnnounced || a.Close || a.CutAfter > 0 && a.ResetStream == http2.ErrCodeNo || a.Drop
}

// OverHTTP2 reports whether the answer is possible over HTTP/2.
func (a Answer) OverHTTP2() bool {
	a.Hold, a.Signal, a.Linger = HoldNothing, "", 0
	a.CloseAnnounced, a.Close, a.CutAfter, a.Drop, a.Reset, a.Always = false, false, 0, false, false, false
	a.ResetStream = http2.ErrCodeNo
	return a.Honest()
}

// overHTTP1 reports whether HTTP/1.1 has such an answer.
func (a Answer) overHTTP1() bool {
	return a.ResetStream == http2.ErrCodeNo && a.Hold != HoldGone
}

// joins reports whether the answer is written together with the next one.
func (a Answer) joins() bool {
	return a.WithNext || a.SplitTail > 0
}

// check returns what is wrong with the answer; nil if it can be given.
func (a Answer) check() error {
	ends := 0
	for _, each := range []bool{a.CloseAnnounced, a.Close, a.CutAfter > 0 && a.ResetStream == http2.ErrCodeNo, a.Drop,
		a.ResetStream != http2.ErrCodeNo} {
		if each {
			ends++
		}
	}
	switch {
	case (a.Unread > 0) != (a.Hold == HoldUnread):
		return fmt.Errorf("it takes both a hold and a number to wait for unread bytes")
	case a.Excess < 0 || a.SplitTail < 0 || a.CutAfter < 0 || a.Linger < 0:
		return fmt.Errorf("a number is below 0")
	case ends > 1:
		return fmt.Errorf("it ends in several ways")
	case a.Raw != "" && (a.Redirect != "" || a.Chunked || a.HeadBody || a.Excess > 0 || a.CloseAnnounced):
		return fmt.Errorf("with Raw, no other field of a response may be set")
	case a.Reset && (ends == 0 || a.CloseAnnounced):
		return fmt.Errorf("a RST needs Close, CutAfter or Drop")
	case a.joins() && ends > 0:
		return fmt.Errorf("the response is kept back but the connection is closed")
	case a.WithNext && a.SplitTail > 0:
		return fmt.Errorf("the response is kept back both whole and in part")
	case a.EventAfter != NoEvent && (ends > 0 || a.joins()):
		return fmt.Errorf("nothing can follow a response that is kept back or ends the connection")
	case a.joins() && a.Hold != HoldNext && a.Hold != HoldRest:
		return fmt.Errorf("the response is kept back for another one that may never come: it needs a hold")
	}
	switch a.Hold {
	case HoldNothing, HoldStuck, HoldUnread, HoldNext, HoldRest, HoldGone, HoldQuiet:
		return nil
	}
	return fmt.Errorf("unknown hold %q", a.Hold)
}
