// Package judge compares what was observed of a run with the invariants.
//
// It stands at the end of a run: the subject's report, the origin's log, the
// packets and the interposer's events go in, a verdict for each [Invariant] comes out. The
// package does no I/O, its functions are pure, and each verdict carries what
// was expected, what was seen, and the rule that it comes from.
package judge

import (
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Verdict is the result of comparing an observation with an invariant.
type Verdict string

// The verdicts.
const (
	// Pass: the invariant held.
	Pass Verdict = "pass"
	// Fail: it did not.
	Fail Verdict = "fail"
	// Inconclusive: what the scenario is about did not happen, so the run shows
	// nothing. It is never a pass.
	Inconclusive Verdict = "inconclusive"
	// NotApplicable: this subject or library cannot do what is asked for.
	NotApplicable Verdict = "n/a"
)

// Observation is all that was seen of one run.
type Observation struct {
	// Scenario that was run.
	Scenario *scenario.Scenario
	// Sanitized is true if the library is built with sanitizers, whose memory
	// and time are not the client's.
	Sanitized bool
	// Plan that the subject was given.
	Plan *plan.Plan
	// Report of the subject; nil if it gave none.
	Report *plan.Report
	// Failure says why there is no report: the subject crashed, was killed
	// because it never ended, or printed something else.
	Failure string
	// Unimplemented is what the subject reports that it cannot do; empty if it
	// can do everything.
	Unimplemented string
	// Origin is the origin's log.
	Origin *origin.Log
	// Packets is what the packets tell; nil if none were captured.
	Packets *flow.Traffic
	// Events is the sum of the interposer's events.
	Events events.Summary
}

// Finding is the verdict on one invariant.
type Finding struct {
	// ID of the invariant.
	ID string `json:"id"`
	// Verdict on it.
	Verdict Verdict `json:"verdict"`
	// Expected and Actual say what should have been seen and what was.
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	// Rule is the text that the invariant comes from, with its source.
	Rule string `json:"rule"`
}

// Findings returns one finding for each invariant, in the order of
// [Invariants].
func Findings(o *Observation) []Finding {
	list := make([]Finding, 0, len(invariants))
	for _, invariant := range invariants {
		f := Finding{ID: invariant.ID, Rule: invariant.Rule}
		if o.Unimplemented != "" {
			f.Verdict, f.Actual = NotApplicable, o.Unimplemented
		} else {
			f.Verdict, f.Expected, f.Actual = invariant.examine(o)
		}
		list = append(list, f)
	}
	return list
}

// Sum returns the verdict on a whole run: n/a if all findings are n/a, else
// fail if one failed, else inconclusive if one is inconclusive, else pass.
func Sum(findings []Finding) Verdict {
	count := make(map[Verdict]int)
	for _, f := range findings {
		count[f.Verdict]++
	}
	switch {
	case count[NotApplicable] == len(findings):
		return NotApplicable
	case count[Fail] > 0:
		return Fail
	case count[Inconclusive] > 0:
		return Inconclusive
	default:
		return Pass
	}
}
