package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSoakEndsWithTheLastRun(t *testing.T) {
	enterCheckout(t, "good")
	code, stdout, stderr := pipelab("soak", "--scenario", "honest-origin", "--runs", "5", "--minutes", "60", "--seed", "7")
	require.Equal(t, exitExpected, code, stderr)
	require.Equal(t, "5 runs, 0 not as expected\n", stdout)
	require.Contains(t, stderr, "--seed 7\n")
}

func TestSoakTellsHowToMakeARunAgain(t *testing.T) {
	enterCheckout(t, "good") // it blocks one write, and "reported" requires more
	code, stdout, stderr := pipelab("soak", "--scenario", "reported", "--runs", "2", "--jobs", "1", "--driver", "perform")
	require.Equal(t, exitUnexpected, code)
	require.True(t, strings.HasSuffix(stdout, "\n2 runs, 2 not as expected\n"), stdout)
	require.True(t, strings.HasSuffix(stderr, "\npipelab: not every run came out as expected\n"), stderr)
	var again []string
	for line := range strings.Lines(stdout) {
		if call, found := strings.CutPrefix(line, "again: build/pipelab "); found {
			again = strings.Fields(call)
		}
	}
	require.NotEmpty(t, again)
	code, once, _ := pipelab(again...)
	require.Equal(t, exitUnexpected, code)
	require.Contains(t, once, "(seed "+again[len(again)-1]+")")
	require.Contains(t, once, "inconclusive, NOT as expected, which is pass")
}

func TestSoakMakesTheSameChoicesAgain(t *testing.T) {
	enterCheckout(t, "good")
	soak := func() string {
		_, stdout, _ := pipelab("soak", "--scenario", "reported*", "--runs", "4", "--jobs", "1", "--seed", "9")
		return stdout
	}
	first := soak()
	require.Equal(t, 4, strings.Count(first, "again: "))
	require.Equal(t, first, soak())
}

func TestSoakOfNothing(t *testing.T) {
	enterCheckout(t, "unimplemented")
	code, _, stderr := pipelab("soak", "--scenario", "honest-origin", "--runs", "1")
	require.Equal(t, exitUnexpected, code)
	require.Contains(t, stderr, "not one of the runs could be made")
}

func TestOtherNumbersOfRequests(t *testing.T) {
	enterCheckout(t, "good")
	runs := runsOf(t, "--requests", "3")
	require.Len(t, runs, 1)
	require.Equal(t, 3, runs[0].Requests)
}
