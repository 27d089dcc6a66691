package outcome

import (
	"context"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
)

// Attempts is the largest number of attempts at a run that shows nothing.
const Attempts = 5

// ShowsNothing reports whether a run with this library should be repeated: it
// is inconclusive, or it was made with stock and does not show stock's known
// defect. Both can depend on the kernel's timing. No other unexpected run is
// repeated.
func (r *Run) ShowsNothing(l *library.Library) bool {
	return r.SubjectError == "" && !r.AsExpected() &&
		(r.Verdict == judge.Inconclusive || l.Manifest.Variant == library.Stock)
}

// MakeShown makes a run as [Make] does, and repeats it with the next seed while
// it shows nothing, up to [Attempts] times. Begin, if not nil, may change the
// setup of each attempt. Attempt is the number of the attempt that counts, from
// 1.
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
