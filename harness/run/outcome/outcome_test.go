package outcome

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// observed is a run of two requests, one of which was not answered.
func observed() *judge.Observation {
	body := plan.Body("r0", 20)
	return &judge.Observation{
		Scenario: &scenario.Scenario{ID: "some-words", Client: scenario.Client{TLS: plan.TLS12}},
		Plan: &plan.Plan{TLS: plan.TLS12, Requests: []plan.Request{
			{ID: "r0", Method: "GET", Path: "/r0?body=20"}, {ID: "r1", Method: "GET", Path: "/r1?body=20"},
		}},
		Report: &plan.Report{DurationMS: 812.5, CPUMS: 31.25, Results: []plan.Result{
			{ID: "r0", Answered: true, Status: 200, TimesCompleted: 1, BodyID: "r0", BodyBytes: 20, BodyHash: plan.Hash(body)},
			{ID: "r1", CurlCode: 55, TimesCompleted: 1},
		}},
		Failure: "the subject printed to standard error: oops",
		Origin: &origin.Log{Connections: []origin.Connection{
			{Number: 1, End: origin.End{ByClient: true, Reset: true, Early: true}}, {Number: 2}, {Number: 3},
		}},
		Events: events.Summary{Events: 50, WantWrite: 6, WantRead: 5, BadRetries: make([]events.BadRetry, 4)},
	}
}

// libraryOf returns a library of this variant.
func libraryOf(variant string) *library.Library {
	return &library.Library{Manifest: &library.Manifest{
		Variant: variant, Version: "7.53.1", LibcurlVersion: "7.53.1-" + variant, OpenSSL: library.OpenSSL{Version: "3.0.19"},
	}}
}

func TestOf(t *testing.T) {
	o := observed()
	require.Equal(t, Run{
		Scenario: "some-words", Subject: "fake", Driver: "perform", Library: "7.53.1 stock", LibcurlVersion: "7.53.1-stock",
		OpenSSL: "3.0.19", TLS: "1.2", Verdict: judge.Fail, Expected: judge.Pass,
		Connections: 3, Resets: 1, Requests: 2, Answered: 1, OwnResponse: 1, WantWrite: 6, WantRead: 5, BadWriteRetry: 4,
		DurationMS: 812.5, CPUMS: 31.25, SubjectError: "the subject printed to standard error: oops",
		Invariants: judge.Findings(o),
	}, Of(o, "fake", "perform", libraryOf("stock")))
}

func TestOfARunWithoutReport(t *testing.T) {
	o := observed()
	o.Report = nil
	r := Of(o, "fake", "perform", libraryOf("stock"))
	require.Zero(t, r.Answered)
	require.Zero(t, r.DurationMS)
	require.Equal(t, 2, r.Requests)
	require.Equal(t, judge.Fail, r.Verdict)
}

func TestExpectedVerdict(t *testing.T) {
	performs, sockets := []scenario.Defect{{What: "it hangs", Driver: "perform"}}, []scenario.Defect{{What: "it hangs", Driver: "socket"}}
	for _, each := range []struct {
		variant  string
		stock    []scenario.Defect
		expected judge.Verdict
	}{
		{library.Stock, performs, judge.Fail},
		{library.Stock, sockets, judge.Pass},
		{library.Stock, nil, judge.Pass},
		{library.Patched, performs, judge.Pass},
		{library.Patched, nil, judge.Pass},
		{"own", performs, judge.Pass},
	} {
		o := observed()
		o.Scenario.Expect.Stock = each.stock
		require.Equal(t, each.expected, Of(o, "fake", "perform", libraryOf(each.variant)).Expected, "%+v", each)
	}
}

func TestStockMayPassWithOneSubject(t *testing.T) {
	o := observed()
	o.Scenario.Expect.Stock = []scenario.Defect{{What: "it hangs", Spares: map[string]string{"careful": "it helps itself"}}}
	require.Equal(t, judge.Pass, Of(o, "careful", "perform", libraryOf(library.Stock)).Expected)
	require.Equal(t, judge.Fail, Of(o, "fake", "perform", libraryOf(library.Stock)).Expected)
}

