package check

import (
	"fmt"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/check/stack"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// Observation is what can be seen of a client from outside.
type Observation struct {
	// Connections that the client may make, at least 1.
	Connections int
	// Requests is the minimum number of requests; 0 stands for 1.
	Requests int
	// Failure says how the client failed: its exit code, or that it did not end.
	// It is empty if the client ended well.
	Failure string
	Origin  *origin.Log
	// Protocols of the connections, as Server.Protocols has them.
	Protocols []string
	// Packets is nil if none were captured.
	Packets *flow.Traffic
	// Events sums up the interposer's events. NoEvents says why there are none;
	// it is empty if the interposer was watching.
	Events   events.Summary
	NoEvents string
	// Hung is true if the client had to be ended, Crashed if a signal ended it.
	Hung, Crashed bool
	// Complaint is the client's own message about a failure, found with the
	// setup's pattern; empty if there is none.
	Complaint string
	// Output is what the client printed, and what it wrote into its folder.
	Output []byte
	// Scenario is the misbehaviour, nil for none, and Deed what the origin did of
	// it.
	Scenario *Scenario
	Deed     Deed
	words    words
	// Stall is true if the origin waited for the client to be stuck in a write.
	Stall bool
	// Clogs is how often the client waited for room in its socket before a write
	// instead of having a write blocked, as far as this could be seen.
	Clogs int
	// TLSWrites is how many of the writes went through OpenSSL.
	TLSWrites int64
	// Stacks are the TLS stacks that the client has, as far as they could be
	// determined.
	Stacks []stack.Stack
	// Unloaded is true if the process of the client has not loaded the interposer.
	Unloaded bool
}

// examiners judge, by the invariants' ids, what is visible from outside of the
// client. All other invariants are n/a.
var examiners = map[string]func(*Observation) (judge.Verdict, string, string){
	judge.IDOneConnection: oneConnection,
	judge.IDNoReset:       noReset,
	judge.IDWireOrder:     wireOrder,
	judge.IDAllAnswered:   allAnswered,
	judge.IDWriteRetry:    writeRetry,
	judge.IDSentOnce:      sentOnce,
	judge.IDNotPipelined:  notPipelined,
	judge.IDExercised:     exercised,
}

// Findings returns one finding for each invariant of package judge. An
// invariant that cannot be observed from outside of the client is n/a.
func Findings(o *Observation) []judge.Finding {
	var list []judge.Finding
	missed := o.missed()
	if o.Scenario != nil && o.Scenario.ID != honest && o.requests() > 0 {
		f := judge.Finding{ID: o.Scenario.ID, Rule: o.Scenario.Rule, Verdict: judge.NotApplicable, Actual: missed}
		if missed == "" {
			f = o.scenarioFinding()
		}
		list = append(list, f)
	}
	for _, invariant := range judge.Invariants() {
		f := judge.Finding{ID: invariant.ID, Rule: invariant.Rule}
		examine, known := examiners[invariant.ID]
		switch {
		case missed != "":
			f.Verdict, f.Actual = judge.NotApplicable, missed
		case !known:
			f.Verdict, f.Expected, f.Actual = judge.NotApplicable, "", "cannot be seen from outside of the client"
		case o.requests() == 0 && invariant.ID == judge.IDWriteRetry && o.TLSWrites > 0:
			f.Verdict, f.Expected, f.Actual = examine(o) // bytes that were written may not have become a request
		case o.requests() == 0 && invariant.ID != judge.IDExercised && (invariant.ID != judge.IDAllAnswered || o.Failure == ""):
			f.Verdict, f.Expected, f.Actual = judge.NotApplicable, "", "no request came"
		default:
			f.Verdict, f.Expected, f.Actual = examine(o)
		}
		list = append(list, f)
	}
	return list
}

func (o *Observation) requests() int {
	n := 0
	for _, c := range o.Origin.Connections {
		n += len(c.Requests)
	}
	return n
}

func passIf(holds bool) judge.Verdict {
	if holds {
		return judge.Pass
	}
	return judge.Fail
}

func oneConnection(o *Observation) (judge.Verdict, string, string) {
	return judge.Connections(o.Origin, o.Packets, o.Connections+o.allowedMore())
}

func noReset(o *Observation) (judge.Verdict, string, string) {
	return judge.EarlyEnds(o.Origin, o.Packets, &o.Events, o.allowedMore())
}

func wireOrder(o *Observation) (judge.Verdict, string, string) {
	for _, c := range o.Origin.Connections {
		for _, r := range c.Requests {
			if r.Problem != "" {
				return judge.Fail, "whole requests", fmt.Sprintf("on connection %d: %s", c.Number, r.Problem)
			}
		}
	}
	return judge.Pass, "whole requests", fmt.Sprintf("%d whole requests", o.requests())
}

func allAnswered(o *Observation) (judge.Verdict, string, string) {
	if o.mayFail() {
		return judge.NotApplicable, "", "in this scenario not every request need be answered"
	}
	answered := 0
	for _, c := range o.Origin.Connections {
		for _, r := range c.Requests {
			if r.Answered {
				answered++
			}
		}
	}
	actual := fmt.Sprintf("%d of %d answered", answered, o.requests())
	if o.Failure != "" {
		actual += "; " + o.Failure
	}
	if o.Complaint != "" {
		actual += "; the client says " + o.Complaint
	}
	return passIf(answered == o.requests() && !o.reported()),
		"every request is answered, and the client ends with exit code 0", actual
}

func writeRetry(o *Observation) (judge.Verdict, string, string) {
	const expected = "each blocked write is repeated with the same arguments"
	followed, left := o.Events.Followed, o.Events.Blocked-o.Events.Followed
	bad := o.Events.BadRetries
	switch {
	case o.NoEvents != "":
		return judge.NotApplicable, expected, o.NoEvents
	case o.TLSWrites == 0:
		return judge.NotApplicable, expected, "the interposer saw no write over TLS: " + o.whyUnseen()
	case len(bad) > 0:
		return judge.Fail, expected, fmt.Sprintf("%d of %d were not; the first: %s", len(bad), followed, bad[0])
	case o.Events.Dropped > 0:
		return judge.Inconclusive, expected, fmt.Sprintf("%d events are missing", o.Events.Dropped)
	case followed > 0 && left > 0:
		return judge.Pass, expected, fmt.Sprintf("all of %d were; the client gave up %d more without another write", followed, left)
	case followed > 0:
		return judge.Pass, expected, fmt.Sprintf("all of %d were", followed)
	case left > 0:
		verdict := judge.NotApplicable
		if o.Stall {
			verdict = judge.Inconclusive
		}
		return verdict, expected, fmt.Sprintf("no other write followed: the client gave up each of %d blocked writes", left)
	case o.Events.Waiting > 0:
		return judge.NotApplicable, expected, fmt.Sprintf("the client writes to a blocking socket: each of %d writes waits, none is blocked", o.Events.Waiting)
	case o.Events.InMemory == o.TLSWrites:
		return judge.NotApplicable, expected, fmt.Sprintf("the client has OpenSSL write into memory and sends that itself: "+
			"none of %d writes can be blocked", o.TLSWrites)
	case o.Clogs > 0:
		return judge.NotApplicable, expected, fmt.Sprintf("the client waits for room before it writes: its socket was full, "+
			"and none of %d writes was blocked", o.TLSWrites)
	case o.Stall:
		return judge.Inconclusive, expected, fmt.Sprintf("none of %d writes was blocked: give the client more to send, "+
			"a request body of 100 KB or more", o.TLSWrites)
	}
	return judge.NotApplicable, expected, fmt.Sprintf("none of %d writes was blocked", o.TLSWrites)
}

// whyUnseen returns why the interposer saw no write over TLS.
func (o *Observation) whyUnseen() string {
	secured := false
	for _, c := range o.Origin.Connections {
		secured = secured || c.TLS != ""
	}
	if !secured {
		return "there was none"
	}
	var names []string
	for _, s := range o.Stacks {
		if s.Name != stack.OpenSSL || s.Library == "" {
			names = append(names, s.String())
		}
	}
	switch {
	case len(names) > 0:
		return "the client's TLS is " + strings.Join(names, " or ")
	case len(o.Stacks) > 0 && o.Unloaded:
		return "the client has " + o.Stacks[0].String() + ", and was started without LD_PRELOAD, which loads the interposer"
	case len(o.Stacks) > 0:
		return "the client has " + o.Stacks[0].String() + ", and does not call it by its functions' names"
	}
	return "the client's TLS is not known here"
}

func sentOnce(o *Observation) (judge.Verdict, string, string) {
	const expected = "each X-Request-Id once"
	if o.mayFail() {
		return judge.NotApplicable, expected, "in this scenario a request may be made again"
	}
	times := make(map[string]int)
	for _, c := range o.Origin.Connections {
		for _, r := range c.Requests {
			if r.ID == "" {
				return judge.NotApplicable, expected, "not every request has an X-Request-Id"
			}
			times[r.ID]++
			if times[r.ID] > 1 {
				return judge.Fail, expected, r.ID + " came again"
			}
		}
	}
	return judge.Pass, expected, fmt.Sprintf("%d, each once", len(times))
}

func notPipelined(o *Observation) (judge.Verdict, string, string) {
	const expected = "nothing is sent behind a request that is not idempotent before its response"
	alone := 0
	for i, c := range o.Origin.Connections {
		if i < len(o.Protocols) && o.Protocols[i] == "HTTP/2.0" {
			continue // over HTTP/2 requests do not wait for each other
		}
		for j, r := range c.Requests {
			if judge.Idempotent(r.Method) || r.Problem != "" {
				continue
			}
			alone++
			if j+1 < len(c.Requests) && c.Requests[j+1].Behind > 0 {
				return judge.Fail, expected, fmt.Sprintf("a request came behind %s %s", r.Method, r.Target)
			}
		}
	}
	if alone == 0 {
		return judge.NotApplicable, expected, "there was none, or it was HTTP/2"
	}
	return judge.Pass, expected, fmt.Sprintf("%d of those, all alone", alone)
}

func exercised(o *Observation) (judge.Verdict, string, string) {
	expected := "at least 1 request"
	if o.Requests > 1 {
		expected = fmt.Sprintf("at least %d requests", o.Requests)
	}
	pipelined, most := 0, 0
	for _, c := range o.Origin.Connections {
		most = max(most, len(c.Requests))
		for _, r := range c.Requests {
			if r.Behind > 0 {
				pipelined++
			}
		}
	}
	actual := fmt.Sprintf("%d requests, up to %d on a connection, %d sent before the one in front was answered",
		o.requests(), most, pipelined)
	switch {
	case len(o.Origin.Connections) == 0:
		return judge.Fail, expected, "the client never connected to the origin, whose address {url} stands for"
	case o.requests() < max(o.Requests, 1):
		return judge.Fail, expected, actual
	}
	return judge.Pass, expected, actual
}
