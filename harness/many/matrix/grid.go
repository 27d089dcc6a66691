package matrix

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Cell has the results of the runs with one OpenSSL, one libcurl and one
// version of TLS.
type Cell struct {
	// Count has the number of runs for each verdict.
	Count map[judge.Verdict]int
	// Unexpected is how many of them are not as expected.
	Unexpected int
	// Runs are the runs that are counted.
	Runs []*outcome.Run
	// Libcurl is the version of libcurl in these runs if the column has several;
	// otherwise empty.
	Libcurl string
	// Gap says why there are no runs; empty if there could be.
	Gap string
}

// String is the cell as it is shown: "fail 8", "pass 70, fail 86, n/a 8".
func (c Cell) String() string {
	if c.Gap != "" {
		return string(judge.NotApplicable)
	}
	var parts []string
	for _, v := range verdicts {
		if c.Count[v] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", v, c.Count[v]))
		}
	}
	if c.Unexpected > 0 {
		parts = append(parts, fmt.Sprintf("%d NOT as expected", c.Unexpected))
	}
	cell := strings.Join(parts, ", ")
	if c.Libcurl != "" {
		cell = c.Libcurl + ": " + cell
	}
	return cell
}

// Column of the grid.
type Column struct {
	Library Library
	TLS     string // plan.PlainText for plain HTTP
}

// Title is the heading of the column: "7.53.1 stock, TLS 1.2".
func (c Column) Title() string {
	if c.TLS == plan.PlainText {
		return c.Library.Label + ", no TLS"
	}
	return c.Library.Label + ", TLS " + c.TLS
}

// Grid is the matrix as it is shown: a row for each OpenSSL.
type Grid struct {
	Columns []Column
	Rows    []Row
}

// Row of the grid.
type Row struct {
	OpenSSL OpenSSL
	Cells   []Cell // one for each column
}

// Grid counts the runs.
func (d *Document) Grid() *Grid {
	g := &Grid{Columns: d.columns()}
	for _, openssl := range d.Axes.OpenSSL {
		row := Row{OpenSSL: openssl}
		for _, column := range g.Columns {
			cell := Cell{Count: make(map[judge.Verdict]int), Gap: d.Axes.Gap(openssl.Name, column.Library.Name)}
			for i := range d.Runs {
				r := &d.Runs[i]
				if r.OpenSSLName != openssl.Name || r.Library != column.Library.Label || r.TLS != column.TLS {
					continue
				}
				if number, _, _ := strings.Cut(r.Library, " "); !strings.HasPrefix(r.LibcurlVersion, number) {
					cell.Libcurl = r.LibcurlVersion
				}
				cell.Count[r.Verdict]++
				cell.Runs = append(cell.Runs, r)
				if !r.AsExpected() {
					cell.Unexpected++
				}
			}
			row.Cells = append(row.Cells, cell)
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

// columns returns the columns of the axes, and those for plain HTTP if there are such
// runs.
func (d *Document) columns() []Column {
	versions := append([]string{}, d.Axes.TLS...)
	for i := range d.Runs {
		if d.Runs[i].TLS == plan.PlainText {
			versions = append(versions, plan.PlainText)
			break
		}
	}
	var list []Column
	for _, l := range d.Axes.Libraries {
		for _, version := range versions {
			list = append(list, Column{Library: l, TLS: version})
		}
	}
	return list
}

// Text writes the grid for users, and below it the reasons for gaps.
func (d *Document) Text(w io.Writer) error {
	g := d.Grid()
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells []string) { fmt.Fprintln(table, strings.Join(cells, "\t")) }
	head := []string{"OpenSSL"}
	for _, c := range g.Columns {
		head = append(head, c.Title())
	}
	line(head)
	for _, row := range g.Rows {
		cells := []string{strings.TrimSpace(row.OpenSSL.Version + " " + row.OpenSSL.Name)}
		for _, c := range row.Cells {
			cells = append(cells, c.String())
		}
		line(cells)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the grid: %w", err)
	}
	for _, gap := range d.Axes.Gaps {
		fmt.Fprintf(w, "\n%s: n/a, %s\n", strings.TrimSuffix(gap.OpenSSL+" with "+gap.Library, " with "), gap.Reason)
	}
	return nil
}

// Markdown returns the grid as a table for a README, with the exact versions.
func (d *Document) Markdown() string {
	g := d.Grid()
	var b strings.Builder
	b.WriteString("| OpenSSL | exact version |")
	for _, c := range g.Columns {
		b.WriteString(" " + c.Title() + " |")
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(g.Columns)) + "\n")
	for _, row := range g.Rows {
		o := row.OpenSSL
		fmt.Fprintf(&b, "| %s | %s |", o.Name, cmp.Or(o.PackageVersion, o.Version))
		for _, c := range row.Cells {
			b.WriteString(" " + c.String() + " |")
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%s, on %s.\n", report.Summary(d.Runs), d.Date)
	return b.String()
}
