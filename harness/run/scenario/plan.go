package scenario

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// ID returns the id of the request with that number: "r0003".
func ID(number int) string {
	return fmt.Sprintf("r%04d", number)
}

// Number returns the number of the request with that id, and false if the id is
// not one of a request.
func Number(id string) (int, bool) {
	digits, found := strings.CutPrefix(id, "r")
	number, err := strconv.Atoi(digits)
	return number, found && err == nil
}

// Plan returns the client's half as a plan for a subject. The seed selects the
// sizes; url, caFile and driver are copied into the plan.
func (s *Scenario) Plan(seed uint64, url, caFile, driver string) *plan.Plan {
	random := rand.New(rand.NewPCG(seed, 0))
	p := &plan.Plan{
		URL:                url,
		CAFile:             caFile,
		TLS:                s.Client.TLS,
		Driver:             driver,
		MaxHostConnections: 1,
		Pipelining:         plan.PipelineHTTP1,
		MaxPipelineLength:  s.Client.MaxPipelineLength,
		StallLimitMS:       int(StallLimit.Milliseconds()),
		ReceiveBuffer:      s.Client.ReadBuffer,
		FollowRedirects:    s.Client.FollowRedirects,
	}
	for number := range s.Client.Requests {
		p.Requests = append(p.Requests, s.Client.request(number, random))
	}
	for _, step := range s.Client.Steps {
		p.Steps = append(p.Steps, step.plan())
	}
	return p
}

// request returns the request with that number.
func (c *Client) request(number int, random *rand.Rand) plan.Request {
	special := c.Special[number]
	body := cmp.Or(special.BodyBytes, c.BodyBytes)
	header := cmp.Or(special.HeaderBytes, c.HeaderBytes)
	return plan.Request{
		ID:           ID(number),
		Method:       cmp.Or(special.Method, "GET"),
		Path:         fmt.Sprintf("/%s?body=%d", ID(number), body.Pick(random.Uint64())),
		HeaderBytes:  header.Pick(random.Uint64()),
		Credentials:  special.Credentials,
		CustomMethod: special.CustomMethod,
		BodyBytes:    special.UploadBytes,
		TimeoutMS:    special.TimeoutMS,
		AbortAtBytes: special.AbortAtBytes,
	}
}

// plan returns the step in the form of a plan.
func (s *Step) plan() plan.Step {
	step := plan.Step{Do: s.Do, Value: s.Value}
	if named(s.Do) {
		step.Request = ID(s.Request)
	}
	switch {
	case s.OnSignal != "":
		step.When.Signal = s.OnSignal
	case s.OnCompleted > 0:
		step.When.Completed = s.OnCompleted
	case s.OnReceived > 0:
		step.When.Received, step.When.Bytes = ID(cmp.Or(s.From, s.Request)), s.OnReceived
	}
	return step
}

// named reports whether the action applies to one request.
func named(do string) bool {
	return do != plan.DoPipelining && do != plan.DoPipelineLength
}

// Initial returns how many requests are submitted at the start.
func (s *Scenario) Initial() int {
	later := make(map[int]bool)
	for _, step := range s.Client.Steps {
		if step.Do == plan.DoAdd {
			later[step.Request] = true
		}
	}
	return s.Client.Requests - len(later)
}
