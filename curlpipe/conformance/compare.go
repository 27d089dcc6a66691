package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// difference is a test with different outcomes.
type difference struct{ test, theirs, ours, reason string }

// report is the outcome of a suite.
type report struct {
	suite       suite
	tests, same int
	differences []difference
	inside      map[string]string // tests that only http.Transport can pass, with the reason; they did not run
}

// compare runs a suite with both transports.
func (b *bench) compare(s suite) (*report, error) {
	folder, packages, overlay, err := b.prepare(s)
	if err != nil {
		return nil, err
	}
	counted, err := countedTests(s, folder)
	if err != nil {
		return nil, err
	}
	inside, err := b.insides(s, folder)
	if err != nil {
		return nil, err
	}
	programs, err := b.compile(folder, overlay, packages)
	if err != nil {
		return nil, err
	}
	left := func(name string) bool { return (counted == nil || counted[name]) && inside[name] == "" }
	theirs, err := b.test(folder, programs, left, false, nil)
	if err != nil {
		return nil, err
	}
	skipped, gone := b.withoutHTTP2(s, theirs)
	ours, err := b.test(folder, programs, left, true, skipped)
	if err != nil {
		return nil, err
	}
	r := &report{suite: s, inside: inside}
	for name, outcome := range theirs {
		if s.Top && strings.Contains(name, "/") || outcome == "skip" || gone[name] {
			continue
		}
		r.tests++
		switch got := ours[name]; got {
		case outcome:
			r.same++
		case "":
			r.differences = append(r.differences, difference{test: name, theirs: outcome, ours: "not run"})
		default:
			r.differences = append(r.differences, difference{test: name, theirs: outcome, ours: got})
		}
	}
	if r.tests == 0 {
		return nil, errors.New("no test ran")
	}
	slices.SortFunc(r.differences, func(a, b difference) int { return strings.Compare(a.test, b.test) })
	return r, nil
}

// insides returns the tests of a suite that only http.Transport can pass.
func (b *bench) insides(s suite, folder string) (map[string]string, error) {
	if s.Std == "" {
		return nil, nil
	}
	return insides(folder, filepath.Join(b.goroot, "src", s.Std, "export_test.go"), s.Files)
}

// withoutHTTP2 returns the subtests over HTTP/2 if this libcurl has none, and
// the tests that have no other subtests.
func (b *bench) withoutHTTP2(s suite, outcomes map[string]string) (skipped []string, gone map[string]bool) {
	if s.HTTP2 == "" || b.libcurl != "patched" {
		return nil, nil
	}
	over := regexp.MustCompile(s.HTTP2)
	gone = make(map[string]bool)
	for name := range outcomes {
		if parent, _, found := strings.Cut(name, "/"); found && over.MatchString(name) {
			skipped = append(skipped, name)
			gone[parent] = true
		}
	}
	for name := range outcomes {
		if parent, _, found := strings.Cut(name, "/"); found && !over.MatchString(name) {
			delete(gone, parent)
		}
	}
	return skipped, gone
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// countedTests returns the tests in the suite's files that count; nil means
// all.
func countedTests(s suite, folder string) (map[string]bool, error) {
	if s.Files == nil {
		return nil, nil
	}
	counted := make(map[string]bool)
	for _, name := range s.Files {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		for _, found := range testFunction.FindAllStringSubmatch(string(text), -1) {
			counted[found[1]] = true
		}
	}
	return counted, nil
}

// reason is why tests of a suite have different outcomes.
type reason struct {
	suite, libcurl string
	tests          *regexp.Regexp
	text           string
}

//go:embed differences.tsv
var reasonsText string

// parseReasons reads differences.tsv: suite, libcurl (patched, system or any),
// tests as a regular expression, reason.
func parseReasons(text string, suites []suite) ([]reason, error) {
	var all []reason
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 4 || fields[3] == "" {
			return nil, fmt.Errorf("differences.tsv:%d: give suite, libcurl, tests and reason, with tabs between", number)
		}
		if !slices.ContainsFunc(suites, func(s suite) bool { return s.Name == fields[0] }) {
			return nil, fmt.Errorf("differences.tsv:%d: there is no suite %q", number, fields[0])
		}
		if !slices.Contains([]string{"patched", "system", "any"}, fields[1]) {
			return nil, fmt.Errorf("differences.tsv:%d: libcurl is %q: give patched, system or any", number, fields[1])
		}
		tests, err := regexp.Compile("^(?:" + fields[2] + ")$")
		if err != nil {
			return nil, fmt.Errorf("differences.tsv:%d: %w", number, err)
		}
		all = append(all, reason{fields[0], fields[1], tests, fields[3]})
	}
	return all, nil
}

// explain gives each difference its reason, if one is known. A difference in
// favour of the library needs none.
func (r *report) explain(known []reason, libcurl string) {
	for i := range r.differences {
		d := &r.differences[i]
		switch d.theirs {
		case "fail":
			d.reason = "it fails with net/http here"
		case noEnd:
			d.reason = "it does not end with net/http here"
		}
		for _, k := range known {
			if k.suite == r.suite.Name && (k.libcurl == "any" || k.libcurl == libcurl) && k.tests.MatchString(d.test) {
				d.reason = k.text
			}
		}
	}
}
