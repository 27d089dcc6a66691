package scenario

import (
	"slices"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// table has all scenarios, in the order in which they are shown. Each section
// has a file.
var table = slices.Concat(control, writeContract, tlsMessages, atRest, leavingEarly, serversEnd, reading, framing, identity, switches, multiplexing)

var control = []Scenario{
	{
		ID:      "honest-origin",
		Summary: "The control: an origin that reads and answers at once. Every client passes.",
		Client: Client{
			Requests:          500,
			AnyFrom:           1,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
	},
	{
		ID:      "added-at-once",
		Summary: "Requests that are added before there is a connection are pipelined as soon as one of them has been answered.",
		Client: func() Client {
			c := pipelined(50, plan.TLS12)
			c.AllAtOnce = true
			return c
		}(),
		Origin: Origin{EveryAnswer: Answer{Hold: HoldQuiet}},
		Expect: Expect{
			MinPipelined: 20,
			Stock:        []Defect{nothingPipelined},
		},
	},
}

// CURLcodes of expected failures, from curl/curl.h.
const (
	curleWeirdServerReply  = 8
	curlePartialFile       = 18
	curleWriteError        = 23
	curleOperationTimedOut = 28
	curleGotNothing        = 52
	curleRecvError         = 56
)

// mayFail lets each of n requests be answered or fail with one of these codes,
// if timing decides which of them fails.
func mayFail(n int, codes ...int) map[int]Result {
	results := make(map[int]Result)
	for number := range n {
		results[number] = Result{Outcome: AnsweredOrFailed, Codes: codes}
	}
	return results
}

// pipelined is a client that makes small requests and sends each as soon as
// possible.
func pipelined(requests int, tls string) Client {
	return Client{
		Requests:          requests,
		HeaderBytes:       Range{100, 300},
		BodyBytes:         Range{500, 900},
		TLS:               tls,
		MaxPipelineLength: 50,
	}
}
