package scenario

import "github.com/curlpipe/curlpipe/harness/clients/subject/plan"

// identity has the scenarios about credentials and methods.
var identity = []Scenario{
	{
		ID: "credentials-not-shared",
		Summary: "Requests with different credentials are added while the pipeline waits to send: each is sent with its own " +
			"credentials.",
		Client: Client{
			Requests:    6,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				0: {Credentials: "ann:1", HeaderBytes: Range{halfSent, halfSent}},
				1: {Credentials: "ann:1", HeaderBytes: Range{halfSent, halfSent}},
				2: {Credentials: "ann:1", HeaderBytes: Range{halfSent, halfSent}},
				3: {Credentials: "ben:2"}, 4: {Credentials: "ben:2"}, 5: {Credentials: "cleo:3"},
			},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
			Steps: []Step{
				{OnSignal: "join", Do: plan.DoAdd, Request: 3},
				{OnSignal: "join", Do: plan.DoAdd, Request: 4},
				{OnSignal: "join", Do: plan.DoAdd, Request: 5},
			},
		},
		Origin: whileHalfSent(Answer{Signal: "join"}),
		Expect: Expect{Stock: always("a request is sent in the middle of a half-sent one")},
	},
	{
		ID:      "post-not-pipelined",
		Summary: "A POST among GETs: it is sent alone, and nothing is sent behind it before its response.",
		Client: Client{
			Requests:    6,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				2: {Method: "POST", UploadBytes: 500}, 4: {Method: "POST", UploadBytes: 3000},
			},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
		Origin: Origin{EveryAnswer: Answer{Hold: HoldQuiet}},
	},
	{
		ID:      "custom-method-not-pipelined",
		Summary: "The same with a custom method in place of GET.",
		Client: Client{
			Requests:    6,
			HeaderBytes: Range{100, 300},
			BodyBytes:   Range{500, 900},
			Special: map[int]Request{
				2: {CustomMethod: "PATCH"}, 4: {CustomMethod: "POST"},
			},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
		Origin: Origin{EveryAnswer: Answer{Hold: HoldQuiet}},
		Expect: Expect{Stock: always("a method that is not safe is pipelined")},
	},
}
