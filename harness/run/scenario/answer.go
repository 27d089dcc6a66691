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
	// Unread is how many bytes HoldUnread waits for. With more than all the
	// requests take that come before a large one, that one is half sent.
	Unread int
	// Event is what TLS sends when the hold is over.
	Event TLSEvent
	// Signal, if any, is raised for the client after that; the origin goes on
	// when the client has taken notice of it.
	Signal string
	// Linger is how long the origin then keeps the client waiting, reading and
	// writing nothing. It goes on early if the client closes the connection.
	Linger time.Duration

	// Redirect, if any, is the path that the client is told to go to instead.
	Redirect string
	// Chunked, if true, sends the body in chunks in place of a Content-Length.
	Chunked bool
	// HeadBody, if true, answers HEAD with the body that GET would get.
	HeadBody bool
	// Excess is how many bytes follow the body that belong to nothing.
	Excess int
	// Raw, if any, is sent in place of the response, byte for byte, but for
	// {id}, the field that has the request's id, and {body}, {length} and
	// {size}, which are its body and the length of that, in decimal and in
	// hexadecimal digits.
	Raw string
	// WithNext, if true, keeps the response back and writes it together with
	// the next one, in one write and in one TLS record if it fits.
	WithNext bool
	// SplitTail is how many bytes of the response are kept back and written
	// together with the next one.
	SplitTail int
	// SignalBlocked, if any, is raised for the client when it takes no more of
	// the response, or else when all of it is written.
	SignalBlocked string
	// EventAfter is what TLS sends behind the response, in one segment with
	// the end of it.
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
	// Drop, if true, closes the connection in place of answering.
	Drop bool
	// Reset, if true, does with a RST what Close, CutAfter or Drop would do
	// with a FIN.
	Reset bool

	// ResetStream, if not NO_ERROR, resets the stream in place of ending the
	// response, behind CutAfter bytes of its body or, with none, in place of all
	// of it. Over HTTP/2.
	ResetStream http2.ErrCode

	// Always, if true, answers the request like this each time that it comes.
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
	// HoldGone waits until the client has given the request up, over HTTP/2.
	HoldGone Hold = "gone"
	// HoldQuiet waits to see whether anything comes behind the request: until
	// something does, or nothing has for QuietTime.
	HoldQuiet Hold = "quiet"
)

// TLSEvent is a TLS message that is sent outside of a handshake. The origin
// needs OpenSSL for it.
type TLSEvent string

// What TLS can send.
const (
	// NoEvent: nothing of its own.
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

// QuietTime is how long nothing has to come to count as nothing. A client that
// sends a request behind another one does so long before.
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

// OverHTTP2 reports whether HTTP/2 has such an answer.
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
		return fmt.Errorf("what is sent byte for byte is nothing else")
	case a.Reset && (ends == 0 || a.CloseAnnounced):
		return fmt.Errorf("nothing is to be cut off with a RST")
	case a.joins() && ends > 0:
		return fmt.Errorf("the response is kept back but the connection is closed")
	case a.WithNext && a.SplitTail > 0:
		return fmt.Errorf("the response is kept back both whole and in part")
	case a.EventAfter != NoEvent && (ends > 0 || a.joins()):
		return fmt.Errorf("nothing can follow a response that is kept back or ends the connection")
	case a.joins() && a.Hold != HoldNext && a.Hold != HoldRest:
		return fmt.Errorf("the response is kept back for one that may never come: it needs a hold")
	}
	switch a.Hold {
	case HoldNothing, HoldStuck, HoldUnread, HoldNext, HoldRest, HoldGone, HoldQuiet:
		return nil
	}
	return fmt.Errorf("nobody knows how to wait for %q", a.Hold)
}
