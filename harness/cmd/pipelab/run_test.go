package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

func TestRunsThatComeOutAsExpected(t *testing.T) {
	enterCheckout(t, "good")
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--json", "runs.json")
	require.Equal(t, exitExpected, code, stderr)
	require.Equal(t, 6, strings.Count(stdout, "   500/500       500/500   "), stdout)
	require.Equal(t, 6, strings.Count(stderr, "\n"), "a line for each run")
	require.Regexp(t, `(?m)^\[1/6\] honest-origin, c-demo \(perform\), libcurl 7\.53\.1 stock: pass in 3 ms$`, stderr)

	var made []string
	for _, r := range runsIn(t, "runs.json") {
		made = append(made, strings.Join([]string{r.Subject, r.Driver, r.Library, string(r.Verdict)}, " "))
	}
	require.Equal(t, []string{
		"c-demo perform 7.53.1 stock pass", "c-demo perform 7.53.1 patched pass",
		"go-curl perform 7.53.1 stock pass", "go-curl perform 7.53.1 patched pass",
		"curlpipe socket 7.53.1 stock pass", "curlpipe socket 7.53.1 patched pass",
	}, made)
}

func TestRunsThatDoNot(t *testing.T) {
	enterCheckout(t, "good") // it blocks one write, and "reported" requires more
	code, stdout, stderr := pipelab("run", "--scenario", "reported", "--subject", "c-demo", "--json", "runs.json")
	require.Equal(t, exitUnexpected, code)
	require.Contains(t, stdout, "inconclusive, NOT as expected, which is pass")
	require.Contains(t, stdout, "inconclusive, NOT as expected, which is fail")
	require.True(t, strings.HasSuffix(stderr, "\npipelab: not every run came out as expected\n"), stderr)
	require.Len(t, runsIn(t, "runs.json"), 2, "they are written all the same")
}

func TestRunsThatShowNothingAreMadeAgain(t *testing.T) {
	enterCheckout(t, "good")
	code, _, stderr := pipelab("run", "--scenario", "reported", "--subject", "c-demo", "--library", "patched", "--again",
		"--seed", "7", "--json", "runs.json", "--out", "out")
	require.Equal(t, exitUnexpected, code, stderr)
	runs := runsIn(t, "runs.json")
	require.Len(t, runs, 1)
	require.EqualValues(t, 7+outcome.Attempts-1, runs[0].Seed, "the last attempt counts")
	require.Equal(t, 1, runs[0].Repetition)
	kept, err := evidence.ReadAll("out")
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, runs[0].Seed, kept[0].Record.Run.Seed, "and its evidence is there")
	require.NotEmpty(t, kept[0].Events.Events)
}

func TestRunsOfWhichNoneCanBeMade(t *testing.T) {
	enterCheckout(t, "unimplemented")
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--library", "patched")
	require.Equal(t, exitUnexpected, code)
	require.Contains(t, stdout, "unimplemented: everything")
	require.True(t, strings.HasSuffix(stderr, "\npipelab: not one of the runs could be made, all are n/a\n"), stderr)
}

func TestSum(t *testing.T) {
	pass := outcome.Run{Verdict: judge.Pass, Expected: judge.Pass}
	wrong := outcome.Run{Verdict: judge.Pass, Expected: judge.Fail}
	skipped := outcome.Run{Verdict: judge.NotApplicable, Expected: judge.Pass}
	require.NoError(t, sum([]outcome.Run{pass, skipped}))
	require.ErrorIs(t, sum([]outcome.Run{pass, wrong, skipped}), errUnexpected)
	require.ErrorIs(t, sum([]outcome.Run{skipped, skipped}), errNothing)
}

// runsOf runs the honest origin with c-demo and the patched library.
func runsOf(t *testing.T, arguments ...string) []outcome.Run {
	t.Helper()
	code, _, stderr := pipelab(append([]string{
		"run", "--scenario", "honest-origin", "--subject", "c-demo", "--library", "patched", "--json", "runs.json",
	}, arguments...)...)
	require.Equal(t, exitExpected, code, stderr)
	return runsIn(t, "runs.json")
}

func TestRepetitionsHaveSeedsOfTheirOwn(t *testing.T) {
	enterCheckout(t, "good")
	runs := runsOf(t, "--repeat", "3", "--seed", "7")
	require.Len(t, runs, 3)
	for i, r := range runs {
		require.EqualValues(t, 7+i, r.Seed)
		require.Equal(t, i+1, r.Repetition)
	}
	require.EqualValues(t, 0, runsOf(t, "--seed", "0")[0].Seed, "0 is a seed, too")
	require.NotEqual(t, runsOf(t)[0].Seed, runsOf(t)[0].Seed, "without a choice they are random")
}

func TestDriversAreChosen(t *testing.T) {
	enterCheckout(t, "good")
	for arguments, want := range map[string][]string{
		"":                        {"perform"},
		"--driver socket":         {"socket"},
		"--driver socket,perform": {"socket", "perform"},
	} {
		var drivers []string
		for _, r := range runsOf(t, strings.Fields(arguments)...) {
			drivers = append(drivers, r.Driver)
		}
		require.Equal(t, want, drivers, arguments)
	}
}

func TestSubjectsWithoutTheDriverAreLeftOut(t *testing.T) {
	enterCheckout(t, "good")
	var subjects []string
	for _, r := range runsOf(t, "--subject", "go-curl,curlpipe", "--driver", "socket") {
		subjects = append(subjects, r.Subject)
	}
	require.Equal(t, []string{"c-demo", "curlpipe"}, subjects)
}

func TestALibraryOfTheUsersOwn(t *testing.T) {
	enterCheckout(t, "good")
	write(t, "own/lib/libcurl.so.4", "libcurl/7.47.1-mine\x00")
	runs := runsOf(t, "--library", "./own")
	require.Len(t, runs, 2)
	require.Equal(t, "7.47.1 own", runs[1].Library)
	require.Equal(t, "7.47.1-mine", runs[1].LibcurlVersion)
}

// In front of a debugger there is no time limit, unless the user chose one.
func TestTimeForADebugger(t *testing.T) {
	for name, test := range map[string]struct {
		wrap               string
		chosen, onTerminal bool
		words              []string
		limit              time.Duration
	}{
		"no wrapper":       {"", false, true, nil, lab.DefaultLimit},
		"a terminal":       {"env --args", false, true, []string{"env", "--args"}, lab.NoLimit},
		"no terminal":      {"env A='b c'", false, false, []string{"env", "A=b c"}, lab.DefaultLimit},
		"a limit of one's": {"env", true, true, []string{"env"}, lab.DefaultLimit},
	} {
		t.Run(name, func(t *testing.T) {
			s := selection{wrap: test.wrap, limit: lab.DefaultLimit}
			require.NoError(t, s.understandWrap(test.chosen, test.onTerminal))
			require.Equal(t, test.words, s.wrapper)
			require.Equal(t, test.limit, s.limit)
		})
	}
}
