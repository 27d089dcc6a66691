package check

import (
	"slices"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// honest is the id of the control.
const honest = "honest-origin"

// timeoutAtRest is the id of the scenario whose surplus response is a 408.
const timeoutAtRest = "timeout-at-rest"

// table has all scenarios, in the order in which they are shown.
var table = slices.Concat(plain, tlsMessages, ends, extras, framing(), multiplexed)

// Families are the words of Scenario.Family, in the order of the table.
func Families() []string {
	var list []string
	for _, s := range table {
		if !slices.Contains(list, s.Family) {
			list = append(list, s.Family)
		}
	}
	return list
}

var plain = []Scenario{
	{
		ID: honest, Family: "control", Allows: GoOn,
		Summary: "The control: an origin that answers at once. Every client passes.",
		Rule:    "RFC 9112 §9.3: \"HTTP/1.1 defaults to the use of persistent connections\"",
	},
	{
		ID: "late-response", Family: "timing", Allows: GoOn, Late: 500 * time.Millisecond,
		Summary: "The response arrives half a second late.",
		Rule:    "RFC 9112 §9.5: servers and clients time out by a policy of their own; half a second is within any",
	},
	{
		ID: "split-response", Family: "timing", Allows: GoOn, Drip: true,
		Summary: "The response arrives byte by byte.",
		Rule:    "RFC 9112 §2.2: a message is parsed as a sequence of octets, however they arrive",
	},
	{
		ID: "chunked-response", Family: "timing", Allows: GoOn, Answer: scenario.Answer{Chunked: true},
		Summary: "The response is chunked.",
		Rule:    "RFC 9112 §7.1: \"A recipient MUST be able to parse and decode the chunked transfer coding.\"",
	},
	{
		ID: "interim-responses", Family: "1xx", Allows: GoOn,
		Summary: "Interim responses 100, 102 and 103 precede the response.",
		Rule: "RFC 9110 §15.2: \"A client MUST be able to parse one or more 1xx responses received prior to a final " +
			"response, even if the client does not expect one.\"",
		Answer: scenario.Answer{Raw: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
			"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" +
			"HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}"},
	},
	{
		ID: "early-response", Family: "upload", Needs: Upload, Allows: Stop, Early: true,
		Summary: "A final response that closes the connection arrives while the client sends the request's body.",
		Rule: "RFC 9112 §9.5: \"If the client sees a response that indicates the server does not wish to receive the " +
			"message body and is closing the connection, the client SHOULD immediately cease transmitting the body and " +
			"close its side of the connection.\"",
		Answer: scenario.Answer{Raw: "HTTP/1.1 413 Content Too Large\r\n{id}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"},
	},
}

// keyUpdate is the rule of KeyUpdate.
const keyUpdate = "RFC 8446 §4.6.3: \"If the request_update field is set to 'update_requested', then the receiver MUST " +
	"send a KeyUpdate of its own with request_update set to 'update_not_requested' prior to sending its next Application " +
	"Data record.\""

// helloRequest is the rule of HelloRequest.
const helloRequest = "RFC 5246 §7.4.1.1: HelloRequest \"MAY be ignored by the client if it does not wish to renegotiate a " +
	"session, or the client may, if it wishes, respond with a no_renegotiation alert\"; RFC 9112 §9.5: a client \"MAY close the " +
	"transport connection at any time\""

var tlsMessages = []Scenario{
	{
		ID: "idle-keyupdate", Family: "TLS", Allows: GoOn, TLS: "1.3", Secured: true,
		Summary: "A KeyUpdate that asks for another one follows the response.", Rule: keyUpdate,
		Answer: scenario.Answer{EventAfter: scenario.KeyUpdate},
	},
	{
		ID: "idle-late-ticket", Family: "TLS", Allows: GoOn, TLS: "1.3", Secured: true,
		Summary: "One more NewSessionTicket follows the response.",
		Rule: "RFC 8446 §4.6.1: \"At any time after the server has received the client Finished message, it MAY send a " +
			"NewSessionTicket message.\"",
		Answer: scenario.Answer{EventAfter: scenario.NewSessionTicket},
	},
	{
		ID: "idle-hello-request", Family: "TLS", Allows: Either, TLS: "1.2", Secured: true,
		Summary: "A HelloRequest follows the response.", Rule: helloRequest,
		Answer: scenario.Answer{EventAfter: scenario.HelloRequest},
	},
	{
		ID: "keyupdate-while-writing", Family: "TLS", Needs: Upload, Allows: GoOn, TLS: "1.3", Secured: true,
		Summary: "A KeyUpdate that asks for another one arrives while a write is blocked.", Rule: keyUpdate,
		Answer: scenario.Answer{Hold: scenario.HoldStuck, Event: scenario.KeyUpdate},
	},
	{
		ID: "renegotiate-while-writing", Family: "TLS", Needs: Upload, Allows: Either, TLS: "1.2", Secured: true,
		Summary: "A HelloRequest arrives while a write is blocked.", Rule: helloRequest,
		Answer: scenario.Answer{Hold: scenario.HoldStuck, Event: scenario.HelloRequest},
	},
}

// Rules on which several scenarios are based.
const (
	ceaseRule = "RFC 9112 §9.6: \"A client that receives a 'close' connection option MUST cease sending requests on that " +
		"connection and close the connection after reading the response message containing the 'close' connection option\""
	incompleteRule = "RFC 9112 §8: \"A client that receives an incomplete response message, which can occur when a connection " +
		"is closed prematurely or when decoding a supposedly chunked transfer coding fails, MUST record the message as incomplete.\""
	retryRule = "RFC 9110 §9.2.2: \"A user agent MUST NOT automatically retry a request with a non-idempotent method unless " +
		"it has some means to know that the request semantics are actually idempotent\""
	surplusRule = "RFC 9112 §9.2: \"If a client receives data on a connection that doesn't have outstanding requests, the " +
		"client MUST NOT consider that data to be a valid response\""
	ambiguousRule = "RFC 9112 §9.2: \"the client SHOULD close the connection, since message delimiting is now ambiguous\""
)

var ends = []Scenario{
	{
		ID: "close-announced", Family: "close", Allows: Cease, Answer: scenario.Answer{CloseAnnounced: true},
		Summary: "The response says Connection: close, and the connection is closed.", Rule: ceaseRule,
	},
	{
		ID: "close-unannounced", Family: "close", Allows: Either, Answer: scenario.Answer{Close: true},
		Summary: "The connection is closed after the response, which does not announce it.",
		Rule: "RFC 9112 §9.5: \"A client, server, or proxy MAY close the transport connection at any time.\" A client has to " +
			"be able to recover from it",
	},
	{
		ID: "close-at-length", Family: "close", Allows: Cease,
		Summary: "The end of the connection is the end of an HTTP/1.0 response.",
		Rule: "RFC 9112 §6.3: \"Otherwise, this is a response message without a declared message body length, so the message " +
			"body length is determined by the number of octets received prior to the server closing the connection.\"",
		Answer: scenario.Answer{Raw: "HTTP/1.0 200 OK\r\n{id}\r\n{body}", Close: true},
	},
	{
		ID: "dropped", Family: "close", Allows: Unanswered, Answer: scenario.Answer{Drop: true},
		Summary: "The connection is closed instead of a response.", Rule: retryRule,
	},
	{
		ID: "dropped-upload", Family: "upload", Needs: Upload, Allows: Unanswered, Answer: scenario.Answer{Drop: true},
		Summary: "The connection is closed instead of a response to an upload.", Rule: retryRule,
	},
	{
		ID: "reset", Family: "close", Allows: Unanswered, Answer: scenario.Answer{Drop: true, Reset: true},
		Summary: "A RST arrives instead of a response.", Rule: retryRule,
	},
	{
		ID: "reset-mid-response", Family: "truncation", Allows: Incomplete,
		Answer:  scenario.Answer{CutAfter: 12, Reset: true},
		Summary: "A RST arrives in the middle of a response's body.", Rule: incompleteRule,
	},
	{
		ID: "truncated-body", Family: "truncation", Allows: Incomplete, Answer: scenario.Answer{CutAfter: 12},
		Summary: "The connection is closed in the middle of a response's body.", Rule: incompleteRule,
	},
	{
		ID: "truncated-chunks", Family: "truncation", Allows: Incomplete, Answer: scenario.Answer{CutAfter: 12, Chunked: true},
		Summary: "The connection is closed in the middle of a chunk.", Rule: incompleteRule,
	},
	{
		ID: "truncated-header", Family: "truncation", Allows: Incomplete,
		Summary: "The connection is closed in the middle of a header section.", Rule: incompleteRule,
		Answer: scenario.Answer{Raw: "HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\nX-Fil", Close: true},
	},
}

var extras = []Scenario{
	{
		ID: "excess-bytes", Family: "excess bytes", Allows: Surplus,
		Summary: "An unsolicited response follows the response, in one piece with it.",
		Rule:    surplusRule,
		Answer: scenario.Answer{Raw: "HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}" +
			"HTTP/1.1 200 OK\r\n{foreign-field}Content-Length: {foreign-length}\r\n\r\n{foreign}"},
	},
	{
		ID: timeoutAtRest, Family: "excess bytes", Allows: Surplus,
		Summary: "A 408 and the end of the connection follow the response while no request is in flight.",
		Rule:    surplusRule,
		Answer: scenario.Answer{Close: true, Raw: "HTTP/1.1 200 OK\r\n{id}Content-Length: {length}\r\n\r\n{body}" +
			"HTTP/1.1 408 Request Timeout\r\n{foreign-field}Connection: close\r\nContent-Length: {foreign-length}\r\n\r\n{foreign}"},
	},
	{
		ID: "head-with-body", Family: "excess bytes", Needs: Head, Allows: Surplus,
		Summary: "The response to HEAD has a body, which looks like another response.",
		Rule: "RFC 9112 §6.3: \"Any response to a HEAD request ... is always terminated by the first empty line after the " +
			"header fields, regardless of the header fields present in the message, and thus cannot contain a message body\"",
		Answer: scenario.Answer{Raw: "HTTP/1.1 200 OK\r\n{id}Content-Length: {foreign-length}\r\n\r\n" +
			"HTTP/1.1 200 OK\r\n{foreign-field}Content-Length: {foreign-length}\r\n\r\n{foreign}"},
	},
	{
		ID: "no-content-with-length", Family: "excess bytes", Allows: GoOn,
		Summary: "A 204 has a Content-Length.",
		Rule: "RFC 9112 §6.3: \"any response with a 1xx (Informational), 204 (No Content), or 304 (Not Modified) status code " +
			"is always terminated by the first empty line after the header fields\"",
		Answer: scenario.Answer{Raw: "HTTP/1.1 204 No Content\r\n{id}Content-Length: 5\r\n\r\n"},
	},
}
