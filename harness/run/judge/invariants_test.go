package judge

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// observed is a change that spoils an observation, and the judge's finding on
// one invariant afterwards.
type observed struct {
	invariant string
	name      string
	spoil     func(*Observation)
	verdict   Verdict
	expected  string
	actual    string
}

var cases = []observed{
	{"one-connection", "one", func(*Observation) {}, Pass, "1 connection", "1 accepted"},
	{"one-connection", "two", onTwo, Fail, "1 connection", "2 accepted"},
	{"one-connection", "none", func(o *Observation) { o.Origin.Connections = nil }, Fail, "1 connection", "0 accepted"},
	{"one-connection", "two of two allowed", func(o *Observation) {
		o.Scenario.Expect.MaxConnections = 2
		onTwo(o)
	}, Pass, "1 to 2 connections", "2 accepted"},
	{"one-connection", "one of two allowed", func(o *Observation) {
		o.Scenario.Expect.MaxConnections = 2
	}, Pass, "1 to 2 connections", "1 accepted"},
	{"one-connection", "none of two allowed", func(o *Observation) {
		o.Scenario.Expect.MaxConnections = 2
		o.Origin.Connections = nil
	}, Fail, "1 to 2 connections", "0 accepted"},

	{"no-reset", "orderly close when done", func(*Observation) {}, Pass,
		"no connection ended early by the client", "0 ended early by the client, 0 of them by RST"},
	{"no-reset", "early, orderly and by RST", func(o *Observation) {
		onTwo(o)
		o.Origin.Connections[0].End.Early = true
		o.Origin.Connections[1].End = origin.End{ByClient: true, Reset: true, Early: true}
	}, Fail, "no connection ended early by the client", "2 ended early by the client, 1 of them by RST"},
	{"no-reset", "RST when done", func(o *Observation) {
		o.Origin.Connections[0].End.Reset = true
	}, Pass, "no connection ended early by the client", "0 ended early by the client, 0 of them by RST"},

	{"own-response", "all own", func(*Observation) {}, Pass,
		"every response is the one to its request", "3 of 3 own, no other's"},
	{"own-response", "two swapped", swap, Fail,
		"every response is the one to its request", `r0 got the response of "r1"; r1 got the response of "r0"`},
	{"own-response", "no answer is no other's answer", func(o *Observation) {
		o.Report.Results[1] = plan.Result{ID: "r1", CurlCode: 28}
	}, Pass, "every response is the one to its request", "2 of 3 own, no other's"},
	{"own-response", "a failed request with another's bytes", func(o *Observation) {
		o.Report.Results[1] = plan.Result{ID: "r1", CurlCode: 18, BodyID: "r2"}
	}, Fail, "every response is the one to its request", `r1 got the response of "r2"`},
	{"own-response", "another's bytes in the body", func(o *Observation) {
		o.Report.Results[2].BodyHash = plan.Hash([]byte("r2\nr2.r2.r1.r1.r1.r1"))
	}, Fail, "every response is the one to its request", "r2 got 20 bytes that are not its body of 20"},
	{"own-response", "a body that is cut off", func(o *Observation) {
		body := plan.Body("r2", 19)
		o.Report.Results[2].BodyBytes, o.Report.Results[2].BodyHash = 19, plan.Hash(body)
	}, Fail, "every response is the one to its request", "r2 got 19 bytes that are not its body of 20"},
	{"own-response", "a result that nobody asked for", func(o *Observation) {
		o.Report.Results[1].ID = "r9"
	}, Fail, "every response is the one to its request", `a result for "r9", which is not in the plan`},
	{"own-response", "no more than three are named", func(o *Observation) {
		o.Plan.Requests = nil
		o.Report.Results = append(o.Report.Results, plan.Result{ID: "r3"})
	}, Fail, "every response is the one to its request",
		`a result for "r0", which is not in the plan; a result for "r1", which is not in the plan; ` +
			`a result for "r2", which is not in the plan; …`},
	{"own-response", "the answer to HEAD", func(o *Observation) {
		o.Plan.Requests[0].Method = "HEAD"
		o.Report.Results[0].BodyID, o.Report.Results[0].BodyBytes = "", 0
		o.Report.Results[0].BodyHash = plan.Hash(nil)
	}, Pass, "every response is the one to its request", "3 of 3 own, no other's"},
	{"own-response", "a subject that crashed", fail, Inconclusive,
		"every response is the one to its request", "the subject failed: signal: segmentation fault"},

	{"wire-order", "whole", func(*Observation) {}, Pass,
		"whole requests, none inside another, none twice on a connection", "3 requests, all whole"},
	{"wire-order", "one inside another", func(o *Observation) {
		o.Origin.Connections[0].Requests[1].Problem = "2 Host fields"
	}, Fail, "whole requests, none inside another, none twice on a connection", "connection 1, byte 100: 2 Host fields"},
	{"wire-order", "twice on one connection", func(o *Observation) {
		o.Origin.Connections[0].Requests[2].ID = "r0"
	}, Fail, "whole requests, none inside another, none twice on a connection", "connection 1, byte 200: r0 a second time"},
	{"wire-order", "again on a new connection", func(o *Observation) {
		onTwo(o)
		o.Origin.Connections[1].Requests = append(o.Origin.Connections[1].Requests, o.Origin.Connections[0].Requests[1])
	}, Pass, "whole requests, none inside another, none twice on a connection", "4 requests, all whole"},
	{"wire-order", "one that nobody submitted", func(o *Observation) {
		onTwo(o)
		o.Origin.Connections[1].Requests[0].ID = "r9"
	}, Fail, "whole requests, none inside another, none twice on a connection",
		`connection 2, byte 200: request "r9" that nobody submitted`},

	{"all-answered", "all", func(*Observation) {}, Pass, "3 of 3 answered, each once", "3 of 3"},
	{"all-answered", "one with a curl code", func(o *Observation) {
		o.Report.Results[1] = plan.Result{ID: "r1", CurlCode: 28, TimesCompleted: 1}
	}, Fail, "3 of 3 answered, each once", "1 are not: r1: CURLcode 28"},
	{"all-answered", "one with the client's own words", func(o *Observation) {
		o.Report.Results[1] = plan.Result{ID: "r1", Error: "nothing moved for 4 seconds"}
	}, Fail, "3 of 3 answered, each once", "1 are not: r1: nothing moved for 4 seconds"},
	{"all-answered", "completed twice", func(o *Observation) {
		o.Report.Results[2].TimesCompleted = 2
	}, Fail, "3 of 3 answered, each once", "1 are not: r2: completed 2 times"},
	{"all-answered", "another status", func(o *Observation) {
		o.Report.Results[0].Status = 400
	}, Fail, "3 of 3 answered, each once", "1 are not: r0: status 400"},
	{"all-answered", "a result is missing", func(o *Observation) {
		o.Report.Results = o.Report.Results[:2]
	}, Fail, "3 of 3 answered, each once", "1 are not: r2: 0 results"},
	{"all-answered", "one result twice in place of another", func(o *Observation) {
		o.Report.Results[1] = o.Report.Results[0]
	}, Fail, "3 of 3 answered, each once", "2 are not: r0: 2 results; r1: 0 results"},
	{"all-answered", "a subject that crashed", fail, Fail,
		"3 of 3 answered, each once", "the subject failed: signal: segmentation fault"},
	{"all-answered", "a report, and words on standard error", func(o *Observation) {
		o.Failure = "the subject printed to standard error: oops"
	}, Fail, "3 of 3 answered, each once", "the subject printed to standard error: oops"},

	{"write-retry", "all repeated", func(*Observation) {}, Pass,
		"each blocked write is repeated with the same arguments", "4 blocked, all repeated"},
	{"write-retry", "two were not", func(o *Observation) { o.Events.BadRetries = badRetries(2) }, Fail,
		"each blocked write is repeated with the same arguments",
		"2 were not; the first: other bytes: after SSL_write of 90 bytes answered WANT_WRITE came 10 bytes (data can be lost or mixed up)"},
	{"write-retry", "bad, although events are missing", func(o *Observation) {
		o.Events.BadRetries, o.Events.Dropped = badRetries(1), 5
	}, Fail, "each blocked write is repeated with the same arguments",
		"1 were not; the first: other bytes: after SSL_write of 90 bytes answered WANT_WRITE came 10 bytes (data can be lost or mixed up)"},
	{"write-retry", "plain HTTP", func(o *Observation) {
		o.Plan.TLS, o.Events = plan.PlainText, events.Summary{}
	}, Pass, "each blocked write is repeated with the same arguments", "no TLS, no such contract"},
	{"write-retry", "nothing seen", func(o *Observation) { o.Events = events.Summary{} }, Inconclusive,
		"each blocked write is repeated with the same arguments", "the interposer saw nothing of this subject"},
	{"write-retry", "events are missing", func(o *Observation) { o.Events.Dropped = 5 }, Inconclusive,
		"each blocked write is repeated with the same arguments", "5 events are missing"},

	{"exercised", "just enough", func(*Observation) {}, Pass, "at least 4 blocked writes", "4 blocked writes"},
	{"exercised", "one too few", func(o *Observation) { o.Events.WantRead = 0 }, Inconclusive,
		"at least 4 blocked writes", "3 blocked writes"},
	{"exercised", "nothing is expected", func(o *Observation) {
		o.Scenario.Expect.MinBlockedWrites, o.Events.WantRead, o.Events.WantWrite = 0, 0, 0
	}, Pass, "nothing in particular", "0 blocked writes"},
	{"exercised", "too few, but the client broke down", func(o *Observation) {
		o.Events.WantRead, o.Events.WantWrite, o.Events.BadRetries = 0, 1, badRetries(1)
	}, Pass, "at least 1 blocked writes", "1 blocked writes"},
}

func TestInvariants(t *testing.T) {
	for _, each := range slices.Concat(cases, courseCases) {
		t.Run(each.invariant+"/"+each.name, func(t *testing.T) {
			o := sound()
			each.spoil(o)
			f := finding(t, o, each.invariant)
			require.Equal(t, each.verdict, f.Verdict)
			require.Equal(t, each.expected, f.Expected)
			require.Equal(t, each.actual, f.Actual)
		})
	}
}

// Each invariant has a case that passes and one that does not.
func TestEveryInvariantIsTested(t *testing.T) {
	seen := make(map[string]map[bool]bool)
	for _, each := range slices.Concat(cases, courseCases) {
		if seen[each.invariant] == nil {
			seen[each.invariant] = make(map[bool]bool)
		}
		seen[each.invariant][each.verdict == Pass] = true
	}
	for _, invariant := range Invariants() {
		require.Len(t, seen[invariant.ID], 2, invariant.ID)
	}
	require.Len(t, seen, len(Invariants()))
}
