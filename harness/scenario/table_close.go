package scenario

import "github.com/curlpipe/curlpipe/harness/subject/plan"

// serversEnd has the scenarios in which the origin ends the connection. What
// was sent and not answered is sent once more, on one new connection.
var serversEnd = []Scenario{
	{
		ID: "close-announced",
		Summary: "Five connections in a row are closed after the third response, which says so, when " +
			"more requests have been sent behind it.",
		Client: shortPipeline(),
		Origin: Origin{Places: []Place{
			{Connections: 5, Request: 2, Answer: Answer{Hold: HoldNext, CloseAnnounced: true}},
		}},
		Expect: Expect{
			MaxConnections: 6,
			Stock:          map[string]string{plan.DriverSocket: "nobody wakes the requests of a broken pipe"},
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
			Stock:          map[string]string{plan.DriverSocket: "nobody wakes the requests of a broken pipe"},
		},
	},
}

// shortPipeline is a client that has few requests under way at a time.
func shortPipeline() Client {
	c := pipelined(40, plan.PlainText)
	c.MaxPipelineLength = 4
	return c
}
