package check

// move is an action of the origin over HTTP/2.
type move string

// The moves.
const (
	noMove       move = ""
	goAway       move = "GOAWAY behind the response"
	goAwayBefore move = "GOAWAY instead of the response, with an earlier last stream"
	refuseStream move = "REFUSED_STREAM instead of the response"
	cutStream    move = "RST_STREAM in the middle of the response"
	cutBody      move = "the end of the connection in the middle of the response"
	fewStreams   move = "SETTINGS that allow one stream at a time"
	smallWindow  move = "a window of a few bytes, that is opened bit by bit"
	settingsPing move = "SETTINGS and PING before the response"
	surplusData  move = "more bytes than the Content-Length says"
)

// notProcessed is the rule for requests that the origin has not processed.
const notProcessed = "RFC 9113 §8.7: \"Requests that have not been processed have not failed; clients MAY automatically " +
	"retry them, even those with non-idempotent methods.\""

var multiplexed = []Scenario{
	{
		ID: "http2-goaway", Family: "HTTP/2", HTTP2: true, Allows: Cease, Move: goAway,
		Summary: "GOAWAY follows the response to the last stream.",
		Rule: "RFC 9113 §6.8: \"Receivers of a GOAWAY frame MUST NOT open additional streams on the connection, although a " +
			"new connection can be established for new streams.\"",
	},
	{
		ID: "http2-goaway-unprocessed", Family: "HTTP/2", HTTP2: true, Allows: Refused, Move: goAwayBefore,
		Summary: "GOAWAY says that the stream was not processed.", Rule: notProcessed,
	},
	{
		ID: "http2-refused-stream", Family: "HTTP/2", HTTP2: true, Allows: Refused, Move: refuseStream,
		Summary: "RST_STREAM with REFUSED_STREAM arrives instead of the response.", Rule: notProcessed,
	},
	{
		ID: "http2-reset-stream", Family: "HTTP/2", HTTP2: true, Allows: Incomplete, Move: cutStream,
		Summary: "RST_STREAM arrives in the middle of a response's body.",
		Rule:    "RFC 9113 §8.1: a response is complete when a frame with the END_STREAM flag has come; a stream error is none",
	},
	{
		ID: "http2-truncated", Family: "HTTP/2", HTTP2: true, Allows: Incomplete, Move: cutBody,
		Summary: "The connection is closed in the middle of a response's body.",
		Rule:    "RFC 9113 §8.1: a response is complete when a frame with the END_STREAM flag has come",
	},
	{
		ID: "http2-excess-bytes", Family: "HTTP/2", HTTP2: true, Allows: Incomplete, Move: surplusData,
		Summary: "The body has more bytes than the Content-Length says.",
		Rule: "RFC 9113 §8.1.1: \"A request or response that is defined as having content when it contains a Content-Length " +
			"header field is malformed if the value of the Content-Length header field does not equal the sum of the DATA frame " +
			"payload lengths that form the content\"; \"Clients MUST NOT accept a malformed response.\"",
	},
	{
		ID: "http2-fewer-streams", Family: "HTTP/2", HTTP2: true, Allows: Within, Move: fewStreams,
		Summary: "After the first response, SETTINGS allow only one stream at a time.",
		Rule:    "RFC 9113 §5.1.2: \"Endpoints MUST NOT exceed the limit set by their peer.\"",
	},
	{
		ID: "http2-flow-control", Family: "HTTP/2", HTTP2: true, Needs: Upload, Allows: Within, Move: smallWindow,
		Summary: "The window for an upload is opened bit by bit.",
		Rule: "RFC 9113 §6.9.2: a sender \"MUST track the negative flow-control window and MUST NOT send new flow-controlled " +
			"frames until it receives WINDOW_UPDATE frames that cause the flow-control window to become positive\"; §6.9.1",
	},
	{
		ID: "http2-settings-ping", Family: "HTTP/2", HTTP2: true, Allows: GoOn, Move: settingsPing,
		Summary: "SETTINGS and PING precede the response, and have to be acknowledged.",
		Rule: "RFC 9113 §6.7: \"Receivers of a PING frame that does not include an ACK flag MUST send a PING frame with the " +
			"ACK flag set in response\"; §6.5.3",
	},
}
