package main

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// difference is a test that comes out differently.
type difference struct{ test, theirs, ours, reason string }

// report is what came of a suite.
type report struct {
	suite       suite
	tests, same int
	differences []difference
}

// compare runs a suite both ways.
func (b *bench) compare(s suite) (*report, error) {
	folder, packages, overlay, err := b.prepare(s)
	if err != nil {
		return nil, err
	}
	counted, err := countedTests(s, folder)
	if err != nil {
		return nil, err
	}
	theirs, err := test(folder, overlay, packages, false)
	if err != nil {
		return nil, err
	}
	ours, err := test(folder, overlay, packages, true)
	if err != nil {
		return nil, err
	}
	r := &report{suite: s}
	for name, outcome := range theirs {
		if s.Top && strings.Contains(name, "/") || counted != nil && !counted[name] || outcome == "skip" {
			continue
		}
		r.tests++
		if got := ours[name]; got == outcome {
			r.same++
		} else {
			if got == "" {
				got = "no end"
			}
			r.differences = append(r.differences, difference{test: name, theirs: outcome, ours: got})
		}
	}
	if r.tests == 0 {
		return nil, errors.New("no test ran")
	}
	slices.SortFunc(r.differences, func(a, b difference) int { return strings.Compare(a.test, b.test) })
	return r, nil
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// countedTests are the tests in those files of a suite that count; nil: all.
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

// test runs the tests and returns what came of each, by its name; that of its
// package stands before it where there are several.
func test(folder, overlay string, packages []string, ours bool) (map[string]string, error) {
	arguments := append([]string{"test", "-json", "-count=1", "-mod=mod", "-vet=off", "-timeout=280s", "-overlay=" + overlay}, packages...)
	c := command(folder, "go", arguments...)
	log := filepath.Join(folder, "theirs.log")
	if ours {
		c.Env = append(c.Env, "CURLPIPE_TEST_CONFORMANCE=1")
		log = filepath.Join(folder, "ours.log")
	}
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c.Stdout, c.Stderr = file, file
	err = c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	outcomes, err := readOutcomes(file, len(packages) > 1 || strings.Contains(packages[0], "..."))
	if err == nil && len(outcomes) == 0 {
		err = fmt.Errorf("no test ran, see %s", log)
	}
	return outcomes, err
}

// readOutcomes reads what go test -json says.
func readOutcomes(from io.Reader, several bool) (map[string]string, error) {
	outcomes := make(map[string]string)
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var event struct{ Action, Package, Test string }
		if json.Unmarshal(scanner.Bytes(), &event) != nil || event.Test == "" {
			continue
		}
		switch event.Action {
		case "pass", "fail", "skip":
			name := event.Test
			if several {
				name = event.Package + "." + name
			}
			outcomes[name] = event.Action
		}
	}
	return outcomes, scanner.Err()
}

// reason is why tests of a suite come out differently.
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

// explain gives each difference its reason, as far as one is known. One in favour
// of the library needs none.
func (r *report) explain(known []reason, libcurl string) {
	for i := range r.differences {
		d := &r.differences[i]
		if d.theirs == "fail" {
			d.reason = "it fails with net/http here"
		}
		for _, k := range known {
			if k.suite == r.suite.Name && (k.libcurl == "any" || k.libcurl == libcurl) && k.tests.MatchString(d.test) {
				d.reason = k.text
			}
		}
	}
}

// markdown is the table of all suites.
func markdown(reports []*report) string {
	var text strings.Builder
	text.WriteString("| suite | version | tests | same | different |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, r := range reports {
		version := r.suite.Version
		if version == "" {
			version = "of Go"
		}
		fmt.Fprintf(&text, "| %s | %s | %d | %d | %d |\n", r.suite.Name, version, r.tests, r.same, len(r.differences))
	}
	return text.String()
}
