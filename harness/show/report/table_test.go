package report

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

var update = flag.Bool("update", false, "write the tables anew instead of comparing them")

// recorded are three runs of c-demo with either library, as pipelab --json
// wrote them.
func recorded(t *testing.T) []outcome.Run {
	t.Helper()
	text, err := os.ReadFile("testdata/runs.json")
	require.NoError(t, err)
	var d Document
	require.NoError(t, json.Unmarshal(text, &d))
	require.Len(t, d.Runs, 6)
	return d.Runs
}

func tableOf(t *testing.T, runs []outcome.Run) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, Table(&text, runs))
	return text.String()
}

// requireGolden compares text with a file in testdata.
func requireGolden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile("testdata/"+file, []byte(text), 0o644))
	}
	want, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	require.Equal(t, string(want), text)
}

func TestTableOfSingleRuns(t *testing.T) {
	requireGolden(t, "single.txt", tableOf(t, recorded(t)[:2]))
}

func TestTableOfRepeatedRuns(t *testing.T) {
	requireGolden(t, "repeated.txt", tableOf(t, recorded(t)))
}

// row returns the cells of the only row of a table.
func row(t *testing.T, runs []outcome.Run) []string {
	t.Helper()
	lines := strings.Split(tableOf(t, runs), "\n")
	require.GreaterOrEqual(t, len(lines), 3)
	require.Empty(t, lines[2], "one header, one row")
	var cells []string
	for _, cell := range strings.Split(strings.TrimSpace(lines[1]), "  ") {
		if cell = strings.TrimSpace(cell); cell != "" {
			cells = append(cells, cell)
		}
	}
	return cells
}

// run is one that passed.
func run() outcome.Run {
	return outcome.Run{
		Scenario: "some-words", Subject: "fake", Driver: "perform", Library: "7.53.1 patched",
		LibcurlVersion: "7.53.1-doing.1", OpenSSL: "3.0.19", Verdict: judge.Pass, Expected: judge.Pass,
		Connections: 1, Resets: 2, Requests: 9, Answered: 8, OwnResponse: 7, WantWrite: 6, WantRead: 5, BadWriteRetry: 4,
	}
}

func TestRowHasTheFigures(t *testing.T) {
	require.Equal(t, []string{"some-words", "fake", "perform", "7.53.1 patched", "1", "2", "8/9", "7/9", "6", "4", "pass"},
		row(t, []outcome.Run{run()}))
}

func TestRowOfRepeatedRunsHasSpansAndCounts(t *testing.T) {
	more, less, none := run(), run(), run()
	more.Connections, more.Verdict = 30, judge.Fail
	less.Answered, less.Verdict = 3, judge.Inconclusive
	none.WantWrite, none.Verdict = 0, judge.NotApplicable
	none.Invariants = []judge.Finding{{}}
	require.Equal(t, []string{"some-words", "fake", "perform", "7.53.1 patched", "1–30", "2", "3–8/9", "7/9", "0–6", "4",
		"pass 2/5, fail 1/5, inconclusive 1/5, n/a 1/5"}, row(t, []outcome.Run{run(), more, less, none, run()}))
}

func TestRunsThatDifferAreNotOneRow(t *testing.T) {
	for name, change := range map[string]func(*outcome.Run){
		"scenario":        func(r *outcome.Run) { r.Scenario = "other-words" },
		"subject":         func(r *outcome.Run) { r.Subject = "other" },
		"driver":          func(r *outcome.Run) { r.Driver = "socket" },
		"library":         func(r *outcome.Run) { r.Library = "7.53.1 stock" },
		"libcurl version": func(r *outcome.Run) { r.LibcurlVersion = "7.53.1-doing.2" },
		"OpenSSL":         func(r *outcome.Run) { r.OpenSSL = "1.0.1m" },
	} {
		t.Run(name, func(t *testing.T) {
			other := run()
			change(&other)
			text := tableOf(t, []outcome.Run{run(), other, run()})
			require.Equal(t, 3, strings.Count(text, "\n"), text)
			require.Contains(t, text, "pass 2/2", "runs of one kind need not follow each other")
		})
	}
}

// explained returns the text of the table below its row.
func explained(t *testing.T, runs ...outcome.Run) string {
	t.Helper()
	_, text, found := strings.Cut(tableOf(t, runs), "\n\n")
	if !found {
		return ""
	}
	return text
}

func TestExplanations(t *testing.T) {
	failed := run()
	failed.Seed, failed.Verdict = 77, judge.Fail
	failed.Invariants = []judge.Finding{
		{ID: "one-connection", Verdict: judge.Fail, Expected: "1 connection", Actual: "30 accepted"},
		{ID: "all-answered", Verdict: judge.Pass, Expected: "all", Actual: "all"},
		{ID: "exercised", Verdict: judge.Inconclusive, Expected: "at least 4", Actual: "3"},
	}
	details := "  one-connection fail: expected 1 connection; saw 30 accepted\n" +
		"  exercised      inconclusive: expected at least 4; saw 3\n"
	require.Empty(t, explained(t, run()), "a pass needs no explanation")
	require.Equal(t, "some-words, fake (perform), 7.53.1 patched: fail, NOT as expected, which is pass (seed 77)\n"+details,
		explained(t, failed))

	failed.Expected = judge.Fail
	require.Equal(t, "some-words, fake (perform), 7.53.1 patched: fail, as expected of this library (seed 77)\n"+details,
		explained(t, failed))

	second := failed
	second.Seed = 78
	require.Equal(t, explained(t, failed), explained(t, run(), failed, second), "the first of a row stands for all")
}

func TestExplanationOfWhatIsNotApplicable(t *testing.T) {
	skipped := run()
	skipped.Seed, skipped.Verdict = 77, judge.NotApplicable
	skipped.Invariants = []judge.Finding{
		{ID: "one-connection", Verdict: judge.NotApplicable, Actual: "no such driver"},
		{ID: "no-reset", Verdict: judge.NotApplicable, Actual: "no such driver"},
	}
	require.Equal(t, "some-words, fake (perform), 7.53.1 patched: n/a, it cannot be made (seed 77)\n  no such driver\n",
		explained(t, skipped))
}

// full is a file on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestTableSaysThatItCouldNotBeWritten(t *testing.T) {
	require.ErrorContains(t, Table(full{}, []outcome.Run{run()}), "writing the table: no space left")
}

func TestSummaryCountsKnownFailures(t *testing.T) {
	stale := run()
	stale.Known, stale.Verdict, stale.Expected = "not mended yet", judge.Pass, judge.Fail
	require.Equal(t, "0 of 1 runs as expected; 1 known failures", Summary([]outcome.Run{stale}))
}
