package judge

import (
	"fmt"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

func wireOrder(o *Observation) (Verdict, string, string) {
	expected := "whole requests, none inside another, none twice on a connection"
	submitted := make(map[string]bool, len(o.Plan.Requests))
	for _, r := range o.Plan.Requests {
		submitted[r.ID] = true
	}
	seen := 0
	for _, c := range o.Origin.Connections {
		before := make(map[string]bool)
		for _, r := range c.Requests {
			seen++
			where := fmt.Sprintf("connection %d, byte %d", c.Number, r.Offset)
			switch {
			case r.Problem != "":
				return Fail, expected, fmt.Sprintf("%s: %s", where, r.Problem)
			case !submitted[r.ID]:
				return Fail, expected, fmt.Sprintf("%s: request %q that nobody submitted", where, r.ID)
			case before[o.key(r)]:
				return Fail, expected, fmt.Sprintf("%s: %s a second time", where, r.ID)
			}
			before[o.key(r)] = true
		}
	}
	return Pass, expected, fmt.Sprintf("%d requests, all whole", seen)
}

// key identifies a request: by its id, and a redirected one also by its target.
func (o *Observation) key(r origin.Request) string {
	if redirect := o.Scenario.Origin.AnswerTo(r.ID).Redirect; redirect != "" && redirect == r.Target {
		return r.ID + " " + redirect
	}
	return r.ID
}

func sentOnce(o *Observation) (Verdict, string, string) {
	most := o.Scenario.AllowedRequests()
	expected := fmt.Sprintf("each request at most %d times", most)
	if most == 1 {
		expected = "each request once"
	}
	times := make(map[string]int)
	for _, c := range o.Origin.Connections {
		for _, r := range c.Requests {
			if r.Problem == "" {
				times[o.key(r)]++
			}
		}
	}
	worst := 0
	for _, r := range o.Plan.Requests {
		n := times[r.ID]
		if n > most {
			return Fail, expected, fmt.Sprintf("%s reached the origin %d times", r.ID, n)
		}
		worst = max(worst, n)
	}
	return Pass, expected, fmt.Sprintf("none more than %d times", worst)
}

func notPipelined(o *Observation) (Verdict, string, string) {
	expected := "requests that are not idempotent travel alone"
	alone := 0
	for _, c := range o.Origin.Connections {
		if c.HTTP2 {
			continue // its streams do not wait for each other
		}
		behind := "" // the last request, if it is not idempotent
		for _, r := range c.Requests {
			if r.Problem != "" {
				continue
			}
			other := !Idempotent(r.Method)
			switch {
			case other && r.Behind > 0:
				return Fail, expected, fmt.Sprintf("%s %s came while %d were unanswered", r.Method, r.ID, r.Behind)
			case behind != "" && r.Behind > 0:
				return Fail, expected, fmt.Sprintf("%s came before %s was answered", r.ID, behind)
			}
			behind = ""
			if other {
				alone++
				behind = r.Method + " " + r.ID
			}
		}
	}
	return Pass, expected, fmt.Sprintf("%d of those, all alone", alone)
}

func pipelined(o *Observation) (Verdict, string, string) {
	behind, pipes := 0, 0
	for _, c := range o.Origin.Connections {
		before := behind
		for _, r := range c.Requests {
			if r.Behind > 0 {
				behind++
			}
		}
		if behind > before {
			pipes++
		}
	}
	least, on := o.Scenario.Expect.MinPipelined, o.Scenario.Expect.MinPipes
	return passIf(behind >= least && pipes >= on),
		fmt.Sprintf("at least %d requests behind others, on at least %d connections", least, on),
		fmt.Sprintf("%d behind others, on %d connections", behind, pipes)
}

func ownCredentials(o *Observation) (Verdict, string, string) {
	expected := "every request with its own credentials, method and body"
	planned := make(map[string]plan.Request, len(o.Plan.Requests))
	for _, r := range o.Plan.Requests {
		planned[r.ID] = r
	}
	for _, c := range o.Origin.Connections {
		for _, r := range c.Requests {
			want, known := planned[r.ID]
			if !known || r.Problem != "" {
				continue // wire-order has seen it
			}
			switch {
			case r.Credentials != want.Credentials:
				return Fail, expected, fmt.Sprintf("%s came with the credentials %q", r.ID, r.Credentials)
			case r.Method != method(want):
				return Fail, expected, fmt.Sprintf("%s came with the method %s", r.ID, r.Method)
			case r.BodyBytes != want.BodyBytes:
				return Fail, expected, fmt.Sprintf("%s came with a body of %d bytes", r.ID, r.BodyBytes)
			}
		}
	}
	return Pass, expected, "all as planned"
}

// method returns the method in the request line.
func method(r plan.Request) string {
	if r.CustomMethod != "" {
		return r.CustomMethod
	}
	return r.Method
}

func writeRetry(o *Observation) (Verdict, string, string) {
	expected := "each blocked write is repeated with the same arguments"
	bad := o.Events.BadRetries
	switch {
	case len(bad) > 0:
		return Fail, expected, fmt.Sprintf("%d were not; the first: %s", len(bad), bad[0])
	case o.Plan.TLS == "":
		return Pass, expected, "no TLS, no such contract"
	case o.Events.Events == 0:
		return Inconclusive, expected, "the interposer saw nothing of this subject"
	case o.Events.Dropped > 0:
		return Inconclusive, expected, fmt.Sprintf("%d events are missing", o.Events.Dropped)
	}
	return Pass, expected, fmt.Sprintf("%d blocked, all repeated", o.Events.WantRead+o.Events.WantWrite)
}
