// Package markdown writes the results of runs in GitHub's Markdown, for mails and
// issues.
//
// It stands behind package report and does no I/O of its own.
package markdown

import (
	"fmt"
	"io"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// Write writes a table of the runs and, for each run that did not pass, the expected
// and the actual result and the command that repeats it.
func Write(w io.Writer, runs []outcome.Run) error {
	var out strings.Builder
	table(&out, runs)
	for i := range runs {
		details(&out, &runs[i])
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("writing Markdown: %w", err)
	}
	return nil
}

func table(out *strings.Builder, runs []outcome.Run) {
	out.WriteString("| scenario | client | library | connections | resets | answered | own response | WANT_WRITE | bad retry | verdict |\n" +
		"| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for i := range runs {
		r := &runs[i]
		verdict := string(r.Verdict)
		if !r.AsExpected() {
			verdict += " (not as expected)"
		}
		row(out, "`"+r.Scenario+"`", escape(fmt.Sprintf("%s (%s)", r.Subject, r.Driver)), escape(libraryOf(r)), fmt.Sprint(r.Connections),
			fmt.Sprint(r.Resets), fmt.Sprintf("%d/%d", r.Answered, r.Requests), r.OwnResponses(),
			fmt.Sprint(r.WantWrite), fmt.Sprint(r.BadWriteRetry), verdict)
	}
}

func row(out *strings.Builder, cells ...string) {
	out.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func details(out *strings.Builder, r *outcome.Run) {
	if r.Verdict == judge.Pass {
		return
	}
	fmt.Fprintf(out, "\n**`%s`, %s, %s: %s**\n\n", r.Scenario, escape(fmt.Sprintf("%s (%s)", r.Subject, r.Driver)), escape(libraryOf(r)), r.Verdict)
	if r.SubjectError != "" {
		fmt.Fprintf(out, "- %s\n", escape(r.SubjectError))
	}
	if r.Verdict == judge.NotApplicable {
		fmt.Fprintf(out, "- %s\n", escape(r.WhyNotApplicable()))
	}
	for _, f := range r.Invariants {
		if f.Verdict != judge.Pass && f.Verdict != judge.NotApplicable {
			fmt.Fprintf(out, "- `%s` %s: expected %s; saw %s (%s)\n", f.ID, f.Verdict, escape(f.Expected), escape(f.Actual), escape(f.Rule))
		}
	}
	fmt.Fprintf(out, "\n```\n%s\n```\n", strings.ReplaceAll(r.Command, "```", "` ` `"))
}

// special are the characters with a meaning in Markdown.
const special = "\\`*_{}[]<>()#+!|~&$@"

// libraryOf is the libcurl of a run and, in a matrix, which cell it is in.
func libraryOf(r *outcome.Run) string {
	if place := r.Place(); place != "" {
		return r.Library + ", " + place
	}
	return r.Library
}

// escape has Markdown show a text as it is, in one line.
func escape(text string) string {
	var out strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		if strings.ContainsRune(special, r) {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}
