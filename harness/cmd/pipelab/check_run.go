package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// outcomeQuote quotes a word for a shell.
func outcomeQuote(word string) string { return outcome.Quote([]string{word}) }

// errNoPackets is the error of a check in which only the packets are missing.
var errNoPackets = errors.New("no packets were captured")

// runChecks makes all runs and shows their results.
func runChecks(command *cobra.Command, o *checkOptions, arguments []string) error {
	name := filepath.Base(arguments[0])
	tls := o.tls
	if len(tls) == 0 {
		tls = []string{""}
	}
	var runs []outcome.Run
	noPackets := false
	for _, s := range o.scenarios {
		for _, version := range tls {
			if s != nil && s.TLS != "" && version != "" && s.TLS != version {
				continue // the reason is another scenario's
			}
			for repetition := 1; repetition <= o.repeat; repetition++ {
				made, err := runCheck(command.Context(), o, s, version, repetition, arguments)
				if errors.Is(err, evidence.ErrNoPackets) {
					noPackets = true
					fmt.Fprintf(command.ErrOrStderr(), "pipelab: %v; judged without them\n", err)
				} else if err != nil {
					return cannotRun(err)
				}
				runs = append(runs, made.Run)
				if err := showCheck(command.OutOrStdout(), made, o.scenario != ""); err != nil {
					return cannotRun(err)
				}
			}
		}
	}
	if len(runs) == 0 {
		return usage(fmt.Errorf("none of the scenarios is about TLS %s", strings.Join(o.tls, " or ")))
	}
	if err := o.outputs.write(runs); err != nil {
		return err
	}
	if err := sumOfChecks(command, name, runs, o.scenario != ""); err != nil {
		return err
	}
	if noPackets {
		return cannotRun(errNoPackets)
	}
	return nil
}

// made is a run and its output.
type made struct {
	outcome.Run
	scenario       *check.Scenario
	stdout, stderr []byte
}

// runCheck makes one run. After an error that wraps evidence.ErrNoPackets there
// is a run all the same.
func runCheck(ctx context.Context, o *checkOptions, s *check.Scenario, tls string, repetition int, arguments []string) (made, error) {
	name := filepath.Base(arguments[0])
	folder, done, err := evidenceFolder(o.out, s, name)
	if err != nil {
		return made{}, err
	}
	defer done()
	collector := evidence.Collect(folder, o.capture)
	setup := o.Setup
	setup.Command, setup.Tap, setup.Scenario, setup.TLS = arguments, collector.Tap(), s, tls
	result := made{scenario: s}
	keep := setup.Tap.Output
	setup.Tap.Output = func(stdout, stderr []byte) {
		result.stdout, result.stderr = stdout, stderr
		keep(stdout, stderr)
	}
	observation, err := check.Examine(ctx, setup)
	if err != nil {
		return made{}, err
	}
	result.Run = outcome.OfClient(observation, name)
	result.Run.Repetition = repetition
	result.Run.Command = "build/pipelab check " + flagsOf(o, s, tls) + "-- " + outcome.Quote(arguments)
	executable, _ := exec.LookPath(arguments[0]) // it has run, so it exists
	summary := "An honest origin, any client."
	if s != nil {
		summary = s.Summary
	}
	return result, collector.Finish(evidence.Record{
		Run: result.Run, Programs: evidence.Programs(executable, o.Interposer), Summary: summary,
	}, observation.Origin)
}

// evidenceFolder returns a new folder for the evidence of a run, and a function that
// removes the folder unless the user wants it.
func evidenceFolder(out string, s *check.Scenario, client string) (folder string, done func(), err error) {
	if out == "" { // the judge needs the packets in any case
		folder, err := os.MkdirTemp("", "pipelab-check-")
		if err != nil {
			return "", nil, fmt.Errorf("making a folder for the evidence: %w", err)
		}
		return folder, func() { os.RemoveAll(folder) }, nil
	}
	id := "check"
	if s != nil {
		id = s.ID
	}
	first := filepath.Join(out, id, client)
	folder = first
	for n := 2; ; n++ {
		if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
			return folder, func() {}, nil
		} else if err != nil {
			return "", nil, fmt.Errorf("making a folder for the evidence: %w", err)
		}
		folder = fmt.Sprintf("%s-%d", first, n)
	}
}

