package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/joshdk/go-junit"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// readBack parses JUnit's output with another project's parser.
func readBack(t *testing.T, runs ...outcome.Run) []junit.Suite {
	t.Helper()
	var out strings.Builder
	require.NoError(t, JUnit(&out, runs))
	suites, err := junit.Ingest([]byte(out.String()))
	require.NoError(t, err, out.String())
	return suites
}

// ended returns a run of a scenario with this verdict.
func ended(scenario string, verdict, expected judge.Verdict) outcome.Run {
	return outcome.Run{
		Scenario: scenario, Subject: "c-demo", Driver: "perform", Library: "7.53.1 stock", Repetition: 1,
		Verdict: verdict, Expected: expected, DurationMS: 1500, Command: "build/pipelab run --seed 7",
		Invariants: []judge.Finding{
			{ID: "no-reset", Verdict: verdict, Expected: "no <reset>", Actual: "18 & \x01more", Rule: "RFC 9112 §9.6"},
		},
	}
}

func TestJUnitTellsFailuresFromErrorsAndWhatWasSkipped(t *testing.T) {
	broken := ended("reported", judge.Fail, judge.Fail)
	broken.SubjectError = "signal: segmentation fault"
	again := ended("reported", judge.Fail, judge.Pass)
	again.Repetition = 2
	suites := readBack(t,
		ended("reported", judge.Fail, judge.Fail),
		ended("honest-origin", judge.Pass, judge.Pass),
		again, broken,
		ended("reported", judge.NotApplicable, judge.Pass),
		ended("reported", judge.Inconclusive, judge.Pass),
		ended("reported", judge.Pass, judge.Fail))

	require.Len(t, suites, 2)
	require.Equal(t, "reported", suites[0].Name)
	require.Equal(t, "honest-origin", suites[1].Name)
	var statuses []junit.Status
	for _, c := range suites[0].Tests {
		statuses = append(statuses, c.Status)
		require.Equal(t, "reported", c.Classname)
		require.Equal(t, 1500*time.Millisecond, c.Duration)
	}
	require.Equal(t, []junit.Status{
		junit.StatusPassed, junit.StatusFailed, junit.StatusError, junit.StatusSkipped, junit.StatusFailed, junit.StatusFailed,
	}, statuses, "a defect that is expected passes, one that is missing fails")
	require.Equal(t, junit.Totals{Tests: 6, Passed: 1, Skipped: 1, Failed: 3, Error: 1, Duration: 9 * time.Second}, suites[0].Totals)

	passed, failed, erred, skipped := suites[0].Tests[0], suites[0].Tests[1], suites[0].Tests[2], suites[0].Tests[3]
	require.Equal(t, "c-demo (perform) 7.53.1 stock", passed.Name)
	require.Contains(t, passed.SystemOut, "fail, as expected\nno-reset fail: expected no <reset>")
	require.Equal(t, "c-demo (perform) 7.53.1 stock #2", failed.Name)
	require.Equal(t, "fail, where pass is expected", failed.Message)
	require.ErrorContains(t, failed.Error, "no-reset fail: expected no <reset>; saw 18 & \uFFFDmore (RFC 9112 §9.6)")
	require.ErrorContains(t, failed.Error, "again: build/pipelab run --seed 7")
	require.Equal(t, "the subject broke down: signal: segmentation fault", erred.Message)
	require.Equal(t, "n/a: 18 & \uFFFDmore", skipped.Message)
}

// Most readers use the attributes; the parser above counts for itself.
func TestJUnitCountsInItsAttributes(t *testing.T) {
	var out strings.Builder
	require.NoError(t, JUnit(&out, []outcome.Run{
		ended("reported", judge.Pass, judge.Fail), ended("reported", judge.NotApplicable, judge.Pass),
	}))
	for _, element := range []string{`<testsuites `, `<testsuite name="reported" `} {
		require.Contains(t, out.String(), element+`tests="2" failures="1" errors="0" skipped="1" time="3.000">`)
	}
}

func TestJUnitOfNothing(t *testing.T) {
	require.Empty(t, readBack(t))
}

// broken is a writer that fails after n bytes.
type broken int

func (b *broken) Write(p []byte) (int, error) {
	if len(p) > int(*b) {
		return 0, errors.New("no space")
	}
	*b -= broken(len(p))
	return len(p), nil
}

func TestJUnitThatCannotBeWritten(t *testing.T) {
	for _, room := range []broken{0, 60} {
		require.ErrorContains(t, JUnit(&room, []outcome.Run{ended("reported", judge.Pass, judge.Pass)}), "no space")
	}
}

// The cases of a matrix have different names, which are the same each time.
func TestJUnitTellsTheCellsApart(t *testing.T) {
	var b strings.Builder
	require.NoError(t, JUnit(&b, []outcome.Run{
		{Scenario: "reported", Subject: "c-demo", Driver: "perform", Library: "7.53.1 stock", OpenSSLName: "sid", TLS: "1.2",
			Repetition: 3, Verdict: judge.Pass, Expected: judge.Pass},
		{Scenario: "reported", Subject: "c-demo", Driver: "perform", Library: "7.53.1 stock", Repetition: 3,
			Verdict: judge.Pass, Expected: judge.Pass},
	}))
	require.Contains(t, b.String(), `name="c-demo (perform) 7.53.1 stock, OpenSSL sid, TLS 1.2"`)
	require.Contains(t, b.String(), `name="c-demo (perform) 7.53.1 stock #3"`)
}
