package scenario

import (
	"cmp"
	"slices"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// framing has the scenarios with a response that can be read in more than one
// way. Thirteen requests wait behind it; they must get their own responses in
// any case.
var framing = []Scenario{
	refused("framing-length-invalid", "The Content-Length of a response is not a number.",
		"a sign before the number is accepted",
		"HTTP/1.1 200 OK\r\n{id}Content-Length: +{length}\r\n\r\n{body}"),
	refused("framing-lengths-differ", "A response has two different lengths.",
		"the last length counts, and the body includes later responses",
		"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\nContent-Length: 1{length}\r\n\r\n{body}"),
	taken("framing-lengths-equal", "A response has the same length three times, in two fields.",
		"",
		"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}, {length}\r\nContent-Length: {length}\r\n\r\n{body}"),
	refused("framing-length-and-coding", "A response has a Content-Length and a Transfer-Encoding.",
		"it is accepted, although it can be read in two ways",
		"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{body}\r\n0\r\n\r\n"),
	knownFrom("7.57.0", refused("framing-coding-unknown", "The Transfer-Encoding of a response is xchunked.",
		"the chunks and all later responses become the body",
		"HTTP/1.1 200 OK\r\n{id}Transfer-Encoding: xchunked\r\n\r\n{size}\r\n{body}\r\n0\r\n\r\n")),
	refused("framing-coding-folded", "The Transfer-Encoding of a response is folded onto the next line.",
		"the chunks and all later responses become the body",
		"HTTP/1.1 200 OK\r\n{id}Transfer-Encoding:\r\n chunked\r\n\r\n{size}\r\n{body}\r\n0\r\n\r\n"),
	taken("framing-field-folded", "A field without a role in framing is folded onto the next line.",
		"",
		"HTTP/1.1 200 OK\r\n{id}X-Folded: a\r\n Content-Length: 1\r\nContent-Length: {length}\r\n\r\n{body}"),
	refused("framing-space-before-colon", "White space is between Content-Length and its colon.",
		"the body includes all later responses",
		"HTTP/1.1 200 OK\r\n{id}Content-Length : {length}\r\n\r\n{body}"),
	spareNobody(refused("framing-nul", "A header line begins with a NUL.",
		"bytes that were read after the NUL are lost",
		"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\x00X: y\r\n\r\n{body}")),
	refused("framing-bare-cr", "A header line contains a CR.",
		"the CR is part of the value",
		"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\nX: a\rb\r\n\r\n{body}"),
	refused("framing-second-status-line", "The header section contains another status line.",
		"the second one counts as a field",
		"HTTP/1.1 403 Forbidden\r\nHTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}"),
	mayRepeat(refused("framing-status-line-invalid", "The status has four digits.",
		"any number counts as a status",
		"HTTP/1.1 2000 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}")),
	mayRepeat(refused("framing-blank-line-first", "An empty line precedes the status line.",
		"the empty line ends the header section",
		"\r\nHTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}")),
	mayRepeat(refused("framing-101-unasked", "The origin switches protocols although the request did not ask for it.",
		"all later responses become its body",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")),
	someStop(mayRefuse(taken("framing-interim-with-length", "Interim responses have Content-Length and Transfer-Encoding.",
		"the fields count for the final response",
		"HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}"))),
	someStop(refused("framing-interim-endless", "Two thousand interim responses precede the response.",
		"they are read without a limit",
		strings.Repeat("HTTP/1.1 102 Processing\r\nX-Filler: "+strings.Repeat("a", 1000)+"\r\n\r\n", 2000)+
			"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}")),
	refused("framing-chunk-size", "A chunk's size begins with 0x.",
		"the size counts as 0, and the body ends",
		"HTTP/1.1 200 OK\r\n{id}Transfer-Encoding: chunked\r\n\r\n0x{size}\r\n{body}\r\n0\r\n\r\n"),
	refused("framing-chunk-overflow", "A chunk's size does not fit into 64 bits.",
		"",
		"HTTP/1.1 200 OK\r\n{id}Transfer-Encoding: chunked\r\n\r\n1000000000000000{size}\r\n{body}\r\n0\r\n\r\n"),
	refused("framing-chunk-end", "The CRLF after the data of a chunk is missing.",
		"",
		"HTTP/1.1 200 OK\r\n{id}Transfer-Encoding: chunked\r\n\r\n{size}\r\n{body}0\r\n\r\n"),
	refused("framing-trailer-status-line", "The empty line after the last chunk is missing.",
		"the next status line counts as a trailer",
		"HTTP/1.1 200 OK\r\n{id}Transfer-Encoding: chunked\r\n\r\n{size}\r\n{body}\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n"),
}

// framingRequests are the requests of such a scenario; the second one gets the
// special response.
const framingRequests, framingRequest = 15, 1

// misframed is a scenario in which one response is sent exactly as written
// here.
func misframed(id, summary, raw string) Scenario {
	return Scenario{
		ID: id, Summary: summary,
		Client: pipelined(framingRequests, plan.PlainText),
		Origin: Origin{Answers: map[int]Answer{framingRequest: {Hold: HoldRest, Raw: raw}}},
	}
}

// misreads is stock's defect with either driver, if any.
func misreads(what string) []Defect {
	if what == "" {
		return nil
	}
	return []Defect{{What: what, Spares: map[string]string{"curlpipe": "it checks the framing of responses itself"}}}
}

// refused is a response that is invalid: its request fails.
func refused(id, summary, stock, raw string) Scenario {
	s := misframed(id, summary, raw)
	s.Expect = Expect{
		MaxConnections: 2,
		MaxEarlyEnds:   1,
		Results:        map[int]Result{framingRequest: {Outcome: Failed}},
		Stock:          misreads(stock),
	}
	if stock == "" {
		s.Expect.Stock = slices.Clone(breakingStock)
	}
	return s
}

// taken is a response that can be read in one way only.
func taken(id, summary, stock, raw string) Scenario {
	s := misframed(id, summary, raw)
	s.Expect.Stock = misreads(stock)
	return s
}

// knownFrom is a response that stock refuses from a release on.
func knownFrom(release string, s Scenario) Scenario {
	s.Expect.Stock[0].Releases = Releases{Before: release}
	for _, d := range breakingStock {
		d.Releases.From = cmp.Or(d.Releases.From, release)
		s.Expect.Stock = append(s.Expect.Stock, d)
	}
	return s
}

// mayRefuse is a response that a client may also refuse, because software
// behind or before it may read it in another way.
func mayRefuse(s Scenario) Scenario {
	s.Expect.MaxConnections, s.Expect.MaxEarlyEnds = 2, 1
	s.Expect.Results = map[int]Result{framingRequest: {Outcome: AnsweredOrFailed}}
	return s
}

// mayRepeat is a response whose request a client may also send again. What begins
// with no status line that the request can have may be the rest of the response
// before it, and no response [RFC 9112 §6.3].
func mayRepeat(s Scenario) Scenario {
	s.Expect.Results[framingRequest] = Result{Outcome: AnsweredOrFailed}
	return s
}

// someStop is a response with which some runs of stock hang, depending on
// timing.
func someStop(s Scenario) Scenario {
	s = spareNobody(s)
	for i := range s.Expect.Stock {
		s.Expect.Stock[i].Sometimes = true
	}
	return s
}

// spareNobody makes a scenario fail with stock and any client.
func spareNobody(s Scenario) Scenario {
	for i := range s.Expect.Stock {
		s.Expect.Stock[i].Spares = nil
	}
	return s
}
