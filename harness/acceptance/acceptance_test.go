// Package acceptance tests the whole laboratory, the patch series and the
// clients against the project's promises, with real libraries, real OpenSSL and
// real connections.
package acceptance

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// builds has what the scripts build. If something is not built, the test that
// needs it fails: none is skipped.
type builds struct {
	subjects   *subject.Programs
	interposer string
	engine     string
	libraries  map[string]*library.Library
}

func newBuilds(t *testing.T) *builds {
	t.Helper()
	found, err := checkout.Find()
	require.NoError(t, err)
	b := &builds{subjects: subject.In(found.Programs()), libraries: make(map[string]*library.Library)}
	b.interposer, err = b.subjects.Interposer()
	require.NoError(t, err)
	b.engine, err = b.subjects.Engine()
	require.NoError(t, err)
	finder, err := found.Finder()
	require.NoError(t, err)
	for _, name := range []string{library.Stock, library.Patched, library.MovingBuffer} {
		b.libraries[name], err = finder.Find(name)
		require.NoError(t, err)
	}
	return b
}

// run makes one run with the named libcurl.
func (b *builds) run(t *testing.T, s *scenario.Scenario, name, driver, libcurl string) outcome.Run {
	t.Helper()
	return b.runWith(t, s, name, driver, b.libraries[libcurl])
}

// runWith makes one run.
func (b *builds) runWith(t *testing.T, s *scenario.Scenario, name, driver string, l *library.Library) outcome.Run {
	t.Helper()
	r, _, err := outcome.Make(context.Background(), b.setup(t, s, name, driver, l))
	require.NoError(t, err)
	return r
}

func (b *builds) setup(t *testing.T, s *scenario.Scenario, name, driver string, l *library.Library) *lab.Setup {
	t.Helper()
	found, err := b.subjects.Find(name)
	require.NoError(t, err)
	return &lab.Setup{
		Scenario: s, Subject: found, Driver: driver, Library: l,
		Interposer: b.interposer, Engine: b.engine, Seed: 1,
	}
}

// stockRuns makes a run of each scenario and driver with the stock libcurl, and
// repeats those that show nothing. Several run at a time, because most of them wait
// for something that never arrives.
func (b *builds) stockRuns(t *testing.T, scenarios []scenario.Scenario) map[string]outcome.Run {
	t.Helper()
	var mutex sync.Mutex
	runs := make(map[string]outcome.Run)
	var group errgroup.Group
	group.SetLimit(2 * runtime.NumCPU())
	for _, s := range scenarios {
		for _, driver := range drivers {
			setup := b.setup(t, &s, "c-demo", driver, b.libraries[library.Stock])
			group.Go(func() error {
				r, _, _, err := outcome.MakeShown(context.Background(), setup, nil)
				mutex.Lock()
				defer mutex.Unlock()
				runs[s.ID+"/"+driver] = r
				return err
			})
		}
	}
	require.NoError(t, group.Wait())
	return runs
}

// drivers of c-demo.
var drivers = []string{plan.DriverPerform, plan.DriverSocket}

func only(t *testing.T, id string) *scenario.Scenario {
	t.Helper()
	found, err := scenario.Match(id)
	require.NoError(t, err)
	require.Len(t, found, 1)
	return &found[0]
}

// finding returns the judge's finding on an invariant.
func finding(t *testing.T, r outcome.Run, id string) judge.Finding {
	t.Helper()
	for _, f := range r.Invariants {
		if f.ID == id {
			return f
		}
	}
	require.Failf(t, "no such invariant", "%s", id)
	return judge.Finding{}
}

// clients are the subjects of the report, each with all of its drivers.
var clients = []struct{ subject, driver string }{
	{"c-demo", plan.DriverPerform},
	{"c-demo", plan.DriverSocket},
	{"go-curl", plan.DriverPerform},
	{"curlpipe", plan.DriverSocket},
}

