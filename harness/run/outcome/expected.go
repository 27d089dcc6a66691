package outcome

import (
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// PassOrFail is expected where a library fails in some runs only.
const PassOrFail judge.Verdict = "pass or fail"

// defect returns what the libcurl of a run is known to do wrong; nil if it is
// not stock, or does nothing wrong.
func defect(s *scenario.Scenario, subject, driver string, l *library.Library) *scenario.Defect {
	if l.Manifest.Variant != library.Stock {
		return nil
	}
	return s.StockDefect(subject, driver, l.Manifest.Version)
}

func expected(s *scenario.Scenario, driver string, l *library.Library, d *scenario.Defect) judge.Verdict {
	variant := l.Manifest.Variant
	switch {
	case KnownFailure(s.ID, driver, l.Manifest) != "":
		return judge.Fail
	case d != nil && d.Sometimes:
		return PassOrFail
	case d != nil:
		return judge.Fail
	case variant == library.MovingBuffer && s.Expect.Control != "":
		return judge.Fail
	case variant == library.MovingBuffer:
		return PassOrFail
	}
	return judge.Pass
}

// AsExpected reports whether the verdict is the one that the scenario expects
// of this library. A run whose subject broke down is not, because it has not
// shown the scenario's defect, unless that is the defect.
func (r *Run) AsExpected() bool {
	varies := r.Expected == PassOrFail && (r.Verdict == judge.Pass || r.Verdict == judge.Fail)
	return r.Verdict == judge.NotApplicable || (varies || r.Verdict == r.Expected) && (r.SubjectError == "" || r.MayCrash)
}
