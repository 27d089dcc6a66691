package check

import (
	"slices"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Rules of framing on which several scenarios are based.
const (
	lengthRule = "RFC 9112 §6.3: \"If a message is received without Transfer-Encoding and with an invalid Content-Length " +
		"header field, then the message framing is invalid and the recipient MUST treat it as an unrecoverable error\"; " +
		"a user agent \"MUST close the connection to the server and discard the received response\""
	foldRule = "RFC 9112 §5.2: \"A user agent that receives an obs-fold in a response message ... MUST replace each " +
		"received obs-fold with one or more SP octets prior to interpreting the field value.\""
	gatewayFoldRule = "RFC 9112 §5.2: \"A proxy or gateway that receives an obs-fold in a response message ... MUST either " +
		"discard the message and replace it with a 502 (Bad Gateway) response ... or replace each received obs-fold\""
	octetRule = "RFC 9110 §5.5: \"a recipient of CR, LF, or NUL within a field value MUST either reject the message or " +
		"replace each of those characters with SP\""
	lineRule = "RFC 9112 §5: a header section is a sequence of field lines; what a client does with a line that is none, it " +
		"is free to choose"
	statusRule = "RFC 9110 §15: \"A client that receives a response with an invalid status code SHOULD process the response " +
		"as if it had a 5xx (Server Error) status code.\""
	chunksRule = "RFC 9112 §8: a client that decodes a \"supposedly chunked transfer coding\" and fails \"MUST record the message as " +
		"incomplete\"; RFC 9110 §2.4: \"a recipient MAY attempt to recover a usable protocol element from an invalid construct\""
	interimRule = "RFC 9110 §15.2: \"A client MUST be able to parse one or more 1xx responses received prior to a final " +
		"response, even if the client does not expect one.\""
)

// readings says, by the id of the laboratory's scenario, how a client may read
// the response if it does not share its connection. It may accept or discard
// all other responses, by RFC 9112 §6.3.
var readings = map[string]struct {
	allows Reaction
	rule   string
}{
	"framing-length-invalid": {Discard, lengthRule},
	"framing-lengths-differ": {Discard, lengthRule},
	"framing-lengths-equal": {Either, "RFC 9110 §8.6: a recipient of the same length several times \"MUST either reject " +
		"the message as invalid or replace the invalid field value with a single valid Content-Length\""},
	"framing-length-and-coding": {Either, "RFC 9112 §6.3: \"the Transfer-Encoding overrides the Content-Length. Such a message " +
		"might indicate an attempt to perform request smuggling or response splitting and ought to be handled as an error\""},
	"framing-coding-unknown": {Either, "RFC 9112 §6.3: \"If a Transfer-Encoding header field is present in a response and the " +
		"chunked transfer coding is not the final encoding, the message body length is determined by reading the connection " +
		"until it is closed by the server.\""},
	"framing-coding-folded": {Either, foldRule},
	"framing-field-folded":  {GoOn, foldRule},
	"framing-space-before-colon": {Either, "RFC 9112 §5.1: \"No whitespace is allowed between the field name and colon.\" What " +
		"a user agent does with it, it is free to choose"},
	"framing-nul":                 {Either, octetRule},
	"framing-bare-cr":             {Either, octetRule},
	"framing-second-status-line":  {Either, lineRule},
	"framing-status-line-invalid": {Either, statusRule},
	"framing-blank-line-first":    {Either, lineRule},
	"framing-101-unasked": {Discard, "RFC 9112 §9.2: a client \"MUST correctly associate each received response message on that " +
		"connection to the first outstanding request that has not yet received a final (non-1xx) response\": 101 is not final"},
	"framing-interim-with-length": {Either, interimRule},
	"framing-interim-endless":     {Either, interimRule},
	"framing-chunk-size":          {Recover, chunksRule},
	"framing-chunk-overflow": {Incomplete, "RFC 9112 §7.1: \"Recipients MUST anticipate potentially large hexadecimal numerals and " +
		"prevent parsing errors due to integer conversion overflows or precision loss due to integer representation.\""},
	"framing-chunk-end":           {Recover, chunksRule},
	"framing-trailer-status-line": {Either, lineRule},
}

// framing has the laboratory's scenarios with responses that can be read in more
// than one way.
func framing() []Scenario {
	theirs, err := scenario.Match("framing-*")
	if err != nil {
		return nil // the laboratory has none
	}
	var list []Scenario
	for _, s := range theirs {
		s := Scenario{ID: s.ID, Family: "framing", Summary: s.Summary, Answer: raw(s.Origin), Allows: Either, Rule: lengthRule}
		if reading, known := readings[s.ID]; known {
			s.Allows, s.Rule = reading.allows, reading.rule
		}
		list = append(list, s)
	}
	return slices.DeleteFunc(list, func(s Scenario) bool { return s.Answer.Raw == "" })
}

// raw returns an answer that the origin sends byte for byte.
func raw(o scenario.Origin) scenario.Answer {
	for _, a := range o.Answers {
		if a.Raw != "" {
			return scenario.Answer{Raw: a.Raw}
		}
	}
	for _, p := range o.Places {
		if p.Answer.Raw != "" {
			return scenario.Answer{Raw: p.Answer.Raw}
		}
	}
	return scenario.Answer{}
}