// TestReset tests the purpose of the project: stock loses the connection,
// patched keeps it, with every client.
func TestReset(t *testing.T) {
	b := newBuilds(t)
	s := only(t, "reported")
	for _, c := range clients {
		t.Run(c.subject+"/"+c.driver+"/stock", func(t *testing.T) {
			r := b.run(t, s, c.subject, c.driver, library.Stock)
			require.Equal(t, judge.Pass, finding(t, r, "exercised").Verdict, "no write was blocked: inconclusive")
			require.Equal(t, judge.Fail, r.Verdict)
			require.Equal(t, judge.Fail, finding(t, r, "write-retry").Verdict)
			require.GreaterOrEqual(t, r.BadWriteRetry, 1)
			require.GreaterOrEqual(t, r.Connections, 5)
			require.GreaterOrEqual(t, r.Resets, 1)
			require.True(t, r.AsExpected())
		})
		t.Run(c.subject+"/"+c.driver+"/patched", func(t *testing.T) {
			r := b.run(t, s, c.subject, c.driver, library.Patched)
			require.Equal(t, judge.Pass, finding(t, r, "exercised").Verdict, "too few writes were blocked: inconclusive")
			require.Equal(t, judge.Pass, r.Verdict, "%+v", r.Invariants)
			require.Equal(t, 1, r.Connections)
			require.Zero(t, r.Resets)
			require.Zero(t, r.BadWriteRetry)
			require.Equal(t, 50, r.Requests)
			require.Equal(t, 50, r.Answered)
			require.Equal(t, 50, r.OwnResponse)
			require.GreaterOrEqual(t, r.WantWrite+r.WantRead, int64(10))
		})
	}
}

// TestHonestOrigin is the control: with an honest origin, no run fails.
func TestHonestOrigin(t *testing.T) {
	b := newBuilds(t)
	s := only(t, "honest-origin")
	for _, c := range clients {
		for _, libcurl := range []string{library.Stock, library.Patched} {
			t.Run(c.subject+"/"+c.driver+"/"+libcurl, func(t *testing.T) {
				r := b.run(t, s, c.subject, c.driver, libcurl)
				require.Equal(t, judge.Pass, r.Verdict, "%+v", r.Invariants)
				require.Equal(t, 1, r.Connections)
				require.Equal(t, r.Requests, r.OwnResponse)
			})
		}
	}
}

// TestEveryScenario runs the table with the client that supports all of it.
func TestEveryScenario(t *testing.T) {
	b := newBuilds(t)
	scenarios := slices.DeleteFunc(scenario.All(), func(s scenario.Scenario) bool { return s.HTTP2 }) // see TestEveryScenarioOverHTTP2
	stock := b.stockRuns(t, scenarios)
	for _, s := range scenarios {
		for _, driver := range drivers {
			t.Run(strings.Join([]string{s.ID, driver, library.Stock}, "/"), func(t *testing.T) {
				r := stock[s.ID+"/"+driver]
				require.True(t, r.AsExpected(), "%s, expected %s: %+v", r.Verdict, r.Expected, r.Invariants)
			})
			t.Run(strings.Join([]string{s.ID, driver, library.Patched}, "/"), func(t *testing.T) {
				r := b.run(t, &s, "c-demo", driver, library.Patched)
				require.Equal(t, judge.Pass, r.Verdict, "%s: %+v", r.SubjectError, r.Invariants)
			})
		}
	}
}

