package scenario

import "github.com/curlpipe/curlpipe/harness/subject/plan"

var table = []Scenario{
	{
		ID: "honest-origin",
		Summary: "An origin that reads at once and answers at once: the control, " +
			"which every client passes.",
		Client: Client{
			Requests:          500,
			HeaderBytes:       Range{100, 300},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			MaxPipelineLength: 50,
		},
	},
	{
		ID: "reported",
		Summary: "Writes answer WANT_WRITE while responses come in, as in the report of " +
			"March 2016: stock libcurl lets the next request write, and loses the connection.",
		Client: Client{
			Requests:          50,
			HeaderBytes:       Range{12000, 15000},
			BodyBytes:         Range{500, 900},
			TLS:               plan.TLS12,
			SendBuffer:        16 << 10,
			MaxPipelineLength: 50,
		},
		Origin: Origin{
			ReceiveBuffer:    8 << 10,
			MaxSegment:       1400,
			StallConnections: 12,
			StallUntilLeft:   10,
		},
		Expect: Expect{MinBlockedWrites: 10, StockFails: true},
	},
}
