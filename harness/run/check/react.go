package check

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// facts are what is known about a client's reaction to a misbehaviour.
type facts struct {
	*Observation
	reused  int    // requests on the connection after the response, except those already in flight
	again   int    // how often the same request was repeated, if that is known
	own     bool   // the client printed bodies of valid responses
	foreign bool   // it printed at least the beginning of one that is not valid
	whole   bool   // so is all of that one
	rule    string // the rule that the verdict is based on, if it is not the scenario's
}

// mostTries is the most times that a client repeats a failed request.
const mostTries = 2

func (o *Observation) facts() facts {
	f := facts{Observation: o}
	f.own = o.words.own != "" && bytes.Contains(o.Output, []byte(o.words.own))
	f.foreign = o.words.foreign != "" && bytes.Contains(o.Output, []byte(o.words.foreign))
	f.whole = f.foreign && bytes.Contains(o.Output, []byte(strings.TrimSpace(o.words.foreignBody())))
	times := 0
	for _, c := range o.Origin.Connections {
		for i, r := range c.Requests {
			here := c.Number == o.Deed.Connection
			if here && i > o.Deed.Place && r.Behind == 0 && !r.Ignored {
				f.reused++
			}
			if r.Method != o.Deed.Method || r.Target != o.Deed.Target {
				continue
			}
			if times++; here && i > o.Deed.Place || c.Number > o.Deed.Connection {
				f.again++
			}
		}
	}
	if times > mostTries { // a load generator, which always makes the same request
		f.again = 0
	}
	return f
}

// reported reports whether the client says that something failed.
func (o *Observation) reported() bool { return o.Failure != "" || o.Complaint != "" }

// how describes how the client says so.
func (o *Observation) how() string {
	if o.Failure != "" {
		return o.Failure
	}
	return "the client says " + o.Complaint
}

// unseen is the outcome if the client does not show what it made of a response.
const unseen = "it ended with exit code 0 and prints no bodies: --complaint says by what it reports a failure"

// scenarioFinding is the finding on the client's reaction to the misbehaviour.
func (o *Observation) scenarioFinding() judge.Finding {
	s := o.Scenario
	f := judge.Finding{ID: s.ID, Rule: s.Rule, Expected: string(s.Allows)}
	facts := o.facts()
	switch {
	case o.Hung:
		f.Verdict, f.Actual = judge.Fail, o.Failure
	case o.Crashed:
		f.Verdict, f.Actual = judge.Fail, o.Failure
	case o.Deed.Problem != "":
		f.Verdict, f.Actual = judge.Inconclusive, o.Deed.Problem
	default:
		f.Verdict, f.Actual = reactions[s.Allows](&facts)
		f.Rule = cmp.Or(facts.rule, s.Rule)
	}
	return f
}

// reactions compare what the client did with what it may do.
var reactions = map[Reaction]func(*facts) (judge.Verdict, string){
	GoOn: goesOn, Cease: ceases, Discard: discards, Incomplete: knowsIncomplete, Recover: recovers,
	Unanswered: copesUnanswered, Refused: copesRefused, Surplus: ignoresSurplus, Either: takesOrLeaves, Stop: stops, Within: keepsWithin,
}

func goesOn(f *facts) (judge.Verdict, string) {
	switch {
	case f.reported():
		return judge.Fail, f.how()
	case f.Deed.Unacknowledged != "":
		return judge.Fail, f.Deed.Unacknowledged
	case f.asksKeyUpdate() && f.reused > 1 && f.keyUpdates() == 0: // the first request may have crossed it
		return judge.Fail, "the next requests came without a KeyUpdate of the client's own"
	}
	return judge.Pass, fmt.Sprintf("%d requests were answered", f.requests())
}

// asksKeyUpdate reports whether the origin asked for a KeyUpdate.
func (f *facts) asksKeyUpdate() bool {
	a := f.Scenario.Answer
	return a.Event == scenario.KeyUpdate || a.EventAfter == scenario.KeyUpdate
}

func (f *facts) keyUpdates() int {
	n := 0
	for _, c := range f.Origin.Connections {
		n += c.KeyUpdates
	}
	return n
}

func ceases(f *facts) (judge.Verdict, string) {
	switch {
	case f.Deed.Over != "":
		return judge.Fail, f.Deed.Over
	case f.reused > 0 && !f.Scenario.HTTP2: // requests sent before GOAWAY may arrive
		return judge.Fail, fmt.Sprintf("%d requests came on that connection afterwards", f.reused)
	case f.reported() && f.Scenario.HTTP2: // it may have been opening a stream
		return judge.Pass, f.how()
	case f.reported():
		return judge.Fail, f.how()
	case f.requests() == 1:
		return judge.Inconclusive, "no other request came: give the client more than one to make"
	}
	return judge.Pass, "the next request came on another connection"
}

func discards(f *facts) (judge.Verdict, string) {
	if f.reused > 0 {
		return judge.Fail, fmt.Sprintf("%d requests came on that connection afterwards", f.reused)
	}
	return recorded(f, "it took it for a response: the body is in what it printed")
}

func knowsIncomplete(f *facts) (judge.Verdict, string) {
	if f.reused > 0 && !f.Scenario.HTTP2 {
		return judge.Fail, fmt.Sprintf("%d requests came on that connection afterwards", f.reused)
	}
	return recorded(f, f.partTaken())
}

