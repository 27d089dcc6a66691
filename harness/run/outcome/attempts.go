package outcome

import (
	"context"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
)

// Attempts is how often a run is made at most that shows nothing.
const Attempts = 5

// ShowsNothing reports whether the run, which was made with that library, is to
// be made again: it is inconclusive, or made with stock and does not show what
// stock is known for. Both can need a moment that the kernel grants. No other
// run that is not as expected has a second attempt.
func (r *Run) ShowsNothing(l *library.Library) bool {
	return r.SubjectError == "" && !r.AsExpected() &&
		(r.Verdict == judge.Inconclusive || l.Manifest.Variant == library.Stock)
}

// MakeShown does what [Make] does, and makes the run again with the next seed
// while it shows nothing, [Attempts] times at most. Begin, if not nil, may
// change the setup of each attempt. Attempt is the one that counts, from 1.
func MakeShown(ctx context.Context, setup *lab.Setup, begin func(*lab.Setup)) (r Run, seen *judge.Observation, attempt int, err error) {
	for attempt = 1; ; attempt++ {
		one := *setup
		one.Seed += uint64(attempt - 1)
		if begin != nil {
			begin(&one)
		}
		r, seen, err = Make(ctx, &one)
		if err != nil || attempt == Attempts || !r.ShowsNothing(setup.Library) {
			return r, seen, attempt, err
		}
	}
}