// TestEveryScenarioOverHTTP2 runs the part of the table that needs a libcurl with
// HTTP/2, which the series must not break.
func TestEveryScenarioOverHTTP2(t *testing.T) {
	b := newBuilds(t)
	found, err := checkout.Find()
	require.NoError(t, err)
	build := exec.Command(filepath.Join(found.Folder, "scripts", "build-libcurl"), "--variant", library.Patched, "--features", "full")
	said, err := build.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) && bytes.Contains(failed.Stderr, []byte("--features full needs")) {
		t.Skip(string(failed.Stderr))
	}
	require.NoError(t, err)
	finder, err := found.Finder()
	require.NoError(t, err)
	full, err := finder.Find(strings.TrimSpace(string(said)))
	require.NoError(t, err)
	ran := 0
	for _, s := range scenario.All() {
		for _, driver := range drivers {
			if !s.HTTP2 {
				continue
			}
			ran++
			t.Run(s.ID+"/"+driver, func(t *testing.T) {
				r := b.runWith(t, &s, "c-demo", driver, full)
				require.Equal(t, judge.Pass, r.Verdict, "%s: %+v", r.SubjectError, r.Invariants)
			})
		}
	}
	require.GreaterOrEqual(t, ran, 2*8)
}

// TestMovingBuffer is the negative control. This libcurl keeps OpenSSL from
// refusing a wrong write, and loses a request instead. The judge must notice.
func TestMovingBuffer(t *testing.T) {
	b := newBuilds(t)
	s := only(t, "moving-buffer")
	r := b.run(t, s, "c-demo", plan.DriverPerform, library.MovingBuffer)
	require.Equal(t, judge.Fail, r.Verdict)
	require.Equal(t, judge.Fail, finding(t, r, "write-retry").Verdict, "%+v", r.Invariants)
	require.Equal(t, judge.Pass, finding(t, r, "one-connection").Verdict, "OpenSSL did refuse: %+v", r.Invariants)
	require.Equal(t, judge.Fail, finding(t, r, "all-answered").Verdict, "no request was lost: %+v", r.Invariants)
	r = b.run(t, s, "c-demo", plan.DriverSocket, library.MovingBuffer)
	require.True(t, r.AsExpected(), "%+v", r.Invariants)
}

// TestAnOriginThatBreaksDown makes the origin's TLS engine fail: the result
// must not be blamed on the client.
func TestAnOriginThatBreaksDown(t *testing.T) {
	b := newBuilds(t)
	wrapper := filepath.Join(t.TempDir(), "tls-engine")
	script := "#!/bin/sh\n'" + b.engine + "' \"$@\"\necho 'out of order' >&2\n"
	require.NoError(t, os.WriteFile(wrapper, []byte(script), 0o755))
	demo, err := b.subjects.Find("c-demo")
	require.NoError(t, err)
	_, err = lab.Run(context.Background(), lab.Setup{
		Scenario: only(t, "idle-keyupdate"), Subject: demo, Driver: plan.DriverPerform,
		Library: b.libraries[library.Patched], Interposer: b.interposer, Engine: wrapper, Seed: 1,
	})
	require.ErrorContains(t, err, "the origin broke down: the TLS engine ended badly")
	require.ErrorContains(t, err, "out of order")
}

// TestNothingAtStakeIsInconclusive makes the requests of the reported scenario
// fit into the buffers. No write is blocked, so the run must be inconclusive.
func TestNothingAtStakeIsInconclusive(t *testing.T) {
	b := newBuilds(t)
	s := *only(t, "reported")
	s.Client.HeaderBytes = scenario.Range{Min: 10, Max: 20}
	r := b.run(t, &s, "c-demo", plan.DriverPerform, library.Patched)
	require.Equal(t, judge.Inconclusive, r.Verdict, "%+v", r.Invariants)
	require.Equal(t, judge.Inconclusive, finding(t, r, "exercised").Verdict)
	require.False(t, r.AsExpected(), "inconclusive is never a pass")
}

// TestMissingBuildsAreNamed requires an error that says what to run if nothing
// is built.
func TestMissingBuildsAreNamed(t *testing.T) {
	empty := subject.In(t.TempDir())
	_, err := empty.Find("c-demo")
	require.ErrorContains(t, err, "scripts/build-subjects")
	_, err = empty.Interposer()
	require.ErrorContains(t, err, "scripts/build-subjects")
	_, err = (&library.Finder{Cache: t.TempDir()}).Find(library.Patched)
	require.ErrorContains(t, err, "scripts/build-libcurl --variant patched")
}
