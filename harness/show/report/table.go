package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// group has the runs of one row, which differ only in the seed.
type group struct {
	first *outcome.Run
	runs  []outcome.Run
}

func groups(runs []outcome.Run) []group {
	var list []group
	index := make(map[[5]string]int)
	for i := range runs {
		r := &runs[i]
		key := [5]string{r.Scenario, r.Subject, r.Driver, r.TLS, r.LibcurlVersion + r.OpenSSL + r.Library}
		at, known := index[key]
		if !known {
			at = len(list)
			index[key] = at
			list = append(list, group{first: r})
		}
		list[at].runs = append(list[at].runs, *r)
	}
	return list
}

// span returns the smallest and the largest value: "36", or "34–38".
func (g *group) span(figure func(*outcome.Run) int64) string {
	least, most := figure(g.first), figure(g.first)
	for i := range g.runs {
		least, most = min(least, figure(&g.runs[i])), max(most, figure(&g.runs[i]))
	}
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d–%d", least, most)
}

// verdict returns the verdicts of the runs: "fail", or "pass 49 fail 1".
func (g *group) verdict() string {
	count := make(map[judge.Verdict]int)
	for _, r := range g.runs {
		count[r.Verdict]++
	}
	if len(g.runs) == 1 {
		return string(g.first.Verdict)
	}
	var parts []string
	for _, v := range []judge.Verdict{judge.Pass, judge.Fail, judge.Inconclusive, judge.NotApplicable} {
		if count[v] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d/%d", v, count[v], len(g.runs)))
		}
	}
	return strings.Join(parts, ", ")
}

// Table writes the runs as a table for people, with one row for all repetitions
// of a run. Below the table it compares the cost of a request with each
// library, and explains each verdict other than pass.
func Table(w io.Writer, runs []outcome.Run) error {
	rows := groups(runs)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")+"\t") }
	line(slices.Concat([]string{"scenario", "subject", "driver", "library"}, titles(rows), []string{
		"connections", "resets", "answered", "own response", "WANT_WRITE", "bad retry", "verdict",
	})...)
	for i := range rows {
		g := &rows[i]
		of := fmt.Sprintf("/%d", g.first.Requests)
		line(slices.Concat([]string{g.first.Scenario, g.first.Subject, g.first.Driver, g.first.Library}, g.axes(rows), []string{
			g.span(func(r *outcome.Run) int64 { return int64(r.Connections) }),
			g.span(func(r *outcome.Run) int64 { return int64(r.Resets) }),
			g.span(func(r *outcome.Run) int64 { return int64(r.Answered) }) + of,
			g.span(func(r *outcome.Run) int64 { return int64(r.OwnResponse) }) + of,
			g.span(func(r *outcome.Run) int64 { return r.WantWrite }),
			g.span(func(r *outcome.Run) int64 { return int64(r.BadWriteRetry) }),
			g.verdict(),
		})...)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	costs(w, rows)
	for i := range rows {
		explain(w, &rows[i])
	}
	return nil
}

// Summary returns the sum of the runs in one line.
func Summary(runs []outcome.Run) string {
	expected, known, none := 0, 0, 0
	for i := range runs {
		if runs[i].Verdict == judge.NotApplicable {
			none++
		}
		if runs[i].AsExpected() {
			expected++
		}
		if runs[i].Known != "" {
			known++
		}
	}
	if none == len(runs) {
		return fmt.Sprintf("0 of %d runs could be made", none)
	}
	return fmt.Sprintf("%d of %d runs as expected; %d known failures", expected, len(runs), known)
}

// explain explains the first run of the group that did not pass.
func explain(w io.Writer, g *group) {
	for _, r := range g.runs {
		if r.Verdict == judge.Pass {
			continue
		}
		note := "as expected of this library"
		switch {
		case r.Verdict == judge.NotApplicable:
			note = "it cannot be made"
		case r.AsExpected():
		case r.SubjectError != "":
			note = "NOT as expected, the subject broke down"
		default:
			note = fmt.Sprintf("NOT as expected, which is %s", r.Expected)
		}
		fmt.Fprintf(w, "\n%s, %s (%s), %s: %s, %s (seed %d)\n",
			r.Scenario, r.Subject, r.Driver, r.Library, r.Verdict, note, r.Seed)
		if r.Verdict == judge.NotApplicable {
			fmt.Fprintf(w, "  %s\n", r.WhyNotApplicable())
			return
		}
		for _, f := range r.Invariants {
			if f.Verdict != judge.Pass {
				fmt.Fprintf(w, "  %-14s %s: expected %s; saw %s\n", f.ID, f.Verdict, f.Expected, f.Actual)
			}
		}
		return
	}
}
