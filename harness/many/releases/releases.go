// Package releases combines the state of the patch series on each release of
// libcurl: its patches, whether it builds, and the results of the runs with
// stock and with the series.
//
// It stands beside package matrix, whose Work makes the runs. A [Request] says
// which; command pipelab writes the table of the [Document] into
// patches/README.md.
package releases

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// Document is the state of the series on all requested releases.
type Document struct {
	// Since and Date are the days on which the first and the last run were made, as
	// 2006-01-02, in UTC; empty without runs.
	Since string `json:"since,omitempty"`
	Date  string `json:"date,omitempty"`
	// Groups of the series, in order.
	Groups []Group `json:"groups"`
	// Releases, oldest first.
	Releases []Release `json:"releases"`
}

// Group is a group of the series.
type Group struct {
	Number string `json:"number"` // "01"
	Name   string `json:"name"`
}

// Release is one release of libcurl.
type Release struct {
	Version string `json:"version"`
	// Texts are the files of the series that it takes, as scripts/series has
	// them.
	Texts []string `json:"texts"`
	// OpenSSL that it was built against; empty if it was not.
	OpenSSL string `json:"openssl,omitempty"`
	// Missing says why there are no runs; empty if there are.
	Missing string `json:"missing,omitempty"`
	// Misfit says why the series does not apply or does not build; empty if it
	// does.
	Misfit string `json:"misfit,omitempty"`
	// Runs with stock and with the series.
	Runs []outcome.Run `json:"runs,omitempty"`
}

// count returns the number of patches of a group that a release takes, and how
// many of them have a text for a range of releases.
func (r *Release) count(g Group) (all, other int) {
	for _, text := range r.Texts {
		if strings.HasPrefix(text, g.Number) {
			all++
			if strings.Contains(text, "@") {
				other++
			}
		}
	}
	return all, other
}

// verdicts counts the runs with a libcurl: how many there are without those that
// are n/a, how many came out as expected, and how many failed.
func (r *Release) verdicts(variant string) (runs, expected, failed int) {
	for i := range r.Runs {
		run := &r.Runs[i]
		if !strings.HasSuffix(run.Library, " "+variant) || run.Verdict == judge.NotApplicable {
			continue
		}
		runs++
		if run.AsExpected() {
			expected++
		}
		if run.Verdict == judge.Fail {
			failed++
		}
	}
	return runs, expected, failed
}

// Good reports whether the series is as it should be on the release: it applies,
// and every run with it had the expected result. What stock does is measured: it
// may fail in more or fewer scenarios than expected.
func (r *Release) Good() bool {
	if r.Misfit != "" {
		return false
	}
	patched, expected, _ := r.verdicts("patched")
	return patched == expected
}

// Bad returns the releases on which the series is not as it should be, and all
// runs without the expected result, including those of stock.
func (d *Document) Bad() (versions []string, unexpected []outcome.Run) {
	for i := range d.Releases {
		r := &d.Releases[i]
		if !r.Good() {
			versions = append(versions, r.Version)
		}
		for j := range r.Runs {
			if !r.Runs[j].AsExpected() {
				unexpected = append(unexpected, r.Runs[j])
			}
		}
	}
	return versions, unexpected
}

// sort sorts the releases.
func (d *Document) sort() {
	slices.SortStableFunc(d.Releases, func(a, b Release) int { return semver.Compare("v"+a.Version, "v"+b.Version) })
}

// Markdown returns the table, a row for each release.
func (d *Document) Markdown() string {
	var b strings.Builder
	b.WriteString("| release |")
	for _, g := range d.Groups {
		b.WriteString(" " + g.Name + " |")
	}
	b.WriteString(" built with OpenSSL | stock fails | patched passes |\n|" + strings.Repeat(" --- |", len(d.Groups)+4) + "\n")
	for i := range d.Releases {
		r := &d.Releases[i]
		fmt.Fprintf(&b, "| %s |", r.Version)
		for _, g := range d.Groups {
			b.WriteString(" " + r.cell(g) + " |")
		}
		fmt.Fprintf(&b, " %s |\n", strings.Join(r.proof(), " | "))
	}
	switch {
	case d.Date == "":
	case d.Since == d.Date:
		fmt.Fprintf(&b, "\nMeasured on %s.\n", d.Date)
	default:
		fmt.Fprintf(&b, "\nMeasured from %s to %s.\n", d.Since, d.Date)
	}
	return b.String()
}

// measured records when the first and the last run were made.
func (d *Document) measured(first, last time.Time) {
	if !first.IsZero() {
		d.Since, d.Date = first.UTC().Format(time.DateOnly), last.UTC().Format(time.DateOnly)
	}
}

// cell returns how many patches of a group apply: "9", "9, 2 other texts", "–".
func (r *Release) cell(g Group) string {
	all, other := r.count(g)
	switch {
	case all == 0:
		return "–"
	case r.Misfit != "":
		return "no"
	case other == 0:
		return fmt.Sprint(all)
	}
	return fmt.Sprintf("%d, %d other", all, other)
}

// proof describes the build and the results of the runs.
func (r *Release) proof() []string {
	switch {
	case r.Misfit != "":
		return []string{"no: " + r.misfit(), "–", "–"}
	case r.OpenSSL == "":
		return []string{"not built: " + r.Missing, "–", "–"}
	}
	stock, _, failed := r.verdicts("stock")
	patched, expected, _ := r.verdicts("patched")
	return []string{r.OpenSSL, fmt.Sprintf("%d of %d", failed, stock), fmt.Sprintf("%d of %d", expected, patched)}
}

// patchName matches the names of patches in a message, by number.
var patchName = regexp.MustCompile(`\b([0-9]{4})-[^\s:;,]+\.patch\b`)

// misfit shortens Misfit for a cell of the table: to the numbers of the patches
// that do not apply, without their hunks, or else to its first clause.
func (r *Release) misfit() string {
	var numbers []string
	for _, found := range patchName.FindAllStringSubmatch(r.Misfit, -1) {
		if !slices.Contains(numbers, found[1]) {
			numbers = append(numbers, found[1])
		}
	}
	switch most := 4; {
	case len(numbers) == 0:
		clause, _, _ := strings.Cut(r.Misfit, "; ")
		clause, _, _ = strings.Cut(clause, ": ")
		return clause
	case len(numbers) > most+1:
		return fmt.Sprintf("%s and %d more", strings.Join(numbers[:most], ", "), len(numbers)-most)
	}
	return strings.Join(numbers, ", ")
}
