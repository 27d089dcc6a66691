package roster

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// families are the columns of the table.
func families() []string { return append([]string{BlockedWrite}, check.Families()...) }

// cell sums up the results of a family: "pass 4", "fail 2 of 5".
func cell(results []Result, family string) string {
	count := make(map[judge.Verdict]int)
	for _, r := range results {
		if r.Family == family {
			count[r.Verdict]++
		}
	}
	all := count[judge.Pass] + count[judge.Fail] + count[judge.Inconclusive]
	switch {
	case all == 0:
		return "–"
	case count[judge.Fail] > 0:
		return fmt.Sprintf("**fail %d** of %d", count[judge.Fail], all)
	case count[judge.Pass] == 0:
		return "not seen"
	case count[judge.Inconclusive] > 0:
		return fmt.Sprintf("pass %d of %d", count[judge.Pass], all)
	}
	return fmt.Sprintf("pass %d", all)
}

// WriteJSON writes all results.
func WriteJSON(w io.Writer, rows []Row) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}

// Write writes the table in Markdown and, below it, the details of each fail.
func Write(w io.Writer, rows []Row) error {
	var text strings.Builder
	columns := families()
	fmt.Fprintf(&text, "| client | version | %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+2))
	for _, row := range rows {
		fmt.Fprintf(&text, "| %s | %s |", row.Client, row.Version)
		for _, family := range columns {
			fmt.Fprintf(&text, " %s |", cell(row.Results, family))
		}
		text.WriteString("\n")
	}
	for _, row := range rows {
		fails := slices.DeleteFunc(slices.Clone(row.Results), func(r Result) bool { return r.Verdict != judge.Fail })
		if len(fails) == 0 {
			continue
		}
		fmt.Fprintf(&text, "\n**%s %s**\n\n", row.Client, row.Version)
		for _, r := range fails {
			section, sentence, _ := strings.Cut(r.Rule, ": ")
			if strings.Contains(sentence, "SHOULD") && !strings.Contains(sentence, "MUST") {
				section += ", SHOULD"
			}
			fmt.Fprintf(&text, "- `%s` (%s): %s\n", r.Scenario, section, plainly(r.Seen))
		}
	}
	_, err := io.WriteString(w, text.String())
	if err != nil {
		return fmt.Errorf("writing the table of clients: %w", err)
	}
	return nil
}

// plainly removes what varies from run to run, and escapes Markdown.
func plainly(seen string) string {
	seen = varying.ReplaceAllString(counted.ReplaceAllString(seen, ""), "…")
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*").Replace(seen)
}
