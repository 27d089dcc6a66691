package judge

import (
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// first is the first request that the origin of a sound run saw.
func first(o *Observation) *origin.Request {
	return &o.Origin.Connections[0].Requests[0]
}

// rename gives the request r0 the id that it has in a scenario.
func rename(o *Observation) {
	o.Plan.Requests[0].ID, o.Report.Results[0].ID, first(o).ID = "r0000", "r0000", "r0000"
}

// courseCases are about the course of a run, and about results other than an
// answer.
var courseCases = []observed{
	{"sent-once", "once", func(*Observation) {}, Pass, "each request once", "none more than 1 times"},
	{"sent-once", "twice", func(o *Observation) {
		onTwo(o)
		o.Origin.Connections[1].Requests = append(o.Origin.Connections[1].Requests, *first(o))
	}, Fail, "each request once", "r0 reached the origin 2 times"},
	{"sent-once", "twice, with a second connection", func(o *Observation) {
		o.Scenario.Expect.MaxConnections = 2
		onTwo(o)
		o.Origin.Connections[1].Requests = append(o.Origin.Connections[1].Requests, *first(o))
	}, Pass, "each request at most 2 times", "none more than 2 times"},
	{"sent-once", "once although there may be two connections", func(o *Observation) {
		o.Scenario.Expect.MaxConnections, o.Scenario.Expect.MaxRequests = 2, 1
		onTwo(o)
		o.Origin.Connections[1].Requests = append(o.Origin.Connections[1].Requests, *first(o))
	}, Fail, "each request once", "r0 reached the origin 2 times"},
	{"sent-once", "again because of a redirect", func(o *Observation) {
		rename(o)
		o.Scenario.Origin.Answers = map[int]scenario.Answer{0: {Redirect: "/other"}}
		again := *first(o)
		again.Target = "/other"
		o.Origin.Connections[0].Requests = append(o.Origin.Connections[0].Requests, again)
	}, Pass, "each request once", "none more than 1 times"},

	{"not-pipelined", "only GET", func(*Observation) {}, Pass,
		"requests that are not idempotent travel alone", "0 of those, all alone"},
	{"not-pipelined", "GET behind GET", func(o *Observation) { o.Origin.Connections[0].Requests[2].Behind = 2 }, Pass,
		"requests that are not idempotent travel alone", "0 of those, all alone"},
	{"not-pipelined", "POST alone", func(o *Observation) { o.Origin.Connections[0].Requests[1].Method = "POST" }, Pass,
		"requests that are not idempotent travel alone", "1 of those, all alone"},
	{"not-pipelined", "POST behind GET over HTTP/2", func(o *Observation) {
		o.Origin.Connections[0].Requests[1].Method, o.Origin.Connections[0].Requests[1].Behind = "POST", 1
		o.Origin.Connections[0].HTTP2 = true
	}, Pass, "requests that are not idempotent travel alone", "0 of those, all alone"},
	{"not-pipelined", "POST behind GET", func(o *Observation) {
		o.Origin.Connections[0].Requests[1].Method, o.Origin.Connections[0].Requests[1].Behind = "POST", 1
	}, Fail, "requests that are not idempotent travel alone", "POST r1 came while 1 were unanswered"},
	{"not-pipelined", "GET behind POST", func(o *Observation) {
		o.Origin.Connections[0].Requests[1].Method, o.Origin.Connections[0].Requests[2].Behind = "POST", 1
	}, Fail, "requests that are not idempotent travel alone", "r2 came before POST r1 was answered"},

	{"pipelined", "nobody asks", func(*Observation) {}, Pass,
		"at least 0 requests behind others, on at least 0 connections", "0 behind others, on 0 connections"},
	{"pipelined", "enough", func(o *Observation) {
		o.Scenario.Expect.MinPipelined, first(o).Behind = 1, 1
	}, Pass, "at least 1 requests behind others, on at least 0 connections", "1 behind others, on 1 connections"},
	{"pipelined", "one after the other", func(o *Observation) { o.Scenario.Expect.MinPipelined = 1 }, Fail,
		"at least 1 requests behind others, on at least 0 connections", "0 behind others, on 0 connections"},
	{"pipelined", "on too few connections", func(o *Observation) {
		o.Scenario.Expect.MinPipes = 2
		o.Origin.Connections[0].Requests[1].Behind, o.Origin.Connections[0].Requests[2].Behind = 1, 2
	}, Fail, "at least 0 requests behind others, on at least 2 connections", "2 behind others, on 1 connections"},
	{"own-credentials", "none", func(*Observation) {}, Pass,
		"every request with its own credentials, method and body", "all as planned"},
	{"own-credentials", "those of another", func(o *Observation) {
		o.Plan.Requests[0].Credentials = "a:b"
		first(o).Credentials = "c:d"
	}, Fail, "every request with its own credentials, method and body", `r0 came with the credentials "c:d"`},
	{"own-credentials", "another method", func(o *Observation) { o.Plan.Requests[0].CustomMethod = "DELETE" }, Fail,
		"every request with its own credentials, method and body", "r0 came with the method GET"},
	{"own-credentials", "another body", func(o *Observation) { first(o).BodyBytes = 9 }, Fail,
		"every request with its own credentials, method and body", "r0 came with a body of 9 bytes"},

	{"paused-waits", "nobody paused", func(*Observation) {}, Pass,
		"nothing for a paused transfer", "none got any, 0 MB of memory"},
	{"paused-waits", "one got more", func(o *Observation) { o.Report.Results[1].PausedBytes = 7 }, Fail,
		"nothing for a paused transfer", "r1 got 7 bytes while it was paused"},
	{"paused-waits", "hoarded", func(o *Observation) {
		o.Scenario.Expect.MaxMemory, o.Report.MaxMemoryBytes = 8<<20, 9<<20
	}, Fail, "nothing for a paused transfer, and at most 8 MB of memory", "none got any, 9 MB of memory"},
	{"paused-waits", "hoarded by sanitizers", func(o *Observation) {
		o.Scenario.Expect.MaxMemory, o.Report.MaxMemoryBytes, o.Sanitized = 8<<20, 9<<20, true
	}, Pass, "nothing for a paused transfer", "none got any, 9 MB of memory"},
	{"paused-waits", "a subject that crashed", fail, Inconclusive,
		"nothing for a paused transfer", "the subject failed: signal: segmentation fault"},

	{"quiet-wait", "few turns", func(o *Observation) { turned(o, 100, 100) }, Pass,
		"at most 5 % of a core while it waits, and at most 100 calls of libcurl", "nothing to wait for"},
	{"quiet-wait", "many turns", func(o *Observation) { turned(o, 100, 101) }, Fail,
		"at most 5 % of a core while it waits, and at most 100 calls of libcurl", "101 calls of libcurl"},
	{"quiet-wait", "many turns, nobody minds", func(o *Observation) { turned(o, 0, 1_000_000) }, Pass,
		"at most 5 % of a core while it waits", "nothing to wait for"},
	{"quiet-wait", "never waited", func(*Observation) {}, Pass,
		"at most 5 % of a core while it waits", "nothing to wait for"},
	{"quiet-wait", "not long enough to tell", func(o *Observation) {
		waits(o, 100*time.Millisecond, 100*time.Millisecond)
	}, Pass, "at most 5 % of a core while it waits", "nothing to wait for"},
	{"quiet-wait", "asleep", func(o *Observation) { waits(o, 400*time.Millisecond, 2*time.Millisecond) }, Pass,
		"at most 5 % of a core while it waits", "0.5 %: 2.0 ms in 400 ms"},
	{"quiet-wait", "busy", func(o *Observation) { waits(o, 400*time.Millisecond, 390*time.Millisecond) }, Fail,
		"at most 5 % of a core while it waits", "97.5 %: 390.0 ms in 400 ms"},

	{"quiet-wait", "busy with sanitizers", func(o *Observation) {
		waits(o, 400*time.Millisecond, 390*time.Millisecond)
		o.Sanitized = true
	}, Pass, "at most 5 % of a core while it waits", "not measured with sanitizers"},

	{"no-leak", "none", func(*Observation) {}, Pass, "no file descriptor left open", "0 left open"},
	{"no-leak", "two", func(o *Observation) { o.Report.OpenFDsAfter = 2 }, Fail,
		"no file descriptor left open", "2 left open"},
	{"no-leak", "a subject that crashed", fail, Inconclusive,
		"no file descriptor left open", "the subject failed: signal: segmentation fault"},

	{"exercised", "an answer as planned", func(o *Observation) {
		rename(o)
		o.Scenario.Origin.Answers = map[int]scenario.Answer{0: {Chunked: true}}
		first(o).AsPlanned = true
	}, Pass, "at least 4 blocked writes, every answer as planned", "4 blocked writes"},
	{"exercised", "an answer that never came to it", func(o *Observation) {
		rename(o)
		o.Scenario.Origin.Answers = map[int]scenario.Answer{0: {Chunked: true}}
	}, Inconclusive, "at least 4 blocked writes, every answer as planned", "r0000 was not answered as planned"},
	{"exercised", "a client that broke down early", func(o *Observation) {
		o.Events = events.Summary{Events: 40, WantWrite: 1, BadRetries: badRetries(1)}
	}, Pass, "at least 1 blocked writes", "1 blocked writes"},
	{"exercised", "all kinds of waiting", func(o *Observation) {
		o.Scenario.Expect = scenario.Expect{MinWantRead: 1, MinBlockedReads: 2, MinTLSAnswers: 3}
		o.Events.BlockedReads = 2
		o.Origin.Connections[0].Renegotiations, o.Origin.Connections[0].KeyUpdates = 1, 2
	}, Pass, "at least 1 writes that answered WANT_READ, at least 2 reads that answered WANT_WRITE, " +
		"at least 3 renegotiations and KeyUpdates",
		"1 writes that answered WANT_READ, 2 reads that answered WANT_WRITE, 3 renegotiations and KeyUpdates"},
	{"exercised", "no kind of waiting", func(o *Observation) {
		o.Scenario.Expect = scenario.Expect{MinWantRead: 2, MinBlockedReads: 1, MinTLSAnswers: 1}
	}, Inconclusive, "at least 2 writes that answered WANT_READ, at least 1 reads that answered WANT_WRITE, " +
		"at least 1 renegotiations and KeyUpdates",
		"1 writes that answered WANT_READ; 0 reads that answered WANT_WRITE; 0 renegotiations and KeyUpdates"},
	{"exercised", "both connections as planned", func(o *Observation) {
		o.Scenario.Expect.MinBlockedWrites = 0
		o.Scenario.Origin.Places = []scenario.Place{{Connections: 2, Request: 0}}
		onTwo(o)
		first(o).AsPlanned, o.Origin.Connections[1].Requests[0].AsPlanned = true, true
	}, Pass, "2 connections as planned", "all of it"},
	{"exercised", "one of two connections as planned", func(o *Observation) {
		o.Scenario.Expect.MinBlockedWrites = 0
		o.Scenario.Origin.Places = []scenario.Place{{Connections: 2, Request: 0}}
		first(o).AsPlanned = true
	}, Inconclusive, "2 connections as planned", "1 connections as planned"},

	{"no-reset", "one early end, which is allowed", func(o *Observation) {
		o.Scenario.Expect.MaxEarlyEnds = 1
		o.Origin.Connections[0].End.Early = true
	}, Pass, "at most 1 ended early by the client", "1 ended early by the client, 0 of them by RST"},

	{"own-response", "redirected", func(o *Observation) {
		rename(o)
		o.Plan.FollowRedirects = true
		o.Scenario.Origin.Answers = map[int]scenario.Answer{0: {Redirect: "/other?body=30"}}
		result := &o.Report.Results[0]
		result.BodyID, result.BodyBytes, result.BodyHash = "r0000", 30, plan.Hash(plan.Body("r0000", 30))
	}, Pass, "every response is the one to its request", "3 of 3 own, no other's"},

	{"all-answered", "one has to fail, and does", func(o *Observation) {
		hasTo(o, scenario.Failed, 18, 56)
		o.Report.Results[0] = plan.Result{ID: "r0000", CurlCode: 18, TimesCompleted: 1}
	}, Pass, "2 of 3 answered, each once, and 1 ended otherwise", "3 of 3"},
	{"all-answered", "one has to fail, and does with another code", func(o *Observation) {
		hasTo(o, scenario.Failed, 56)
		o.Report.Results[0] = plan.Result{ID: "r0000", CurlCode: 18, TimesCompleted: 1}
	}, Fail, "2 of 3 answered, each once, and 1 ended otherwise", "1 are not: r0000: CURLcode 18"},
	{"all-answered", "one has to fail, and is answered", func(o *Observation) { hasTo(o, scenario.Failed) }, Fail,
		"2 of 3 answered, each once, and 1 ended otherwise", "1 are not: r0000: answered"},
	{"all-answered", "one has to fail, and never ends", func(o *Observation) {
		hasTo(o, scenario.Failed)
		o.Report.Results[0] = plan.Result{ID: "r0000"}
	}, Fail, "2 of 3 answered, each once, and 1 ended otherwise", "1 are not: r0000: completed 0 times"},
	{"all-answered", "one may fail, and is answered", func(o *Observation) { hasTo(o, scenario.AnsweredOrFailed) }, Pass,
		"2 of 3 answered, each once, and 1 ended otherwise", "3 of 3"},
	{"all-answered", "one may fail, and never ends", func(o *Observation) {
		hasTo(o, scenario.AnsweredOrFailed)
		o.Report.Results[0] = plan.Result{ID: "r0000"}
	}, Fail, "2 of 3 answered, each once, and 1 ended otherwise", "1 are not: r0000: completed 0 times"},
	{"all-answered", "one may fail, and two do", func(o *Observation) {
		o.Scenario.Expect.MaxFailed = 1
		o.Scenario.Expect.Results = map[int]scenario.Result{
			0: {Outcome: scenario.AnsweredOrFailed}, 1: {Outcome: scenario.AnsweredOrFailed},
		}
		for i := range 2 {
			id := scenario.ID(i)
			o.Plan.Requests[i].ID = id
			o.Report.Results[i] = plan.Result{ID: id, CurlCode: 8, TimesCompleted: 1}
		}
	}, Fail, "1 of 3 answered, each once, and 2 ended otherwise", "1 are not: 2 failed where at most 1 may"},
	{"all-answered", "one is removed", func(o *Observation) {
		hasTo(o, scenario.Removed)
		o.Report.Results[0] = plan.Result{ID: "r0000", Removed: true}
	}, Pass, "2 of 3 answered, each once, and 1 ended otherwise", "3 of 3"},
	{"all-answered", "one is removed and completes", func(o *Observation) {
		hasTo(o, scenario.Removed)
		o.Report.Results[0] = plan.Result{ID: "r0000", Removed: true, TimesCompleted: 1}
	}, Fail, "2 of 3 answered, each once, and 1 ended otherwise", "1 are not: r0000: removed, and completed 1 times"},
	{"all-answered", "one is not removed", func(o *Observation) { hasTo(o, scenario.Removed) }, Fail,
		"2 of 3 answered, each once, and 1 ended otherwise", "1 are not: r0000: not removed"},
}

// waits makes the client wait and use CPU time.
func waits(o *Observation, duration, cpu time.Duration) {
	o.Origin.Connections[0].Waits = []origin.Wait{{Duration: duration / 2, CPU: cpu}, {Duration: duration / 2}}
}

// hasTo makes the scenario expect this of its first request.
func hasTo(o *Observation, outcome scenario.Outcome, codes ...int) {
	rename(o)
	o.Scenario.Expect.Results = map[int]scenario.Result{0: {Outcome: outcome, Codes: codes}}
}

// turned sets how often the client's loop ran, and how often it may.
func turned(o *Observation, most, turns int) {
	o.Scenario.Expect.MaxTurns = most
	o.Report.Counters = map[string]float64{plan.Turns: float64(turns)}
}
