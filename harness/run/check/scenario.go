package check

import (
	"fmt"
	"slices"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Scenario is a misbehaviour of the origin that needs no plan for the client.
// It happens once in a run, to the first request that it fits; everything else
// is answered honestly.
type Scenario struct {
	// ID never changes. If package scenario has the same situation, it has the
	// same id.
	ID string
	// Family groups scenarios of one kind.
	Family string
	// Summary says in one sentence what happens.
	Summary string
	// Rule quotes the requirement that the verdict rests on, with its source.
	Rule string
	// Needs says what a request must be like for the scenario to happen to it.
	Needs Need
	// Allows is what the client may do.
	Allows Reaction
	// HTTP2 is true for a scenario over HTTP/2, false for one over HTTP/1.1.
	HTTP2 bool
	// TLS is the version of TLS that the scenario needs, "1.2" or "1.3"; empty
	// for any.
	TLS string
	// Secured is true if the scenario makes no sense without TLS.
	Secured bool

	// Answer is how the request is answered. HoldStuck is the only hold that
	// works here, and fields about several requests have no effect.
	Answer scenario.Answer
	// Late is how long the client waits for the answer.
	Late time.Duration
	// Drip, if true, writes the response byte by byte.
	Drip bool
	// Early answers when the header section has arrived and the body has not, and
	// reads the body afterwards.
	Early bool
	// Move is what the origin does over HTTP/2.
	Move move
}

// Need is what a request must be like.
type Need string

// The needs.
const (
	// AnyRequest will do.
	AnyRequest Need = ""
	// Head: the method is HEAD.
	Head Need = "head"
	// Upload: it has a body of more than UploadBytes.
	Upload Need = "upload"
)

// UploadBytes is the minimum size of a body that counts as an upload: more than
// all buffers on the way can hold.
const UploadBytes = 100 << 10

// Reaction is what a client may do in a scenario.
type Reaction string

// The reactions.
const (
	// GoOn: every response is valid, and the client gets all of them.
	GoOn Reaction = "the client gets every response, and exits with 0"
	// Cease: the response is valid and the last one on its connection.
	Cease Reaction = "the client accepts the response, and sends no more requests on that connection"
	// Discard: the response is invalid. The client reports it, or repeats the request
	// on another connection.
	Discard Reaction = "the client discards the response, and does not use the connection again"
	// Incomplete: a part of the response is missing. The client reports it or repeats
	// the request.
	Incomplete Reaction = "the client reports that the response is incomplete, or repeats the request"
	// Recover: the framing is invalid, and RFC 9110 §2.4 lets a recipient recover what
	// was meant. The client reports it, repeats the request or reads the whole body.
	Recover Reaction = "the client reports it, repeats the request, or reads the whole body"
	// Unanswered: there is no response. The client reports it, or repeats the request
	// if its method is idempotent.
	Unanswered Reaction = "the client reports it, or repeats the request if its method is idempotent"
	// Refused: there is no response because the request was not processed. It may be
	// repeated whatever its method is.
	Refused Reaction = "the client reports it, or repeats the request"
	// Surplus: a valid response is followed by bytes that belong to no response.
	Surplus Reaction = "the client treats nothing after the response as a response"
	// Either: the client may take the response or discard it.
	Either Reaction = "the client accepts the response as it has to be read, or discards it, and ends"
	// Stop: the client need not send the rest of its request.
	Stop Reaction = "the client reads the response, and stops sending the body"
	// Within: the client keeps to a limit.
	Within Reaction = "the client keeps to the limit, and gets every response"
)

// All returns the table, in the order in which it is shown.
func All() []Scenario { return slices.Clone(table) }

// Match returns the scenarios for HTTP/2 or for HTTP/1.1 whose id matches the
// shell pattern. If there are none, the error says whether the other protocol has
// some, or else lists all ids.
func Match(pattern string, http2 bool) ([]Scenario, error) {
	choose := func(http2 bool) ([]Scenario, error) {
		of := slices.DeleteFunc(All(), func(s Scenario) bool { return s.HTTP2 != http2 && s.ID != honest })
		return scenario.Choose(of, func(s *Scenario) string { return s.ID }, pattern)
	}
	found, err := choose(http2)
	if err == nil {
		return found, nil
	}
	switch _, other := choose(!http2); {
	case other == nil && http2:
		return nil, fmt.Errorf("%q is about HTTP/1.1: leave out --http2", pattern)
	case other == nil:
		return nil, fmt.Errorf("%q is about HTTP/2: add --http2", pattern)
	}
	return nil, err
}

// fits reports whether the scenario can happen to a request with that method and
// that many bytes of body; -1 is a body of unknown length.
func (s *Scenario) fits(method string, bodyBytes int64) bool {
	switch s.Needs {
	case Head:
		return method == "HEAD"
	case Upload:
		return bodyBytes < 0 || bodyBytes >= UploadBytes
	}
	return method != "HEAD" && method != "CONNECT"
}

// forGateway returns the scenario with the rules for a proxy or a gateway.
func (s *Scenario) forGateway() *Scenario {
	if s.ID != "framing-field-folded" {
		return s
	}
	theirs := *s
	theirs.Allows, theirs.Rule = Either, gatewayFoldRule
	return &theirs
}

// ends reports whether a client must not use the connection after the scenario.
func (s *Scenario) ends() bool {
	switch s.Allows {
	case GoOn, Within:
		return false
	}
	return true
}

// NeedsEngine reports whether the origin has to send something that only OpenSSL
// can send.
func (s *Scenario) NeedsEngine() bool {
	return s.Answer.Event != scenario.NoEvent || s.Answer.EventAfter != scenario.NoEvent
}

// NeedsInterposer reports whether the origin has to know when the client is
// stuck.
func (s *Scenario) NeedsInterposer() bool { return s.Answer.Hold == scenario.HoldStuck }