// partTaken returns what shows that the client took an incomplete response for
// complete.
func (f *facts) partTaken() string {
	if f.whole {
		return "it took it for a valid response: the body is in what it printed, and it reports nothing"
	}
	return "it took a part for the whole: that is in what it printed, and it reports nothing"
}

func recovers(f *facts) (judge.Verdict, string) {
	switch {
	case f.whole:
		return judge.Pass, "the client read the whole body"
	case f.reused > 0 && f.own:
		return judge.Fail, fmt.Sprintf("%d requests came on that connection afterwards", f.reused)
	}
	return recorded(f, f.partTaken())
}

// recorded reports whether the client noticed that the response is invalid;
// taken says what shows that it did not.
func recorded(f *facts, taken string) (judge.Verdict, string) {
	switch {
	case f.reported():
		return judge.Pass, f.how()
	case f.again > 0:
		return judge.Pass, "the client asked again"
	case f.foreign:
		return judge.Fail, taken
	case f.own:
		return judge.Pass, "the client left it out of what it printed"
	}
	return judge.Inconclusive, unseen
}

func copesUnanswered(f *facts) (judge.Verdict, string) {
	if f.again > 0 && !judge.Idempotent(f.Deed.Method) {
		return judge.Fail, fmt.Sprintf("%s %s was made again, which is not idempotent", f.Deed.Method, f.Deed.Target)
	}
	return copesRefused(f)
}

func copesRefused(f *facts) (judge.Verdict, string) {
	switch {
	case f.again > 0:
		return judge.Pass, "the client asked again"
	case f.reported():
		return judge.Pass, f.how()
	case f.own:
		return judge.Fail, "it neither reported it nor asked again"
	}
	return judge.Inconclusive, unseen
}

// namesSurplus reports whether the client's error message has the status of the
// surplus response, which the client therefore took for a response.
func (f *facts) namesSurplus() bool {
	return f.Scenario.ID == timeoutAtRest && timeoutStatus.MatchString(f.how())
}

// timeoutStatus is the status of timeoutAtRest's surplus response.
var timeoutStatus = regexp.MustCompile(`\b408\b`)

func ignoresSurplus(f *facts) (judge.Verdict, string) {
	switch {
	case f.foreign:
		return judge.Fail, "it took it for a response: that is in what it printed"
	case f.reused > 0 && f.reported():
		if !f.namesSurplus() {
			f.rule = ambiguousRule // the end of the connection may have caused the failure
		}
		return judge.Fail, "the next request came on that connection; " + f.how()
	case f.reused > 0 && !f.own:
		return judge.Inconclusive, "the next request came on that connection, and the client prints no bodies"
	case f.reported():
		return judge.Pass, f.how()
	case f.requests() == 1:
		return judge.Inconclusive, "no other request came: give the client more than one to make"
	}
	return judge.Pass, "the client left it out, and went on"
}

func takesOrLeaves(f *facts) (judge.Verdict, string) {
	if f.reported() {
		return judge.Pass, f.how()
	}
	return judge.Pass, "the client took it, or asked again"
}

func stops(f *facts) (judge.Verdict, string) {
	d := f.Deed
	if d.Expected > 0 && d.Read >= d.Expected {
		return judge.Fail, fmt.Sprintf("all %d bytes of the body were sent, the most of them after the response", d.Read)
	}
	return judge.Pass, fmt.Sprintf("%d bytes of the body were sent", d.Read)
}

func keepsWithin(f *facts) (judge.Verdict, string) {
	switch {
	case f.Deed.Over != "":
		return judge.Fail, f.Deed.Over
	case f.reported():
		return judge.Fail, f.how()
	case f.Scenario.Move == fewStreams && f.Deed.Most == 0:
		return judge.Inconclusive, "no stream was opened after the client had acknowledged the limit: give it more requests to make"
	}
	return judge.Pass, fmt.Sprintf("%d requests were answered", f.requests())
}

// allowedMore returns how many more connections a client may make, or end
// early, because of the scenario.
func (o *Observation) allowedMore() int {
	switch s := o.Scenario; {
	case s == nil || s.ID == honest:
		return 0
	case s.ends(), s.Answer.Event == scenario.HelloRequest, s.Answer.EventAfter == scenario.HelloRequest:
		return 1
	}
	return 0
}

// mayFail reports whether the client may end with an error.
func (o *Observation) mayFail() bool {
	if o.Scenario == nil {
		return false
	}
	switch o.Scenario.Allows {
	case GoOn, Cease, Within:
		return false
	}
	return true
}

// missed returns why the scenario did not happen; empty if it did.
func (o *Observation) missed() string {
	s := o.Scenario
	switch {
	case s == nil || s.ID == honest || o.Deed.Done || o.Deed.Problem != "" || o.requests() == 0:
		return ""
	case s.HTTP2 && !strings.HasPrefix(strings.Join(o.Protocols, " "), "HTTP/2"):
		return "the client spoke no HTTP/2"
	case s.Needs == Head:
		return "the client made no HEAD request"
	case s.Needs == Upload:
		return fmt.Sprintf("the client made no request with a body of %d bytes or more", UploadBytes)
	}
	return "the client made no request that it could happen to"
}
