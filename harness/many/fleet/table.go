package fleet

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// figures are the lines of the table; the first ones, heads in number, are its
// head.
var figures = []struct {
	name  string
	value func(*Result) string
}{
	{"", func(r *Result) string { return r.Client }},
	{"", func(r *Result) string { return r.Library }},
	{"clients", func(r *Result) string { return count(r.Clients) }},
	{"connections", func(r *Result) string { return count(r.Connections) }},
	{"  most at a time", func(r *Result) string { return count(r.PeakConnections) }},
	{"  broken off by the client", func(r *Result) string { return count(r.Resets) }},
	{"TLS handshakes", func(r *Result) string { return count(r.Handshakes) }},
	{"  most in a second", func(r *Result) string { return fmt.Sprintf("%.0f", r.mostHandshakes()) }},
	{"server's CPU time", func(r *Result) string { return fmt.Sprintf("%.1f s", r.CPUSeconds) }},
	{"took", func(r *Result) string { return fmt.Sprintf("%.1f s", r.Seconds) }},
	{"requests", func(r *Result) string { return count(r.AllRequests()) }},
	{"  answered", func(r *Result) string { return count(r.Answered) }},
	{"  with another's response", func(r *Result) string { return count(r.Wrong) }},
	{"  failed", func(r *Result) string { return count(r.Failed) }},
	{"  given up", func(r *Result) string { return count(r.GivenUp) }},
	{"writes that were blocked", func(r *Result) string { return count(r.BlockedWrites) }},
	{"memory that a client holds", func(r *Result) string { return kilobytes(r.HandlesPerClient) }},
	{"  took at most", func(r *Result) string { return kilobytes(r.MemoryPerClient) }},
}

const heads = 2

func count[N int | int64](n N) string { return fmt.Sprint(n) }

func kilobytes(bytes int64) string { return fmt.Sprintf("%d kB", bytes/1000) }

// line is a line of the table, with a value for each run.
type line struct {
	Name   string
	Values []string
}

func linesOf(results []*Result) []line {
	lines := make([]line, len(figures))
	for i, f := range figures {
		lines[i].Name = f.name
		for _, r := range results {
			lines[i].Values = append(lines[i].Values, f.value(r))
		}
	}
	return lines
}

// Table prints the runs beside each other.
func Table(w io.Writer, results []*Result) error {
	lines := linesOf(results)
	names, values := 0, 0
	for _, l := range lines {
		names = max(names, len(l.Name))
		for _, value := range l.Values {
			values = max(values, len(value))
		}
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%-*s", names, l.Name)
		for _, value := range l.Values {
			fmt.Fprintf(&b, "   %*s", values, value)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Write writes the runs as the JSON of a [Document].
func Write(w io.Writer, results []*Result) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(&Document{Runs: results})
}
