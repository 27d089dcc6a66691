package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// costs writes a line for each pair of rows that differ only in the library and
// passed in every run: the client's CPU time for a request with the second
// library, compared with the first. If one of them failed there is nothing to
// compare.
func costs(w io.Writer, rows []group) {
	begun := false
	for i := range rows {
		for j := i + 1; j < len(rows); j++ {
			first, second := &rows[i], &rows[j]
			if !first.comparable(second) {
				continue
			}
			if !begun {
				begun = true
				fmt.Fprintln(w)
			}
			a, b := first.cpuPerRequest(), second.cpuPerRequest()
			fmt.Fprintf(w, "%s, %s (%s): CPU time per request %.1f µs with %s, %.1f µs with %s, ratio %.2f\n",
				first.first.Scenario, first.first.Subject, first.first.Driver,
				a, first.first.Library, b, second.first.Library, b/a)
		}
	}
}

// comparable reports whether the two rows differ only in the library and all
// their runs did the same work.
func (g *group) comparable(other *group) bool {
	a, b := g.first, other.first
	return a.Scenario == b.Scenario && a.Subject == b.Subject && a.Driver == b.Driver &&
		a.Library != b.Library && g.passed() && other.passed()
}

func (g *group) passed() bool {
	for _, r := range g.runs {
		if r.Verdict != judge.Pass || r.CPUMS <= 0 {
			return false
		}
	}
	return true
}

// cpuPerRequest returns the median over the runs, in microseconds.
func (g *group) cpuPerRequest() float64 {
	var costs []float64
	for _, r := range g.runs {
		costs = append(costs, r.CPUMS*1000/float64(r.Requests))
	}
	slices.Sort(costs)
	return costs[len(costs)/2]
}