// showCheck prints the findings of one run: all of them, or, for one run of
// several, those that matter.
func showCheck(w io.Writer, m made, short bool) error {
	if short {
		return showShort(w, m)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "invariant\tverdict\tseen\texpected")
	for _, f := range m.Invariants {
		expected := f.Expected
		if f.Verdict == judge.NotApplicable {
			expected = ""
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.ID, f.Verdict, f.Actual, expected)
	}
	fmt.Fprintf(table, "\n%s: %s\n", m.Subject, m.Verdict)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the verdicts: %w", err)
	}
	return showOutput(w, m)
}

// showShort prints a line for a run, and more if it did not pass.
func showShort(w io.Writer, m made) error {
	deciding := m.Invariants[0] // n/a: all say the same
	for _, f := range m.Invariants {
		if f.Verdict == m.Verdict {
			deciding = f
			break
		}
	}
	_, err := fmt.Fprintf(w, "%-28s %-12s %s\n", m.Scenario, m.Verdict, deciding.Actual)
	if err == nil && m.Verdict != judge.Pass && m.Verdict != judge.NotApplicable {
		for _, f := range m.Invariants {
			if f.Verdict != judge.Fail && f.Verdict != judge.Inconclusive {
				continue
			}
			_, err = fmt.Fprintf(w, "    %s: %s; expected: %s\n    %s\n", f.ID, f.Actual, f.Expected, f.Rule)
		}
		fmt.Fprintf(w, "    %s\n", m.Run.Command)
	}
	if err != nil {
		return fmt.Errorf("writing the verdicts: %w", err)
	}
	return showOutput(w, m)
}

// mostLines is how many of the last lines of a failed client are shown.
const mostLines = 10

// showOutput prints the end of a failed client's output.
func showOutput(w io.Writer, m made) error {
	if m.Verdict != judge.Fail {
		return nil
	}
	for _, stream := range []struct {
		name    string
		content []byte
	}{{"stdout", m.stdout}, {"stderr", m.stderr}} {
		text := strings.TrimRight(strings.ToValidUTF8(string(stream.content), "�"), "\n")
		if text == "" {
			continue
		}
		lines := strings.Split(text, "\n")
		lines = lines[max(0, len(lines)-mostLines):]
		for i, line := range lines {
			if len(line) > 300 {
				lines[i] = line[:300] + "…"
			}
		}
		_, err := fmt.Fprintf(w, "    the end of its %s:\n        %s\n", stream.name, strings.Join(lines, "\n        "))
		if err != nil {
			return fmt.Errorf("writing what the client printed: %w", err)
		}
	}
	return nil
}

// sumOfChecks counts the verdicts, and returns the error that follows from
// them.
func sumOfChecks(command *cobra.Command, name string, runs []outcome.Run, several bool) error {
	count := make(map[judge.Verdict]int)
	for _, r := range runs {
		count[r.Verdict]++
	}
	if several {
		var parts []string
		for _, v := range []judge.Verdict{judge.Pass, judge.Fail, judge.Inconclusive, judge.NotApplicable} {
			if count[v] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", count[v], v))
			}
		}
		fmt.Fprintf(command.OutOrStdout(), "\n%s: %s\n", name, strings.Join(parts, ", "))
	}
	for _, v := range []judge.Verdict{judge.Fail, judge.Inconclusive} {
		if count[v] > 0 {
			return &failure{exitUnexpected, fmt.Errorf("%s: %s", name, v)}
		}
	}
	if count[judge.Pass] == 0 {
		return &failure{exitUnexpected, fmt.Errorf("%s: %s", name, judge.NotApplicable)}
	}
	return nil
}
