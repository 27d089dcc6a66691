package scenario

import (
	"slices"

	"golang.org/x/net/http2"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// multiplexing has the scenarios that need HTTP/2. Stock handles them
// correctly, and the series must not change that: what it does to pipelined
// connections must not affect multiplexed ones.
var multiplexing = overHTTP2(
	Scenario{
		ID:      "h2-honest",
		Summary: "Two hundred requests at once over HTTP/2; their responses arrive in turn, one frame each.",
		Client:  pipelined(200, plan.TLS12),
	},
	Scenario{
		ID: "h2-reported",
		Summary: "The report of March 2016 over HTTP/2: writes return WANT_WRITE while responses arrive, and the client does " +
			"not run in a busy loop.",
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
		Expect: Expect{MinBlockedWrites: 3, MaxTurns: 20000},
	},
	Scenario{
		ID: "h2-pause",
		Summary: "The application pauses a stream in the middle of its response: another stream completes, and the client does not " +
			"run in a busy loop.",
		Client: Client{
			Requests:    3,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				1: {BodyBytes: Range{1 << 20, 1 << 20}}, 2: {BodyBytes: Range{2 << 20, 2 << 20}},
			},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps: []Step{
				{OnReceived: 20000, From: 1, Do: plan.DoPause, Request: 1},
				{OnCompleted: 2, Do: plan.DoResume, Request: 1},
			},
		},
		Origin: Origin{InStep: true},
		Expect: Expect{
			MaxTurns: 2000,
			Stock:    []Defect{{What: "buffered data of the paused stream go to the other stream", Driver: plan.DriverPerform}},
		},
	},
	Scenario{
		ID: "h2-remove",
		Summary: "A request is removed while its stream waits for the response. All others are answered, and so is one that is " +
			"added afterwards.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps: []Step{
				{OnCompleted: 18, Do: plan.DoRemove, Request: 5},
				{OnCompleted: 18, Do: plan.DoAdd, Request: 19},
			},
		},
		Origin: Origin{Answers: map[int]Answer{5: {Hold: HoldGone}}},
		Expect: Expect{MaxConnections: 2, MaxEarlyEnds: 1, Results: map[int]Result{5: {Outcome: Removed}}},
	},
	Scenario{
		ID:      "h2-timeout",
		Summary: "A request over HTTP/2 that is not answered times out; later requests are answered long before.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{3: {TimeoutMS: 300}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnCompleted: 19, Do: plan.DoAdd, Request: 19}},
		},
		Origin: Origin{Answers: map[int]Answer{3: {Hold: HoldGone}}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			Results:        map[int]Result{3: {Outcome: Failed, Codes: []int{curleOperationTimedOut}}},
		},
	},
	Scenario{
		ID:      "h2-reset",
		Summary: "The origin resets streams before and within their responses; other streams are not affected.",
		Client:  pipelined(20, plan.TLS12),
		Origin: Origin{Answers: map[int]Answer{
			4: {Hold: HoldRest, ResetStream: http2.ErrCodeInternal},
			9: {Hold: HoldRest, ResetStream: http2.ErrCodeCancel, CutAfter: 200},
		}},
		Expect: Expect{
			Results: map[int]Result{4: {Outcome: Failed}, 9: {Outcome: Failed}},
			Stock:   []Defect{{What: "a stream that was reset is not woken", Driver: plan.DriverSocket, Sometimes: true}},
		},
	},
	Scenario{
		ID:      "h2-upload",
		Summary: "Requests with bodies are sent among others, each on its own stream.",
		Client: Client{
			Requests:    20,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				1: {Method: "POST", UploadBytes: 3000}, 4: {Method: "POST", UploadBytes: 9000}, 12: {Method: "POST", UploadBytes: 100},
			},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
	},
	Scenario{
		ID:      "h2-upload-large",
		Summary: "A large body is sent over HTTP/2, with other requests before it and behind it.",
		Client: Client{
			Requests:          6,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{4: {Method: "POST", UploadBytes: 300_000}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps: []Step{
				{OnCompleted: 4, Do: plan.DoAdd, Request: 4},
				{OnCompleted: 5, Do: plan.DoAdd, Request: 5},
			},
		},
		// 7.53.1 does not continue if the window was closed and is opened later
		Origin: Origin{StreamWindow: 1 << 20},
	},
	Scenario{
		ID:      "h2-flow-control",
		Summary: "Responses are larger than the flow-control windows of a stream and of the connection.",
		Client: Client{
			Requests:          8,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{200_000, 400_000},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
	},
	Scenario{
		ID:      "h2-streams-limited",
		Summary: "The origin allows three streams at a time, and there are many requests.",
		Client:  pipelined(60, plan.TLS12),
		Origin:  Origin{MaxStreams: 3},
	},
	Scenario{
		ID: "h2-goaway",
		Summary: "A GOAWAY names the last stream that is answered. The requests of later streams are answered on another " +
			"connection, or fail; none hangs.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnCompleted: 19, Do: plan.DoAdd, Request: 19}},
		},
		Origin: Origin{
			EveryAnswer: Answer{Hold: HoldRest},
			Answers:     map[int]Answer{9: {Hold: HoldRest, CloseAnnounced: true}},
		},
		Expect: Expect{
			MaxConnections: 3, Results: mayFail(20),
			Stock: []Defect{{What: "the streams that a GOAWAY excludes are not woken", Driver: plan.DriverSocket, Sometimes: true}},
		},
	},
	Scenario{
		ID: "h2-close",
		Summary: "The origin closes the connection in the middle of a response; requests that are added afterwards are answered on " +
			"another connection.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             addedBehind(10, 20),
		},
		Origin: Origin{Answers: map[int]Answer{5: {Hold: HoldRest, CutAfter: 200}}},
		Expect: Expect{
			MaxConnections: 2, Results: mayFail(10),
			Stock: []Defect{{What: "the streams of a closed connection are not woken", Driver: plan.DriverSocket, Sometimes: true}},
		},
	},
)

// overHTTP2 makes scenarios use HTTP/2.
func overHTTP2(list ...Scenario) []Scenario {
	for i := range list {
		list[i].HTTP2 = true
	}
	return slices.Clip(list)
}

// addedBehind adds the requests from one number to another when the ones before
// have ended.
func addedBehind(from, to int) []Step {
	var steps []Step
	for number := from; number < to; number++ {
		steps = append(steps, Step{OnCompleted: from, Do: plan.DoAdd, Request: number})
	}
	return steps
}
