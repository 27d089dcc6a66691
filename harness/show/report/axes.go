package report

import "github.com/curlpipe/curlpipe/harness/run/outcome"

// axis is a column that is shown if the runs of a scenario differ in it.
type axis struct {
	title string
	value func(*outcome.Run) string
}

var axes = []axis{
	{"OpenSSL", func(r *outcome.Run) string { return r.OpenSSL }},
	{"TLS", func(r *outcome.Run) string { return r.TLS }},
}

// varies reports whether two rows of one scenario differ in that axis.
func (a axis) varies(rows []group) bool {
	seen := make(map[string]string)
	for _, g := range rows {
		value := a.value(g.first)
		if other, known := seen[g.first.Scenario]; known && other != value {
			return true
		}
		seen[g.first.Scenario] = value
	}
	return false
}

// titles returns the columns that a table of these rows needs for its axes.
func titles(rows []group) []string {
	var list []string
	for _, a := range axes {
		if a.varies(rows) {
			list = append(list, a.title)
		}
	}
	return list
}

// axes returns what is in these columns for the row.
func (g *group) axes(rows []group) []string {
	var list []string
	for _, a := range axes {
		if a.varies(rows) {
			list = append(list, a.value(g.first))
		}
	}
	return list
}
