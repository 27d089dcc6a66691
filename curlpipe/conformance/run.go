package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// noEnd is the outcome of a test that neither passed nor failed: it hung, or
// ended its process.
const noEnd = "no end"

// mostNames is the maximum number of tests in one run. The length of a
// program's argument is limited.
const mostNames = 1000

// silence is how long the running tests may print nothing.
const silence = time.Minute

// tested is a package with tests: its folder, name and test program.
type tested struct{ folder, name, program string }

// compile compiles the tests of each package of a suite to a program.
func (b *bench) compile(folder, overlay string, packages []string) ([]tested, error) {
	list := command(folder, "go", append([]string{"list", "-mod=mod", "-f",
		"{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}\t{{.ImportPath}}{{end}}"}, packages...)...)
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	var all []tested
	for line := range strings.Lines(string(out)) {
		dir, name, found := strings.Cut(strings.TrimSpace(line), "\t")
		if !found {
			continue
		}
		p := tested{dir, name, filepath.Join(folder, fmt.Sprintf("curlpipe-%d.test", len(all)))}
		arguments := []string{"test", "-c", "-mod=mod", "-vet=off", "-overlay=" + overlay, "-o", p.program}
		if b.race {
			arguments = append(arguments, "-race")
		}
		compiler := command(folder, "go", append(arguments, name)...)
		if output, err := compiler.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compiling the tests of %s: %w\n%s", name, err, output)
		}
		all = append(all, p)
	}
	return all, nil
}

// test runs the wanted tests of packages and returns their outcomes by name. If
// there are several packages, the package is part of the name. A test that hangs is
// ended, and the tests that it kept from running are run without it.
func (b *bench) test(folder string, packages []tested, wanted func(string) bool, ours bool, skipped []string) (map[string]string, error) {
	log, err := os.Create(filepath.Join(folder, map[bool]string{false: "theirs.log", true: "ours.log"}[ours]))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	all := make(map[string]string)
	for _, p := range packages {
		outcomes, err := b.testPackage(p, wanted, ours, skipped, log)
		if err != nil {
			return nil, err
		}
		for name, outcome := range outcomes {
			if len(packages) > 1 {
				name = p.name + "." + name
			}
			all[name] = outcome
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no test ran, see %s", log.Name())
	}
	return all, nil
}

func (b *bench) testPackage(p tested, wanted func(string) bool, ours bool, skipped []string, log io.Writer) (map[string]string, error) {
	list := command(p.folder, p.program, "-test.list=.")
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the tests of %s: %w", p.name, err)
	}
	names := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(out)), "\n"), func(name string) bool {
		return !strings.HasPrefix(name, "Test") || !wanted(name)
	})
	outcomes := make(map[string]string)
	var suspects []string
	for some := range slices.Chunk(names, mostNames) {
		for before := -1; ; {
			left := slices.DeleteFunc(slices.Clone(some), func(name string) bool {
				return outcomes[name] != "" || slices.Contains(suspects, name)
			})
			if len(left) == 0 || len(left) == before { // these were not meant to run
				break
			}
			before = len(left)
			hung, err := b.runOnce(p, left, ours, skipped, outcomes, log)
			if err != nil {
				return nil, err
			}
			suspects = append(suspects, hung...)
		}
	}
	for _, name := range suspects { // several ran at the same time, and one of them hung
		hung, err := b.runOnce(p, []string{name}, ours, skipped, outcomes, log)
		if err != nil {
			return nil, err
		}
		if len(hung) > 0 {
			outcomes[name] = noEnd
		}
	}
	return outcomes, nil
}

// runOnce runs tests until they print nothing for a while. It returns those
// that had begun by then and not ended.
func (b *bench) runOnce(p tested, names []string, ours bool, skipped []string, outcomes map[string]string, log io.Writer) ([]string, error) {
	arguments := []string{"tool", "test2json", "-p", p.name, p.program, "-test.v=test2json", "-test.run=^(" + strings.Join(names, "|") + ")$"}
	if len(skipped) > 0 {
		arguments = append(arguments, "-test.skip="+skipPattern(skipped))
	}
	c := command(p.folder, "go", arguments...)
	if ours {
		c.Env = append(c.Env, "CURLPIPE_TEST_CONFORMANCE=1")
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Stderr = os.Stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	watch := time.AfterFunc(silence, func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGQUIT) })
	running, err := readOutcomes(io.TeeReader(&lively{stdout, watch}, log), outcomes)
	watch.Stop()
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	_ = c.Wait() // failed tests have been reported already
	return running, err
}

// lively is a reader that notes each read as a sign of life.
type lively struct {
	from  io.Reader
	watch interface{ Reset(time.Duration) bool }
}

func (l *lively) Read(into []byte) (int, error) {
	n, err := l.from.Read(into)
	l.watch.Reset(silence)
	return n, err
}

// readOutcomes reads the output of test2json into outcomes. It returns the
// tests that are still running at its end, without their subtests and those
// that wait for others.
func readOutcomes(from io.Reader, outcomes map[string]string) ([]string, error) {
	running := make(map[string]bool)
	scanner := bufio.NewScanner(from)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var event struct{ Action, Test string }
		if json.Unmarshal(scanner.Bytes(), &event) != nil || event.Test == "" {
			continue
		}
		switch event.Action {
		case "run", "cont":
			running[event.Test] = true
		case "pause":
			delete(running, event.Test)
		case "pass", "fail", "skip":
			delete(running, event.Test)
			outcomes[event.Test] = event.Action
		}
	}
	var begun []string
	for name := range running {
		if outcomes[name] != "" {
			continue
		}
		top, _, _ := strings.Cut(name, "/")
		if !slices.Contains(begun, top) {
			begun = append(begun, top)
		}
	}
	slices.Sort(begun)
	return begun, scanner.Err()
}

// skipPattern returns the pattern for -test.skip that matches those subtests.
func skipPattern(names []string) string {
	patterns := make([]string, len(names))
	for i, name := range names {
		parts := strings.Split(name, "/")
		for j, part := range parts {
			parts[j] = "^" + regexp.QuoteMeta(part) + "$"
		}
		patterns[i] = strings.Join(parts, "/")
	}
	slices.Sort(patterns)
	return strings.Join(patterns, "|")
}
