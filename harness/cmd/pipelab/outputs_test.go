package main

import (
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/stretchr/testify/require"
)

func TestRunsAreWrittenInEachForm(t *testing.T) {
	enterCheckout(t, "good")
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo",
		"--json", "runs.json", "--junit", "runs.xml", "--markdown", "runs.md")
	require.Equal(t, exitExpected, code, stderr)
	require.Len(t, runsIn(t, "runs.json"), 2)
	suites, err := junit.IngestFile("runs.xml")
	require.NoError(t, err)
	require.Len(t, suites, 1)
	require.Equal(t, "honest-origin", suites[0].Name)
	require.Equal(t, 2, suites[0].Totals.Passed)
	require.Equal(t, 2, strings.Count(contentOf(t, "runs.md"), "| `honest-origin` |"))
}

func TestOutputsThatCannotBeWrittenAreRefusedBeforeTheRuns(t *testing.T) {
	enterCheckout(t, "good")
	for _, flag := range []string{"--json", "--junit", "--markdown"} {
		for file, says := range map[string]string{
			"nowhere/runs": "there is no folder for it", ".": "that is a folder: name a file in it",
		} {
			code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", flag, file)
			require.Equal(t, exitCannotRun, code)
			requireOneLine(t, stdout, stderr)
			require.Contains(t, stderr, flag+" "+file+": "+says)
		}
	}
}

func TestTheCommandOfARunMakesItAgain(t *testing.T) {
	enterCheckout(t, "good")
	r := runsOf(t, "--requests", "12")[0]
	require.Regexp(t, `^build/pipelab run --scenario honest-origin --subject c-demo --driver perform --library patched --seed \d+ `+
		`--requests 12$`, r.Command)
	code, _, stderr := pipelab(append(strings.Fields(r.Command)[1:], "--json", "again.json")...)
	require.Equal(t, exitExpected, code, stderr)
	again := runsIn(t, "again.json")[0]
	require.Equal(t, r.Seed, again.Seed)
	require.Equal(t, 12, again.Requests)
	require.Equal(t, r.Command, again.Command)
}
