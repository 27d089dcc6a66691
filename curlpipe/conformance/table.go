package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const tableHead = "| suite | version | tests | same | different | not run | on |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n"

// row returns a suite's row of the table. version is the version of Go.
func (r *report) row(version string, when time.Time) string {
	if r.suite.Version != "" {
		version = r.suite.Version
	}
	return fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %s |\n", r.suite.Name, version, r.tests, r.same,
		len(r.differences), len(r.inside), when.UTC().Format(time.DateOnly))
}

// replaceRows replaces rows of the table in a file, by the names of their suites.
// Two lines mark the table's place.
func replaceRows(file, libcurl string, suites []suite, rows map[string]string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin := fmt.Sprintf("<!-- conformance %s -->\n", libcurl)
	before, rest, found := strings.Cut(string(content), begin)
	old, after, ended := strings.Cut(rest, "<!-- end -->\n")
	if !found || !ended {
		return fmt.Errorf("%s: no %q … <!-- end --> in it", filepath.Base(file), strings.TrimSpace(begin))
	}
	table := tableHead
	for _, s := range suites {
		row := rows[s.Name]
		for line := range strings.Lines(old) {
			if row == "" && strings.HasPrefix(line, "| "+s.Name+" |") {
				row = line
			}
		}
		table += row
	}
	text := before + begin + "With " + map[string]string{"patched": "the patched", "system": "the system's"}[libcurl] + " libcurl:\n\n" + table + "<!-- end -->\n" + after
	return os.WriteFile(file, []byte(text), 0o644)
}
