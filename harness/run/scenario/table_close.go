package scenario

import "github.com/curlpipe/curlpipe/harness/clients/subject/plan"

// serversEnd has the scenarios in which the origin ends the connection.
// Requests that were sent and not answered are sent once more, on one new
// connection.
var serversEnd = []Scenario{
	{
		ID: "close-announced",
		Summary: "The origin closes five connections in a row after the third response, which announces the close, while later " +
			"requests are in flight.",
		Client: shortPipeline(),
		Origin: Origin{Places: []Place{
			{Connections: 5, Request: 2, Answer: Answer{Hold: HoldNext, CloseAnnounced: true}},
		}},
		Expect: Expect{
			MaxConnections: 6,
			MinPipes:       5,
			Stock:          closingStock,
		},
	},
	{
		ID:      "close-unannounced",
		Summary: "The same, but the responses do not announce the close.",
		Client:  shortPipeline(),
		Origin: Origin{Places: []Place{
			{Connections: 5, Request: 2, Answer: Answer{Hold: HoldNext, Close: true}},
		}},
		Expect: Expect{
			MaxConnections: 6,
			MinPipes:       5,
			Stock: []Defect{
				{What: pipeNotWoken.What, Driver: plan.DriverSocket, Releases: Releases{Before: wakesOne.From}, Sometimes: true},
				littlePipelined,
			},
		},
	},
	{
		ID: "close-every-connection",
		Summary: "The origin answers one request on each of five connections. Then it closes every connection instead of answering: " +
			"no request may be retried without limit.",
		Client: pipelined(45, plan.PlainText),
		Origin: Origin{
			Places: []Place{
				{Connections: 5, Request: 0},
				{Connections: 5, Request: 1, Answer: Answer{Hold: HoldNext, Drop: true}},
			},
			EveryAnswer: Answer{Drop: true, Always: true},
		},
		Expect: Expect{
			MaxConnections: 45,
			MaxRequests:    7,
			MinPipes:       5,
			Results:        mayFail(45, curleGotNothing),
			Stock:          closingStock,
		},
	},
	{
		ID:      "reset-mid-response",
		Summary: "A RST arrives in the middle of a response's body.",
		Client:  pipelined(20, plan.TLS12),
		Origin:  Origin{Answers: map[int]Answer{10: {Hold: HoldRest, CutAfter: 200, Reset: true}}},
		Expect: Expect{
			MaxConnections: 2,
			// the client may lose what had arrived before the RST
			Results: map[int]Result{10: {
				Outcome: AnsweredOrFailed, Codes: []int{curlePartialFile, curleRecvError},
			}},
			Stock: []Defect{pipeNotWoken, pipeKept},
		},
	},
	{
		ID:      "reset-half-sent",
		Summary: "A RST arrives after a part of a request was sent.",
		Client: Client{
			Requests:          10,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			Special:           map[int]Request{5: {HeaderBytes: Range{halfSent, halfSent}}},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: whileHalfSent(Answer{Drop: true, Reset: true}),
		Expect: Expect{
			MaxConnections: 2,
			Stock: append(
				orCrashes(Defect{What: toldOfAClosedSocket}),
				Defect{What: "requests are sent in the middle of a half-sent one", Driver: plan.DriverPerform, Sometimes: true},
			),
		},
	},
	{
		ID:      "truncated-body",
		Summary: "The origin closes the connection in the middle of a response's body.",
		Client:  pipelined(20, plan.TLS12),
		Origin:  Origin{Answers: map[int]Answer{10: {Hold: HoldRest, CutAfter: 200}}},
		Expect: Expect{
			MaxConnections: 2,
			Results:        map[int]Result{10: {Outcome: Failed, Codes: []int{curlePartialFile}}},
			Stock:          []Defect{pipeNotWoken},
		},
	},
}

// shortPipeline is a client that has few requests in flight at a time.
func shortPipeline() Client {
	c := pipelined(40, plan.PlainText)
	c.MaxPipelineLength = 4
	return c
}
