// Package scenario is the table of what the laboratory can make happen.
//
// It stands at the head of a run: a [Scenario] is data only, one literal each.
// Its client half becomes the plan of a subject, its origin half the behaviour
// of the origin, and its expectations are what the judge holds the
// observations against. The zero value of every field is the honest case.
package scenario

import (
	"fmt"
	"path"
	"time"
)

// Scenario is one situation to put a client in.
type Scenario struct {
	// ID is a word that never changes.
	ID string
	// Summary says in one sentence what happens.
	Summary string
	// Client is what the subject is to do.
	Client Client
	// Origin is how the server misbehaves.
	Origin Origin
	// Expect is what has to come of it.
	Expect Expect
}

// Client is the client's half of a scenario.
type Client struct {
	// Requests is how many requests are submitted, all at once.
	Requests int
	// HeaderBytes is the range of the size of a request's padding.
	HeaderBytes Range
	// BodyBytes is the range of the size of a response's body.
	BodyBytes Range
	// TLS is the version that is used, as in plan.Plan.
	TLS string
	// SendBuffer, if not 0, is what SO_SNDBUF is set to before the client
	// connects, in bytes. Linux doubles it.
	SendBuffer int
	// MaxPipelineLength is CURLMOPT_MAX_PIPELINE_LENGTH.
	MaxPipelineLength int
}

// Origin is the server's half of a scenario.
type Origin struct {
	// ReceiveBuffer, if not 0, is what SO_RCVBUF is set to, in bytes. Linux
	// doubles it.
	ReceiveBuffer int
	// MaxSegment, if not 0, is the TCP maximum segment size in bytes. The
	// loopback's own of 64 KB makes small windows depend on timers.
	MaxSegment int
	// StallConnections, if not 0, is the number of connections on which the
	// origin stalls: it reads a request, stops reading until the client is
	// seen to be stuck in a write, and only then answers. Those after them
	// are served honestly, which bounds the time that a client takes that
	// loses each connection.
	StallConnections int
	// StallUntilLeft ends the stalling when no more than so many requests are
	// unanswered: what fits into the buffers does not get stuck.
	StallUntilLeft int
}

// Expect is what has to come of a scenario.
type Expect struct {
	// MaxConnections is how many connections the origin may see; 0 means 1.
	MaxConnections int
	// MinBlockedWrites is how many writes must have been blocked for the run
	// to count, with a client that the interposer can see into.
	MinBlockedWrites int
	// StockFails is true if the stock libcurl is known to fail: then it has to.
	StockFails bool
}

// Range is an inclusive range of sizes in bytes, of which the seed of a run
// picks one for each request.
type Range struct {
	Min, Max int
}

// Pick returns the size for one request; random is any number.
func (r Range) Pick(random uint64) int {
	return r.Min + int(random%uint64(r.Max-r.Min+1))
}

// StallLimit is how long a subject waits in vain before it gives up. It bounds
// a run with a client that hangs.
const StallLimit = 4 * time.Second

// All returns the table, in the order in which it is shown.
func All() []Scenario {
	return append([]Scenario(nil), table...)
}

// Match returns the scenarios whose id matches the shell pattern. The error
// names the ids that exist when there is none.
func Match(pattern string) ([]Scenario, error) {
	var found []Scenario
	for _, s := range table {
		matched, err := path.Match(pattern, s.ID)
		if err != nil {
			return nil, fmt.Errorf("scenario pattern %q: %w", pattern, err)
		}
		if matched {
			found = append(found, s)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no scenario matches %q; there are: %s", pattern, ids())
	}
	return found, nil
}

// Check returns an error if the scenario contradicts itself and therefore
// cannot be run.
func (s *Scenario) Check() error {
	switch {
	case s.ID == "" || s.Summary == "":
		return fmt.Errorf("scenario %q: id and summary are needed", s.ID)
	case s.Client.Requests < 1:
		return fmt.Errorf("scenario %s: there are no requests", s.ID)
	case !s.Client.HeaderBytes.valid() || !s.Client.BodyBytes.valid():
		return fmt.Errorf("scenario %s: a range runs backwards or below 0", s.ID)
	case s.Client.MaxPipelineLength < 1:
		return fmt.Errorf("scenario %s: the pipeline has no length", s.ID)
	case s.Expect.MinBlockedWrites > 0 && s.Origin.StallConnections == 0:
		return fmt.Errorf("scenario %s: blocked writes are expected from an origin that never stalls", s.ID)
	case s.Origin.StallConnections > 0 && (s.Client.SendBuffer == 0 || s.Origin.ReceiveBuffer == 0):
		return fmt.Errorf("scenario %s: the origin stalls but the buffers are not clamped", s.ID)
	}
	return nil
}

func (r Range) valid() bool {
	return r.Min >= 0 && r.Max >= r.Min
}

func ids() string {
	list := ""
	for i, s := range table {
		if i > 0 {
			list += ", "
		}
		list += s.ID
	}
	return list
}

// AllowedConnections returns how many connections the origin may see.
func (s *Scenario) AllowedConnections() int {
	return max(1, s.Expect.MaxConnections)
}
