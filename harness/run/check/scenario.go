package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Scenario is a misbehaviour of the origin that needs no plan for the client.
// It happens once in a run, to the first request that it fits; everything else
// is answered honestly.
type Scenario struct {
	// ID is a word that never changes. Where the laboratory has the same
	// scenario, the word is the same.
	ID string
	// Family is a word for what scenarios like this one are about.
	Family string
	// Summary says in one sentence what happens.
	Summary string
	// Rule is the sentence that the verdict comes from, with its source.
	Rule string
	// Needs is what a request has to be like that it happens to.
	Needs Need
	// Allows is what the client may do.
	Allows Reaction
	// HTTP2 is true if it is about HTTP/2, and no HTTP/1.1 will do.
	HTTP2 bool
	// TLS is the one version of TLS that has it, "1.2" or "1.3"; empty for any.
	TLS string
	// Secured, if true, says that it means nothing without TLS.
	Secured bool

	// Answer is how the request is answered. Its holds but HoldStuck, and what
	// is about several requests, have no meaning here.
	Answer scenario.Answer
	// Late is how long the answer keeps the client waiting.
	Late time.Duration
	// Drip, if true, writes the response byte by byte.
	Drip bool
	// Early, if true, answers when the header section is there and the body is
	// not, and reads the body afterwards.
	Early bool
	// Move is what HTTP/2 does.
	Move move
}

// Need is what a request has to be like.
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

// UploadBytes is how large a request has to be at least to count as an upload,
// in bytes: more than the buffers on the way take.
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
	Surplus Reaction = "the client takes nothing after the response for a response"
	// Either: the client may take the response or discard it.
	Either Reaction = "the client accepts the response in its one valid reading, or discards it, and ends"
	// Stop: the client need not send the rest of its request.
	Stop Reaction = "the client reads the response, and stops sending the body"
	// Within: the client keeps to a limit.
	Within Reaction = "the client keeps to the limit, and gets every response"
)

// All returns the table, in the order in which it is shown.
func All() []Scenario { return slices.Clone(table) }

// Match returns the scenarios for HTTP/2 or for HTTP/1.1 whose id matches the
// shell pattern. If there are none, the error lists all ids.
func Match(pattern string, http2 bool) ([]Scenario, error) {
	var found []Scenario
	var ids []string
	for _, s := range table {
		matched, err := path.Match(pattern, s.ID)
		if err != nil {
			return nil, fmt.Errorf("scenario pattern %q: %w", pattern, err)
		}
		if s.HTTP2 != http2 && s.ID != honest {
			continue
		}
		ids = append(ids, s.ID)
		if matched {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no scenario matches %q; there are: %s", pattern, strings.Join(ids, ", "))
	}
	return found, nil
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

// forGateway returns what the scenario is to a proxy or a gateway.
func (s *Scenario) forGateway() *Scenario {
	if s.ID != "framing-field-folded" {
		return s
	}
	theirs := *s
	theirs.Allows, theirs.Rule = Either, gatewayFoldRule
	return &theirs
}

// ends reports whether the connection has no use any more when the client has
// seen it.
func (s *Scenario) ends() bool {
	switch s.Allows {
	case GoOn, Within:
		return false
	}
	return true
}

// NeedsEngine reports whether the origin has to send what only OpenSSL can.
func (s *Scenario) NeedsEngine() bool {
	return s.Answer.Event != scenario.NoEvent || s.Answer.EventAfter != scenario.NoEvent
}

// NeedsInterposer reports whether the origin has to see when the client is stuck.
func (s *Scenario) NeedsInterposer() bool { return s.Answer.Hold == scenario.HoldStuck }
