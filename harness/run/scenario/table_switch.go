package scenario

import "github.com/curlpipe/curlpipe/harness/clients/subject/plan"

// switches has the scenarios in which options change while requests are in
// flight.
var switches = []Scenario{
	{
		ID:      "pipelining-off-midway",
		Summary: "Pipelining is switched off while many requests are in the pipeline.",
		Client: Client{
			Requests:          20,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
			Steps:             []Step{{OnCompleted: 2, Do: plan.DoPipelining, Value: 0}},
		},
		Origin: Origin{Places: []Place{{Connections: 1, Request: 1, Answer: Answer{Hold: HoldRest}}}},
	},
	{
		ID:      "depth-changed-midway",
		Summary: "The pipeline's length is reduced while it is full, and increased again later.",
		Client: Client{
			Requests:          40,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 10,
			Steps: []Step{
				{OnCompleted: 5, Do: plan.DoPipelineLength, Value: 2},
				{OnCompleted: 20, Do: plan.DoPipelineLength, Value: 30},
			},
		},
	},
}
