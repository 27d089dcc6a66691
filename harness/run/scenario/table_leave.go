package scenario

import (
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

const (
	// halfSent is the size of a request's padding that does not fit into the
	// buffers between the client and an origin that does not read.
	halfSent = 300 << 10
	// beforeHalfSent is more than the size of the requests before it.
	beforeHalfSent = 5000
)

// whileHalfSent is an origin that holds the second response back, and reads
// nothing, until a part of a large request has arrived behind it. The answer
// says what happens then.
func whileHalfSent(a Answer) Origin {
	a.Hold, a.Unread = HoldUnread, beforeHalfSent
	return Origin{
		ReceiveBuffer: 16 << 10,
		MaxSegment:    1400,
		Places:        []Place{{Connections: 1, Request: 1, Answer: a}},
	}
}

// leavingEarly has the scenarios in which a request ends early. The others are
// answered, with at most one new connection.
var leavingEarly = []Scenario{
	{
		ID:      "remove-queued",
		Summary: "A request is removed while it waits for a place in the pipeline.",
		Client: Client{
			Requests:          10,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 2,
			Steps:             []Step{{OnSignal: "remove", Do: plan.DoRemove, Request: 4}},
		},
		Origin: Origin{Places: []Place{
			{Connections: 1, Request: 1, Answer: Answer{Hold: HoldNext, Signal: "remove"}},
		}},
		Expect: Expect{Results: map[int]Result{4: {Outcome: Removed}}},
	},
	{
		ID:      "remove-half-sent",
		Summary: "A request is removed after a part of it was sent.",
		Client: Client{
			Requests:          10,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{5: {HeaderBytes: Range{halfSent, halfSent}}},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnSignal: "remove", Do: plan.DoRemove, Request: 5}},
		},
		Origin: whileHalfSent(Answer{Signal: "remove"}),
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{5: {Outcome: Removed}},
			Stock: append(
				orCrashes(Defect{What: toldOfAClosedSocket, Sometimes: true}),
				Defect{What: "the next request is sent in the middle of the removed one", Driver: plan.DriverPerform, Sometimes: true},
			),
		},
	},
	{
		ID:      "remove-awaiting-response",
		Summary: "A request is removed after it was sent, while earlier requests wait for their responses.",
		Client: Client{
			Requests:          40,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnSignal: "remove", Do: plan.DoRemove, Request: 20}},
		},
		Origin: Origin{Places: []Place{
			{Connections: 1, Request: 1, Answer: Answer{Hold: HoldRest, Signal: "remove"}},
		}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{20: {Outcome: Removed}},
			Stock: []Defect{
				{What: pipeNotWoken.What, Driver: plan.DriverSocket, Sometimes: true},
				pipeKept,
			},
		},
	},
	{
		ID:      "remove-mid-body",
		Summary: "A request is removed in the middle of its response, with later requests in flight.",
		Client: Client{
			Requests:          10,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{5: {BodyBytes: Range{8 << 20, 8 << 20}}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnReceived: 10000, Do: plan.DoRemove, Request: 5}},
		},
		Origin: Origin{Answers: map[int]Answer{5: {Hold: HoldRest}}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{5: {Outcome: Removed}},
			Stock:          []Defect{pipeNotWoken, pipeKept},
		},
	},
	{
		ID: "remove-behind-body",
		Summary: "A request is removed while a large response to an earlier request arrives, after the application has received " +
			"the beginning of that response.",
		Client: Client{
			Requests:          10,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{2: {BodyBytes: Range{8 << 20, 8 << 20}}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps: []Step{
				{OnReceived: 10000, From: 2, Do: plan.DoAdd, Request: 9},
				{OnReceived: 1 << 20, From: 2, Do: plan.DoRemove, Request: 9},
			},
		},
		Origin: Origin{Answers: map[int]Answer{2: {Hold: HoldRest}}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{9: {Outcome: Removed}},
			Stock: []Defect{
				{What: "the beginning of the response is delivered twice", Releases: Releases{Before: pipeKept.Releases.From}},
				{What: pipeNotWoken.What, Driver: plan.DriverSocket, Releases: pipeKept.Releases},
			},
		},
	},
	{
		ID:      "timeout-half-sent",
		Summary: "A request times out after a part of it was sent.",
		Client: Client{
			Requests:    10,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				5: {HeaderBytes: Range{halfSent, halfSent}, TimeoutMS: 300},
			},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: whileHalfSent(Answer{Linger: 450 * time.Millisecond}),
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{5: {Outcome: Failed, Codes: []int{curleOperationTimedOut}}},
			Stock:          append(orCrashes(Defect{What: toldOfAClosedSocket}), pipeKept),
		},
	},
	{
		ID:      "abort-from-callback",
		Summary: "The application refuses the body of a response, with later requests in flight.",
		Client: Client{
			Requests:          40,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{20: {AbortAtBytes: 1}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
		Origin: Origin{Answers: map[int]Answer{20: {Hold: HoldRest}}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{20: {Outcome: Failed, Codes: []int{curleWriteError}}},
			Stock:          []Defect{pipeNotWoken},
		},
	},
}
