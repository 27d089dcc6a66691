package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"golang.org/x/perf/benchmath"
)

// AgainstRounds is the smallest number of rounds of a comparison: with three
// rounds of each client, the test could never find a difference.
const AgainstRounds = 10

// againstPrefix begins the name of the client before; the revision follows.
const againstPrefix = "curlpipe@"

// Against returns the two clients to compare: curlpipe of the working tree, and
// curlpipe of a revision, which scripts/bench has built.
func Against(revision string) []Client {
	return []Client{
		{Name: "curlpipe", Program: "curlpipe", HTTP: 1},
		{Name: againstPrefix + revision, Program: "curlpipe-against", HTTP: 1},
	}
}

// Change is how the CPU time of a request has changed in one cell.
type Change struct {
	Cell          Cell
	Before, After float64 // µs a request, medians
	Ratio         float64 // median of the rounds' ratios

	// Low and High contain the median of all ratios, not only of those that were
	// measured, with a confidence of at least 95 %. With fewer than six rounds they are
	// infinite.
	Low, High float64

	test benchmath.Comparison
}

// confidence of Low and High.
const confidence = 0.95

// Significant reports whether a Mann-Whitney U-test at the 5 % level finds the
// rounds different.
func (c Change) Significant() bool { return c.test.P < c.test.Alpha }

// Slower reports whether a request costs more than it did.
func (c Change) Slower() bool { return c.Significant() && c.Ratio > 1 }

// String is one line for users.
func (c Change) String() string {
	verdict := "no difference"
	if c.Slower() {
		verdict = "SLOWER"
	} else if c.Significant() {
		verdict = "faster"
	}
	return fmt.Sprintf("%v: %.1f µs a request, before %.1f µs, ratio %.3f (%g %%: %.3f to %.3f; %v): %s",
		c.Cell, c.After, c.Before, c.Ratio, 100*confidence, c.Low, c.High, c.test, verdict)
}

// MarshalJSON writes the change as docs/bench.md describes it. A limit that is not
// known is null.
func (c Change) MarshalJSON() ([]byte, error) {
	known := func(limit float64) *float64 {
		if math.IsInf(limit, 0) {
			return nil
		}
		return &limit
	}
	return json.Marshal(struct {
		Depth     int      `json:"depth"`
		BodyBytes int      `json:"body_bytes"`
		TLS       string   `json:"tls"`
		RTTMS     float64  `json:"rtt_ms"`
		After     float64  `json:"cpu_us_per_request"`
		Before    float64  `json:"cpu_us_per_request_before"`
		Ratio     float64  `json:"ratio"`
		Low       *float64 `json:"ratio_low"`
		High      *float64 `json:"ratio_high"`
		P         float64  `json:"p"`
	}{c.Cell.Depth, c.Cell.Body, c.Cell.TLS, c.Cell.RTT.Seconds() * 1000, c.After, c.Before, c.Ratio, known(c.Low), known(c.High), c.test.P})
}

// Changes compares the rows of the clients of Against. Ratios are computed from
// neighbouring rounds, which ran under the same load.
func (r *Result) Changes() []Change {
	var changes []Change
	for i := 0; i+1 < len(r.Rows); i++ {
		if r.cells[i] != r.cells[i+1] || !strings.HasPrefix(r.Rows[i+1].Client, againstPrefix) {
			continue // one of the two failed, as LeftOut says, or nothing is compared
		}
		now, before := costs(r.rounds[i]), costs(r.rounds[i+1])
		ratios := make([]float64, len(now))
		for k := range ratios {
			ratios[k] = now[k] / before[k]
		}
		bounds := benchmath.AssumeNothing.Summary(sampleOf(ratios), confidence)
		changes = append(changes, Change{
			Cell: r.cells[i], After: r.Rows[i].CPUUSPerRequest, Before: r.Rows[i+1].CPUUSPerRequest,
			Ratio: bounds.Center, Low: bounds.Lo, High: bounds.Hi,
			test: benchmath.AssumeNothing.Compare(sampleOf(before), sampleOf(now)),
		})
	}
	return changes
}

// sampleOf copies the values, because NewSample sorts them.
func sampleOf(values []float64) *benchmath.Sample {
	return benchmath.NewSample(append([]float64(nil), values...), &benchmath.DefaultThresholds)
}

// costs returns the CPU time of a request in each round.
func costs(rounds []sample) []float64 {
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = cpuPerRequest(&rounds[i])
	}
	return values
}
