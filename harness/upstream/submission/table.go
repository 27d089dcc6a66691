package submission

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// pair is a run of stock and one of patched libcurl that differ in nothing
// else.
type pair struct {
	name           string // "scenario/driver", with the subject if there are several
	stock, patched *outcome.Run
}

// pairs returns the pairs, in the order of the runs.
func pairs(runs []outcome.Run) []pair {
	type key struct {
		scenario, subject, driver string
		repetition                int
	}
	several := slices.ContainsFunc(runs, func(r outcome.Run) bool { return r.Subject != runs[0].Subject })
	var list []pair
	index := make(map[key]int)
	for i := range runs {
		r := &runs[i]
		k := key{r.Scenario, r.Subject, r.Driver, r.Repetition}
		at, known := index[k]
		if !known {
			at = len(list)
			index[k] = at
			name := r.Scenario + "/" + r.Driver
			if several {
				name += " " + r.Subject
			}
			list = append(list, pair{name: name})
		}
		if isPatched(r) {
			list[at].patched = r
		} else {
			list[at].stock = r
		}
	}
	return list
}

// isPatched reports whether a run used the series, or a part of it.
func isPatched(r *outcome.Run) bool { return strings.Contains(r.LibcurlVersion, library.PatchedMark) }

// evidence returns the table of the runs, before and after in one row, narrow
// enough for a mail.
func (s *Submission) evidence() string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tstock:\t\t\tpatched:\t\t\t")
	fmt.Fprintln(table, "scenario/driver\tconn.\town\t\tconn.\town\t\t")
	for _, p := range pairs(s.Runs) {
		fmt.Fprintf(table, "%s\t%s\t%s\t\n", p.name, cells(p.stock), cells(p.patched))
	}
	_ = table.Flush() // a strings.Builder does not fail
	return out.String() + "\nconn.: connections that the origin accepted; own: requests that got their own\n" +
		"response. What was expected and what was seen is in " + Tarball + ".\n"
}

func cells(r *outcome.Run) string {
	if r == nil {
		return "-\t-\t-"
	}
	return fmt.Sprintf("%d\t%d/%d\t%s", r.Connections, r.OwnResponse, r.Requests, r.Verdict)
}

// wrap breaks a text into indented lines of at most 75 characters.
func wrap(text, indent string) string {
	var out strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > 75 {
			out.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return out.String() + line + "\n"
}