func TestStockMayCrash(t *testing.T) {
	o := observed()
	o.Scenario.Expect.Stock = []scenario.Defect{{What: "it crashes", Crashes: true}}
	r := Of(o, "fake", "perform", libraryOf(library.Stock))
	require.NotEmpty(t, r.SubjectError)
	require.True(t, r.AsExpected())
	r = Of(o, "fake", "perform", libraryOf(library.Patched))
	require.False(t, r.AsExpected(), "the patched one may not")
}

func TestTheOpenSSLIsTheOneThatWasSeen(t *testing.T) {
	o := observed()
	o.Events.OpenSSL = "3.0.20"
	require.Equal(t, "3.0.20", Of(o, "fake", "perform", libraryOf(library.Stock)).OpenSSL)
}

func TestExpectedVerdictThatVaries(t *testing.T) {
	expect := func(e scenario.Expect, variant string) judge.Verdict {
		o := observed()
		o.Scenario.Expect = e
		return Of(o, "fake", "perform", libraryOf(variant)).Expected
	}
	varies := scenario.Expect{Stock: []scenario.Defect{{What: "it may hang", Sometimes: true}}}
	require.Equal(t, PassOrFail, expect(varies, library.Stock))
	require.Equal(t, judge.Pass, expect(varies, library.Patched))
	require.Equal(t, judge.Fail, expect(scenario.Expect{Control: "a request is lost"}, library.MovingBuffer))
	require.Equal(t, PassOrFail, expect(scenario.Expect{}, library.MovingBuffer))
}

func TestKnownFailureIsExpected(t *testing.T) {
	before := known
	t.Cleanup(func() { known = before })
	known = map[[4]string]string{
		{"some-words", "perform", library.Patched, ""}:        "not mended yet",
		{"some-words", "perform", library.Packaged, "8.14.1"}: "mended later",
	}
	r := Of(observed(), "fake", "perform", libraryOf(library.Patched))
	require.Equal(t, judge.Fail, r.Expected)
	require.Equal(t, "not mended yet", r.Known)
	r.SubjectError = ""
	require.True(t, r.AsExpected())
	r.Verdict = judge.Pass
	require.False(t, r.AsExpected(), "the entry is stale")
	require.Empty(t, Of(observed(), "fake", "socket", libraryOf(library.Patched)).Known)

	packaged := libraryOf(library.Packaged)
	packaged.Manifest.Version = "8.14.1"
	require.Equal(t, "mended later", Of(observed(), "fake", "perform", packaged).Known)
	packaged.Manifest.Version = "8.22.0"
	require.Empty(t, Of(observed(), "fake", "perform", packaged).Known, "it was mended since")
}

func TestAsExpected(t *testing.T) {
	for _, each := range []struct {
		verdict, expected judge.Verdict
		as                bool
	}{
		{judge.Pass, judge.Pass, true},
		{judge.Fail, judge.Fail, true},
		{judge.Fail, judge.Pass, false},
		{judge.Pass, judge.Fail, false},
		{judge.Inconclusive, judge.Pass, false},
		{judge.Inconclusive, judge.Fail, false},
		{judge.Pass, PassOrFail, true},
		{judge.Fail, PassOrFail, true},
		{judge.Inconclusive, PassOrFail, false},
		{judge.NotApplicable, judge.Pass, true},
		{judge.NotApplicable, judge.Fail, true},
	} {
		r := Run{Verdict: each.verdict, Expected: each.expected}
		require.Equal(t, each.as, r.AsExpected(), "%s where %s is expected", each.verdict, each.expected)
		if each.verdict != judge.NotApplicable {
			r.SubjectError = "the subject failed: signal: segmentation fault"
			require.False(t, r.AsExpected(), "a breakdown shows no defect of the library")
		}
	}
}
