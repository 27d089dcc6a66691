package scenario

import (
	"slices"

	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// table is all scenarios, in the order in which they are shown: a section a
// file.
var table = slices.Concat(control, writeContract)

var control = []Scenario{
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
}
