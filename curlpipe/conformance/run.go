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

// noEnd is what came of a test that neither passed nor failed: it hung, or took
// its process with it.
const noEnd = "no end"

// mostNames is how many tests run together: an argument of a program may not be
// of any length.
const mostNames = 1000

// silence is how long nothing may come of the tests that run.
const silence = time.Minute

// tested is one package with tests: where they run, and the program that they
// are.
type tested struct{ folder, name, program string }

// compile makes a program of the tests of each package of a suite.
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

// test runs the wanted tests of packages and returns what came of each, by its name;
// that of its package stands before it where there are several. A test that does
// not end is ended, and those that it has kept from running run without it.
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
			if len(left) == 0 || len(left) == before { // what is left was not meant to run
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
	for _, name := range suspects { // several ran at a time: one of them is to blame
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

// runOnce runs those tests, until nothing comes of them for long. It returns
// those that had begun then and not ended.
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
	_ = c.Wait() // its tests fail, and have said so
	return running, err
}

// lively is a reader of which each byte is a sign of life.
type lively struct {
	from  io.Reader
	watch interface{ Reset(time.Duration) bool }
}

func (l *lively) Read(into []byte) (int, error) {
	n, err := l.from.Read(into)
	l.watch.Reset(silence)
	return n, err
}

// readOutcomes reads what test2json says into outcomes. It returns the tests
// that are still running at its end, without their subtests and those that wait
// for others.
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

// skipPattern is the pattern for -test.skip that has those subtests in it.
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
