package report

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

func costly(library string, verdict judge.Verdict, cpuMS ...float64) []outcome.Run {
	var runs []outcome.Run
	for i, ms := range cpuMS {
		runs = append(runs, outcome.Run{
			Scenario: "honest-origin", Subject: "c-demo", Driver: "perform", Library: library,
			LibcurlVersion: library, Verdict: verdict, Expected: verdict, Requests: 100,
			CPUMS: ms, Repetition: i + 1,
		})
	}
	return runs
}

func TestCostIsComparedByTheMedian(t *testing.T) {
	runs := append(costly("7.53.1 stock", judge.Pass, 9, 4, 5), costly("7.53.1 patched", judge.Pass, 6, 1, 90)...)
	require.Contains(t, tableOf(t, runs),
		"\nhonest-origin, c-demo (perform): CPU time per request 50.0 µs with 7.53.1 stock, "+
			"60.0 µs with 7.53.1 patched, ratio 1.20\n")
}

func TestCostOfARunThatFailedIsNotCompared(t *testing.T) {
	runs := append(costly("7.53.1 stock", judge.Fail, 4), costly("7.53.1 patched", judge.Pass, 6)...)
	require.NotContains(t, tableOf(t, runs), "CPU time")
}

func TestCostIsComparedBetweenLibrariesOnly(t *testing.T) {
	other := costly("7.53.1 patched", judge.Pass, 6)
	other[0].Driver = "socket"
	require.NotContains(t, tableOf(t, append(costly("7.53.1 stock", judge.Pass, 4), other...)), "CPU time")
}
