package judge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// sound is the observation of a client that does everything right: three
// requests over one connection, with four blocked writes that were repeated.
func sound() *Observation {
	o := &Observation{
		Scenario: &scenario.Scenario{Expect: scenario.Expect{MinBlockedWrites: 4}},
		Plan:     &plan.Plan{TLS: plan.TLS12},
		Report:   &plan.Report{Subject: "fake"},
		Origin: &origin.Log{Connections: []origin.Connection{{
			Number: 1, TLS: "TLS 1.2", End: origin.End{Time: time.Unix(9, 0), ByClient: true},
		}}},
		Events: events.Summary{Events: 40, Writes: 7, WantWrite: 3, WantRead: 1},
	}
	for i, id := range []string{"r0", "r1", "r2"} {
		o.Plan.Requests = append(o.Plan.Requests, plan.Request{ID: id, Method: "GET", Path: "/" + id + "?body=20"})
		body := plan.Body(id, 20)
		o.Report.Results = append(o.Report.Results, plan.Result{
			ID: id, Answered: true, Status: 200, TimesCompleted: 1,
			BodyID: id, BodyBytes: int64(len(body)), BodyHash: plan.Hash(body),
		})
		o.Origin.Connections[0].Requests = append(o.Origin.Connections[0].Requests, origin.Request{
			ID: id, Method: "GET", Target: "/" + id + "?body=20", Answered: true, Offset: int64(100 * i), Length: 100,
		})
	}
	return o
}

// onTwo moves a part to a second connection, with the request r2.
func onTwo(o *Observation) {
	first := &o.Origin.Connections[0]
	second := origin.Connection{Number: 2, TLS: "TLS 1.2", Requests: first.Requests[2:]}
	first.Requests = first.Requests[:2]
	o.Origin.Connections = append(o.Origin.Connections, second)
}

// swap gives r0 the response to r1, and the other way round.
func swap(o *Observation) {
	r := o.Report.Results
	r[0].BodyID, r[1].BodyID = r[1].BodyID, r[0].BodyID
	r[0].BodyHash, r[1].BodyHash = r[1].BodyHash, r[0].BodyHash
}

// fail removes the report and sets the reason for that.
func fail(o *Observation) {
	o.Report, o.Failure = nil, "the subject failed: signal: segmentation fault"
}

// badRetries are n writes of 10 bytes instead of the 90 that were blocked.
func badRetries(n int) []events.BadRetry {
	list := make([]events.BadRetry, n)
	for i := range list {
		list[i] = events.BadRetry{
			First:  events.Event{Call: "SSL_write", Buffer: "0xa0", Length: 90, Result: -1, Error: events.WantWrite},
			Second: events.Event{Call: "SSL_write", Buffer: "0xb0", Length: 10},
		}
	}
	return list
}

// finding returns the finding on the invariant with this id.
func finding(t *testing.T, o *Observation, id string) Finding {
	t.Helper()
	for _, f := range Findings(o) {
		if f.ID == id {
			return f
		}
	}
	require.FailNow(t, "no such invariant", id)
	return Finding{}
}
