package scenario

import "github.com/curlpipe/curlpipe/harness/clients/subject/plan"

const gathered = "the whole body is gathered in memory"

// reading has the scenarios in which responses arrive in unusual ways.
var reading = []Scenario{
	{
		ID:      "small-receive-buffer",
		Summary: "Chunked responses arrive in TLS records that are larger than the client's buffer.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{3000, 9000},
			TLS:               plan.TLS12,
			ReadBuffer:        1024,
			MaxPipelineLength: 50,
		},
		Origin: Origin{
			Places: []Place{
				{Connections: 1, Request: 1, Answer: Answer{Hold: HoldRest, Chunked: true, WithNext: true}},
			},
			EveryAnswer: Answer{Chunked: true},
		},
		Expect: Expect{Stock: always("a transfer reads beyond its last chunk")},
	},
	{
		ID:      "redirect-with-next-response",
		Summary: "A redirect with a body and the response to the next request arrive in one piece.",
		Client: Client{
			Requests:          5,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			FollowRedirects:   true,
		},
		Origin: Origin{Answers: map[int]Answer{
			2: {Hold: HoldNext, Redirect: "/elsewhere?body=600", WithNext: true},
		}},
		Expect: Expect{Stock: always("bytes after an ignored body are lost")},
	},
	{
		ID: "two-responses-one-record",
		Summary: "The end of one response and the whole next response are in one TLS record. No later data wakes a client that " +
			"reads only the first response.",
		Client: Client{
			Requests:          3,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{1: {BodyBytes: Range{17000, 24000}}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
		Origin: Origin{Places: []Place{
			{Connections: 1, Request: 1, Answer: Answer{Hold: HoldNext, WithNext: true}},
		}},
		Expect: Expect{
			Stock: []Defect{
				{What: "the socket is polled although TLS has data", Driver: plan.DriverPerform},
				{What: "the socket is polled although TLS has data", Driver: plan.DriverSocket, Sometimes: true},
			},
		},
	},
	{
		ID:      "head-with-body",
		Summary: "The first response of a connection answers a HEAD request but has a body, which belongs to no response.",
		Client: Client{
			Requests:          6,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{0: {Method: "HEAD"}, 5: {Method: "HEAD"}},
			MaxPipelineLength: 50,
		},
		Origin: Origin{Places: []Place{{Connections: 1, Request: 0, Answer: Answer{HeadBody: true}}}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			MaxFailed:      1,
			Results:        mayFail(6, curleWeirdServerReply),
			Stock: []Defect{
				{What: "the next request is answered with uninitialized memory", Driver: plan.DriverPerform},
				{What: "the next request is answered with uninitialized memory", Driver: plan.DriverSocket, Sometimes: true},
			},
		},
	},
	{
		ID:      "excess-bytes",
		Summary: "A response is followed by more bytes than its Content-Length says, with later requests in flight.",
		Client:  pipelined(6, plan.TLS12),
		Origin: Origin{Places: []Place{
			{Connections: 1, Request: 1, Answer: Answer{Hold: HoldRest, Excess: 300}},
		}},
		Expect: Expect{
			MaxConnections: 2,
			MaxEarlyEnds:   1,
			MaxFailed:      1,
			Results:        mayFail(6, curleWeirdServerReply),
			Stock:          always("bytes after a response become the body of the next one"),
		},
	},
	{
		ID: "paused-head",
		Summary: "The application pauses a large response. Until it resumes, later responses wait, and their data are not " +
			"gathered in memory.",
		Client: Client{
			Requests:          6,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{2: {BodyBytes: Range{32 << 20, 32 << 20}}},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps: []Step{
				{Do: plan.DoPause, Request: 2},
				{OnSignal: "resume", Do: plan.DoResume, Request: 2},
			},
		},
		Origin: Origin{Answers: map[int]Answer{2: {Hold: HoldRest, SignalBlocked: "resume"}}},
		Expect: Expect{
			MaxMemory: 24 << 20,
			Stock: []Defect{
				{What: "later requests get parts of its body", Driver: plan.DriverPerform, Releases: Releases{Before: "7.58.0"}},
				{What: gathered, Driver: plan.DriverSocket, Releases: Releases{Before: "7.50.0"}, Sometimes: true},
				{What: gathered, Driver: plan.DriverSocket, Releases: Releases{From: "7.50.0"}},
			},
		},
	},
	{
		ID:      "bodies-1b-to-16mb",
		Summary: "Bodies of many sizes, most of them near the sizes of records and buffers.",
		Client: Client{
			Requests:    24,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				1: {BodyBytes: Range{1, 1}}, 2: {BodyBytes: Range{2, 20}},
				3: {BodyBytes: Range{16000, 16400}}, 4: {BodyBytes: Range{16384, 16384}},
				5: {BodyBytes: Range{16385, 16385}}, 6: {BodyBytes: Range{16 << 20, 16 << 20}},
				7: {BodyBytes: Range{1, 1}}, 8: {BodyBytes: Range{60000, 70000}},
				9: {BodyBytes: Range{32768, 32768}}, 10: {BodyBytes: Range{1 << 20, 2 << 20}},
			},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
	},
}
