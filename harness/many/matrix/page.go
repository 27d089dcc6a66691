package matrix

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/show/style"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"class": style.Class, "reason": reason,
}).Parse(pageText))

// verdicts in the order in which they are shown.
var verdicts = []judge.Verdict{judge.Pass, judge.Fail, judge.Inconclusive, judge.NotApplicable}

type page struct {
	Style         template.CSS
	Summary, Date string
	Columns       []Column
	Rows          []pageRow
	OpenSSL       []OpenSSL
	Gaps          []Gap
}

type pageRow struct {
	Name, Exact string
	Cells       []pageCell
}

type pageCell struct {
	Cell
	Anchor, Title string
	Counts        []pageCount
	Runs          []*outcome.Run
	Libcurl       []string // its versions: one, unless an axis was merged
}

type pageCount struct {
	What  string
	Class string
	N     int
}

// countsOf counts the verdicts of runs. Known failures are counted separately,
// because they need no attention.
func countsOf(runs []*outcome.Run) []pageCount {
	var counts []pageCount
	add := func(what, class string, counted func(*outcome.Run) bool) {
		n := 0
		for _, r := range runs {
			if counted(r) {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, pageCount{what, class, n})
		}
	}
	for _, v := range verdicts {
		add(string(v), style.Class(v), func(r *outcome.Run) bool { return r.Verdict == v && r.Known == "" })
	}
	add("known failure", style.Class(judge.Inconclusive), func(r *outcome.Run) bool { return r.Known != "" })
	return counts
}

// versionsOf returns the versions of libcurl in runs.
func versionsOf(runs []*outcome.Run) []string {
	var versions []string
	for _, r := range runs {
		if r.LibcurlVersion != "" && !slices.Contains(versions, r.LibcurlVersion) {
			versions = append(versions, r.LibcurlVersion)
		}
	}
	return versions
}

// Page writes the matrix as one self-contained HTML page: the grid, the
// versions that were used, and every run.
func (d *Document) Page(w io.Writer) error {
	g := d.Grid()
	p := page{
		Style:   template.CSS(style.Page()),
		Summary: report.Summary(d.Runs), Date: d.Date, Columns: g.Columns, OpenSSL: d.Axes.OpenSSL, Gaps: d.Axes.Gaps,
	}
	for i, row := range g.Rows {
		shown := pageRow{Name: row.OpenSSL.Name, Exact: cmp.Or(row.OpenSSL.PackageVersion, row.OpenSSL.Version)}
		for j, cell := range row.Cells {
			c := pageCell{Cell: cell, Anchor: fmt.Sprintf("cell-%d-%d", i+1, j+1), Title: g.Columns[j].Title()}
			c.Counts, c.Runs, c.Libcurl = countsOf(cell.Runs), cell.Runs, versionsOf(cell.Runs)
			shown.Cells = append(shown.Cells, c)
		}
		p.Rows = append(p.Rows, shown)
	}
	return style.WritePage(w, "the page of a matrix", pageTemplate, p)
}

// reason says in short why a run did not pass.
func reason(r *outcome.Run) string {
	if r.SubjectError != "" {
		return r.SubjectError
	}
	var parts []string
	for _, f := range r.Invariants {
		if f.Verdict == judge.NotApplicable {
			return f.Actual // then all findings say the same
		}
		if f.Verdict != judge.Pass {
			parts = append(parts, fmt.Sprintf("%s: %s", f.ID, f.Actual))
		}
	}
	return strings.Join(parts, "; ")
}
