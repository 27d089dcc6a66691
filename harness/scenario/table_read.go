package scenario

import "github.com/curlpipe/curlpipe/harness/subject/plan"

// reading has the scenarios in which responses arrive in unusual ways.
var reading = []Scenario{
	{
		ID:      "small-receive-buffer",
		Summary: "Chunked responses come in TLS records that are larger than the client's buffer.",
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
		Expect: Expect{Stock: both("a transfer reads on behind its last chunk")},
	},
	{
		ID:      "redirect-with-next-response",
		Summary: "A redirect with a body and the response to the next request come in one piece.",
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
		Expect: Expect{Stock: both("what follows an ignored body is lost")},
	},
}
