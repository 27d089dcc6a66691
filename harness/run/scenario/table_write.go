package scenario

import (
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// slowReader is an origin whose clients are blocked while they write: its
// buffers are small, and it stops reading until the client is stuck.
func slowReader(stallUntilLeft int) Origin {
	return Origin{
		ReceiveBuffer:    8 << 10,
		MaxSegment:       1400,
		StallConnections: 12,
		StallUntilLeft:   stallUntilLeft,
	}
}

// whileStuck is an origin that holds the second response back, and reads
// nothing, until the client is stuck in a write. The answer says what happens
// then.
func whileStuck(a Answer) Origin {
	a.Hold = HoldStuck
	return Origin{
		ReceiveBuffer: 8 << 10,
		MaxSegment:    1400,
		Places:        []Place{{Connections: 1, Request: 1, Answer: a}},
	}
}

// heldBack makes the origin hold the second response until all requests have
// arrived. It goes on reading, so that a write has room while one request is
// half sent and another waits for its response.
func heldBack(o Origin) Origin {
	o.Answers = map[int]Answer{1: {Hold: HoldRest}}
	return o
}

// writeContract has the scenarios in which a request cannot be written at once.
var writeContract = []Scenario{
	{
		ID: "reported",
		Summary: "The report of March 2016: writes return WANT_WRITE while responses arrive. Stock libcurl lets the next request " +
			"write, and loses the connection.",
		Client: Client{
			Requests:          50,
			AnyFrom:           20,
			HeaderBytes:       Range{12000, 15000},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: slowReader(10),
		Expect: Expect{MinBlockedWrites: 10, Stock: always("bad write retries, each of which costs a connection")},
	},
	{
		ID: "moving-buffer",
		Summary: "One write is blocked while a long response arrives. Stock libcurl lets the next request write. The negative " +
			"control makes OpenSSL accept that write, and the request is destroyed.",
		Client: Client{
			Requests:          6,
			HeaderBytes:       Range{300, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{1: {BodyBytes: Range{4 << 20, 6 << 20}}},
			TLS:               plan.TLS12,
			BlockedSend:       3,
			MaxPipelineLength: 50,
		},
		Expect: Expect{
			MinBlockedWrites: 1, Stock: always("a bad write retry"),
			Control: "a request is lost, or sent in parts of another one",
		},
	},
	{
		ID:       "reported-tls13",
		Summary:  "The same over TLS 1.3.",
		FixedTLS: true,
		Client: Client{
			Requests:          50,
			AnyFrom:           20,
			HeaderBytes:       Range{12000, 15000},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS13,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: slowReader(10),
		Expect: Expect{MinBlockedWrites: 10, Stock: always("bad write retries, each of which costs a connection")},
	},
	{
		ID: "plain-interleave",
		Summary: "The same over plain HTTP, where nothing refuses a wrong write: stock libcurl sends a later request in the middle " +
			"of one that is half sent.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{60000, 70000},
			BodyBytes:         Range{500, 900},
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: heldBack(slowReader(4)),
		Expect: Expect{MinBlockedWrites: 10, Stock: always("requests are sent in the middle of others")},
	},
	{
		ID: "plain-crosstalk",
		Summary: "No byte of a request can be sent while a long response arrives. Stock libcurl sends later requests first, and " +
			"each of them gets the response to another one.",
		Client: Client{
			Requests:          6,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{1: {BodyBytes: Range{4 << 20, 6 << 20}}},
			BlockedSend:       3,
			MaxPipelineLength: 50,
		},
		Expect: Expect{MinBlockedWrites: 1, Stock: append(
			orCrashes(Defect{What: "the response to another request"}),
			Defect{What: "the response to another request", Driver: plan.DriverPerform},
		)},
	},
	{
		ID:      "added-while-blocked",
		Summary: "Requests are added while a write is blocked.",
		Client: Client{
			Requests:          12,
			HeaderBytes:       Range{12000, 15000},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
			Steps: []Step{
				{OnSignal: "add", Do: plan.DoAdd, Request: 8},
				{OnSignal: "add", Do: plan.DoAdd, Request: 9},
				{OnSignal: "add", Do: plan.DoAdd, Request: 10},
				{OnSignal: "add", Do: plan.DoAdd, Request: 11},
			},
		},
		Origin: whileStuck(Answer{Signal: "add"}),
		Expect: Expect{MinBlockedWrites: 1, Stock: always("bad write retries")},
	},
	{
		ID:      "blocked-quiet",
		Summary: "A write stays blocked while the client has nothing else to do.",
		Client: Client{
			Requests:          12,
			HeaderBytes:       Range{12000, 15000},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: whileStuck(Answer{Linger: 400 * time.Millisecond}),
		Expect: Expect{MinBlockedWrites: 1, Stock: always("bad write retries")},
	},
	{
		ID: "large-request",
		Summary: "Requests of several TLS records, up to 75 KB. Stock libcurl sends them in pieces of 16 KB, and sends other " +
			"requests between the pieces.",
		Client: Client{
			Requests:          20,
			AnyFrom:           12,
			HeaderBytes:       Range{17000, 75000},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: slowReader(4),
		Expect: Expect{MinBlockedWrites: 10, Stock: always("requests are sent in the middle of others")},
	},
}
