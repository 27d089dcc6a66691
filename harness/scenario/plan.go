package scenario

import (
	"fmt"
	"math/rand/v2"

	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// Plan returns the client's half as a plan for a subject. The seed picks the
// sizes; url, caFile and driver go into the plan as they are.
func (s *Scenario) Plan(seed uint64, url, caFile, driver string) *plan.Plan {
	random := rand.New(rand.NewPCG(seed, 0))
	p := &plan.Plan{
		URL:                url,
		CAFile:             caFile,
		TLS:                s.Client.TLS,
		Driver:             driver,
		MaxHostConnections: 1,
		Pipelining:         1,
		MaxPipelineLength:  s.Client.MaxPipelineLength,
		StallLimitMS:       int(StallLimit.Milliseconds()),
	}
	for i := range s.Client.Requests {
		id := fmt.Sprintf("r%04d", i)
		p.Requests = append(p.Requests, plan.Request{
			ID:          id,
			Method:      "GET",
			Path:        fmt.Sprintf("/%s?body=%d", id, s.Client.BodyBytes.Pick(random.Uint64())),
			HeaderBytes: s.Client.HeaderBytes.Pick(random.Uint64()),
		})
	}
	return p
}
