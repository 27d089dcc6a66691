package outcome

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

func TestWhichRunsShowNothing(t *testing.T) {
	for _, each := range []struct {
		variant           string
		verdict, expected judge.Verdict
		nothing           bool
	}{
		{library.Stock, judge.Pass, judge.Fail, true},
		{library.Stock, judge.Fail, judge.Pass, true},
		{library.Stock, judge.Inconclusive, judge.Fail, true},
		{library.Stock, judge.Inconclusive, PassOrFail, true},
		{library.Stock, judge.Fail, judge.Fail, false},
		{library.Stock, judge.NotApplicable, judge.Fail, false},
		{library.Patched, judge.Inconclusive, judge.Pass, true},
		{library.Patched, judge.Fail, judge.Pass, false},
		{library.Patched, judge.Pass, judge.Pass, false},
		{library.Packaged, judge.Pass, judge.Fail, false},
	} {
		r := Run{Verdict: each.verdict, Expected: each.expected}
		require.Equal(t, each.nothing, r.ShowsNothing(libraryOf(each.variant)), "%+v", each)
		r.SubjectError = "the subject failed: signal: segmentation fault"
		require.False(t, r.ShowsNothing(libraryOf(each.variant)), "a breakdown shows a lot")
	}
}
