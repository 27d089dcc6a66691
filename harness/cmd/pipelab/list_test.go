package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// listed is the output of `pipelab list --json`.
func listed(t *testing.T) map[string][]item {
	t.Helper()
	code, stdout, stderr := pipelab("list", "--json")
	require.Equal(t, exitExpected, code)
	require.Empty(t, stderr)
	var lists map[string][]item
	require.NoError(t, json.Unmarshal([]byte(stdout), &lists))
	return lists
}

func TestListAsJSON(t *testing.T) {
	lists := listed(t)
	require.Len(t, lists, 4)
	require.Len(t, lists["check_scenarios"], len(check.All()))
	var scenarios, subjects, invariants []string
	for _, i := range lists["scenarios"] {
		scenarios = append(scenarios, i.ID)
	}
	for _, i := range lists["subjects"] {
		subjects = append(subjects, i.ID)
	}
	for _, i := range lists["invariants"] {
		invariants = append(invariants, i.ID)
		require.NotEmpty(t, i.Summary)
	}
	var wantScenarios, wantInvariants []string
	for _, s := range scenario.All() {
		wantScenarios = append(wantScenarios, s.ID)
	}
	for _, i := range judge.Invariants() {
		wantInvariants = append(wantInvariants, i.ID)
	}
	require.Equal(t, wantScenarios, scenarios)
	require.Equal(t, wantInvariants, invariants)
	require.Equal(t, []string{"c-demo", "go-curl", "curlpipe"}, subjects)
}

func TestListForPeople(t *testing.T) {
	t.Chdir(t.TempDir()) // it needs neither a checkout nor a build
	code, stdout, stderr := pipelab("list")
	require.Equal(t, exitExpected, code)
	require.Empty(t, stderr)
	for title, items := range listed(t) {
		require.Contains(t, "\n"+stdout, "\n"+title+"\n")
		for _, i := range items {
			require.Regexp(t, `(?m)^  `+i.ID+`  +\S`, stdout)
			require.Contains(t, stdout, i.Summary)
		}
	}
	require.Equal(t, 4+len(scenario.All())+len(check.All())+len(subjectNames())+len(judge.Invariants()), strings.Count(stdout, "\n"))
}

func TestHelp(t *testing.T) {
	for _, arguments := range [][]string{{"--help"}, {"help"}} {
		code, stdout, stderr := pipelab(arguments...)
		require.Equal(t, exitExpected, code)
		require.Empty(t, stderr)
		require.Contains(t, stdout, "pipelab [command]")
	}
	code, stdout, _ := pipelab("run", "--help")
	require.Equal(t, exitExpected, code)
	for _, flag := range []string{"--scenario GLOB", "--library NAME", "--subject NAME", "--driver", "--repeat", "--seed",
		"--listen HOST:PORT", "--json FILE"} {
		require.Contains(t, stdout, flag)
	}
}
