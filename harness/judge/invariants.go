package judge

import (
	"fmt"
	"strings"
)

// Invariant is something that has to hold in every run.
type Invariant struct {
	// ID is a word that never changes.
	ID string
	// Meaning is one sentence.
	Meaning string
	// Rule is the text it comes from, with its source.
	Rule string

	examine func(*Observation) (verdict Verdict, expected, actual string)
}

// Invariants returns all that the judge knows, in the order in which they are
// shown.
func Invariants() []Invariant {
	return append([]Invariant(nil), invariants...)
}

var invariants = []Invariant{
	{
		ID:      "one-connection",
		Meaning: "The origin accepted no more connections than the scenario allows.",
		Rule: "RFC 9112 §9.3: \"HTTP/1.1 defaults to the use of persistent connections, allowing multiple " +
			"requests and responses to be carried over a single connection\"; CURLMOPT_MAX_HOST_CONNECTIONS(3)",
		examine: oneConnection,
	},
	{
		ID:      "no-reset",
		Meaning: "The client ended no connection, by RST or otherwise, before it had all its answers.",
		Rule: "RFC 9112 §9.6: a close ends a connection after its last response, and one that is " +
			"answered by a RST loses what is still on its way",
		examine: noReset,
	},
	{
		ID:      "own-response",
		Meaning: "No request got another one's response, nor a part of it.",
		Rule: "RFC 9112 §9.3.2: a server may process pipelined requests in parallel, \"but it MUST send the " +
			"corresponding responses in the same order that the requests were received\"",
		examine: ownResponse,
	},
	{
		ID:      "wire-order",
		Meaning: "Requests reached the origin whole, none inside another, and none twice on one connection.",
		Rule: "RFC 9112 §2.1 and §9.3.2: a connection carries a sequence of whole messages; the responses " +
			"are told apart by the order of the requests alone",
		examine: wireOrder,
	},
	{
		ID:      "all-answered",
		Meaning: "Every request ended once, with the result that the scenario expects.",
		Rule:    "curl_multi_info_read(3): one CURLMSG_DONE for each transfer that has ended",
		examine: allAnswered,
	},
	{
		ID:      "write-retry",
		Meaning: "After WANT_WRITE or WANT_READ the next write on that SSL object had the same arguments.",
		Rule: "SSL_write(3): when a write has to be repeated because of SSL_ERROR_WANT_READ or SSL_ERROR_WANT_WRITE, " +
			"\"it must be repeated with the same arguments\"",
		examine: writeRetry,
	},
	{
		ID:      "exercised",
		Meaning: "What the scenario is about really happened.",
		Rule:    "a run in which nothing was at stake proves nothing",
		examine: exercised,
	},
}

func oneConnection(o *Observation) (Verdict, string, string) {
	allowed := o.Scenario.AllowedConnections()
	got := len(o.Origin.Connections)
	expected := fmt.Sprintf("1 to %d connections", allowed)
	if allowed == 1 {
		expected = "1 connection"
	}
	return passIf(got >= 1 && got <= allowed), expected, fmt.Sprintf("%d accepted", got)
}

func noReset(o *Observation) (Verdict, string, string) {
	early, resets := 0, 0
	for _, c := range o.Origin.Connections {
		if c.End.Early {
			early++
			if c.End.Reset {
				resets++
			}
		}
	}
	actual := fmt.Sprintf("%d ended early by the client, %d of them by RST", early, resets)
	return passIf(early == 0), "no connection ended early by the client", actual
}

func ownResponse(o *Observation) (Verdict, string, string) {
	expected := "every response is the one to its request"
	if o.Report == nil {
		return Inconclusive, expected, o.Failure
	}
	own, wrong := OwnResponses(o)
	if len(wrong) > 0 {
		return Fail, expected, strings.Join(firstOf(wrong, 3), "; ")
	}
	return Pass, expected, fmt.Sprintf("%d of %d own, no other's", own, len(o.Plan.Requests))
}

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
			case before[r.ID]:
				return Fail, expected, fmt.Sprintf("%s: %s a second time", where, r.ID)
			}
			before[r.ID] = true
		}
	}
	return Pass, expected, fmt.Sprintf("%d requests, all whole", seen)
}

func allAnswered(o *Observation) (Verdict, string, string) {
	n := len(o.Plan.Requests)
	expected := fmt.Sprintf("%d of %d answered, each once", n, n)
	if o.Report == nil || o.Failure != "" {
		return Fail, expected, o.Failure
	}
	var wrong []string
	results := make(map[string]int, n)
	for _, r := range o.Report.Results {
		results[r.ID]++
		switch {
		case !r.Answered:
			wrong = append(wrong, fmt.Sprintf("%s: %s", r.ID, reason(r.Error, r.CurlCode)))
		case r.TimesCompleted != 1:
			wrong = append(wrong, fmt.Sprintf("%s: completed %d times", r.ID, r.TimesCompleted))
		case r.Status != 200:
			wrong = append(wrong, fmt.Sprintf("%s: status %d", r.ID, r.Status))
		}
	}
	for _, r := range o.Plan.Requests {
		if results[r.ID] != 1 {
			wrong = append(wrong, fmt.Sprintf("%s: %d results", r.ID, results[r.ID]))
		}
	}
	if len(wrong) > 0 {
		return Fail, expected, fmt.Sprintf("%d are not: %s", len(wrong), strings.Join(firstOf(wrong, 3), "; "))
	}
	return Pass, expected, fmt.Sprintf("%d of %d", n, n)
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

func exercised(o *Observation) (Verdict, string, string) {
	least := o.Scenario.Expect.MinBlockedWrites
	blocked := o.Events.WantRead + o.Events.WantWrite
	actual := fmt.Sprintf("%d blocked writes", blocked)
	if least == 0 {
		return Pass, "nothing in particular", actual
	}
	if blocked < int64(least) {
		// A client that broke down before that has shown what it has to show.
		if len(o.Events.BadRetries) == 0 {
			return Inconclusive, fmt.Sprintf("at least %d blocked writes", least), actual
		}
		least = 1
	}
	return Pass, fmt.Sprintf("at least %d blocked writes", least), actual
}
