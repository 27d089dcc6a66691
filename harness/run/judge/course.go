package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

const (
	// waitEnough is how long the client must have waited for its CPU time to
	// mean anything.
	waitEnough = 200 * time.Millisecond
	// idleShare is the share of a core that a waiting client may use.
	idleShare = 0.05
)

func quietWait(o *Observation) (Verdict, string, string) {
	var waited, used time.Duration
	for _, c := range o.Origin.Connections {
		for _, w := range c.Waits {
			waited += w.Duration
			used += w.CPU
		}
	}
	expected := fmt.Sprintf("at most %.0f %% of a core while it waits", 100*idleShare)
	if most := o.Scenario.Expect.MaxTurns; most > 0 {
		expected += fmt.Sprintf(", and at most %d calls of libcurl", most)
		if n := turns(o); n > most {
			return Fail, expected, fmt.Sprintf("%d calls of libcurl", n)
		}
	}
	if waited < waitEnough {
		return Pass, expected, "nothing to wait for"
	}
	share := float64(used) / float64(waited)
	if o.Sanitized {
		return Pass, expected, "not measured with sanitizers"
	}
	return passIf(share <= idleShare), expected, fmt.Sprintf("%.1f %%: %.1f ms in %.0f ms", 100*share,
		float64(used)/float64(time.Millisecond), float64(waited)/float64(time.Millisecond))
}

// turns is how often the client called libcurl; 0 if it does not say.
func turns(o *Observation) int {
	if o.Report == nil {
		return 0
	}
	return int(o.Report.Counters[plan.Turns])
}

func noLeak(o *Observation) (Verdict, string, string) {
	expected := "no file descriptor left open"
	if o.Report == nil {
		return Inconclusive, expected, o.Failure
	}
	return passIf(o.Report.OpenFDsAfter == 0), expected, fmt.Sprintf("%d left open", o.Report.OpenFDsAfter)
}

func pausedWaits(o *Observation) (Verdict, string, string) {
	most := o.Scenario.Expect.MaxMemory
	if o.Sanitized {
		most = 0
	}
	expected := "nothing for a paused transfer"
	if most > 0 {
		expected = fmt.Sprintf("nothing for a paused transfer, and at most %d MB of memory", most>>20)
	}
	if o.Report == nil {
		return Inconclusive, expected, o.Failure
	}
	for _, r := range o.Report.Results {
		if r.PausedBytes > 0 {
			return Fail, expected, fmt.Sprintf("%s got %d bytes while it was paused", r.ID, r.PausedBytes)
		}
	}
	used := o.Report.MaxMemoryBytes
	return passIf(most == 0 || used <= most), expected, fmt.Sprintf("none got any, %d MB of memory", used>>20)
}

func exercised(o *Observation) (Verdict, string, string) {
	var expected, actual, missing []string
	for _, least := range leasts(o) {
		if least.number == 0 {
			continue
		}
		expected = append(expected, fmt.Sprintf("at least %d %s", least.number, least.what))
		actual = append(actual, fmt.Sprintf("%d %s", least.seen, least.what))
		if least.seen < int64(least.number) {
			missing = append(missing, actual[len(actual)-1])
		}
	}
	if len(o.Scenario.Origin.Answers) > 0 {
		expected = append(expected, "every answer as planned")
		for _, id := range unplanned(o) {
			missing = append(missing, id+" was not answered as planned")
		}
	}
	for _, at := range o.Scenario.Origin.Places {
		expected = append(expected, fmt.Sprintf("%d connections as planned", at.Connections))
		if n := asPlanned(o, at); n < at.Connections {
			missing = append(missing, fmt.Sprintf("%d connections as planned", n))
		}
	}
	if len(expected) == 0 {
		return Pass, "nothing in particular", fmt.Sprintf("%d blocked writes", o.Events.WantRead+o.Events.WantWrite)
	}
	if len(missing) > 0 {
		return Inconclusive, strings.Join(expected, ", "), strings.Join(firstOf(missing, 3), "; ")
	}
	if len(actual) == 0 {
		actual = append(actual, "all of it")
	}
	return Pass, strings.Join(expected, ", "), strings.Join(actual, ", ")
}

// least is something that must have happened a number of times, and how often
// it was seen.
type least struct {
	number int
	seen   int64
	what   string
}

func leasts(o *Observation) []least {
	expect, blocked := o.Scenario.Expect, o.Scenario.Expect.MinBlockedWrites
	if blocked > 0 && len(o.Events.BadRetries) > 0 {
		blocked = 1 // a client that crashed has shown enough
	}
	return []least{
		{blocked, o.Events.WantRead + o.Events.WantWrite, "blocked writes"},
		{expect.MinWantRead, o.Events.WantRead, "writes that answered WANT_READ"},
		{expect.MinBlockedReads, o.Events.BlockedReads, "reads that answered WANT_WRITE"},
		{expect.MinTLSAnswers, tlsAnswers(o), "renegotiations and KeyUpdates"},
	}
}

// tlsAnswers returns how often the client did what the origin's TLS messages
// asked for.
func tlsAnswers(o *Observation) int64 {
	n := 0
	for _, c := range o.Origin.Connections {
		n += c.Renegotiations + c.KeyUpdates
	}
	return int64(n)
}

// unplanned returns the ids of requests for which the origin had a special
// answer that it never gave.
func unplanned(o *Observation) []string {
	done := make(map[string]bool)
	for _, c := range o.Origin.Connections {
		for _, r := range c.Requests {
			done[r.ID] = done[r.ID] || r.AsPlanned
		}
	}
	var ids []string
	for number := range o.Scenario.Origin.Answers {
		if id := scenario.ID(number); !done[id] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// asPlanned returns on how many connections the request at that position was
// answered as planned.
func asPlanned(o *Observation, at scenario.Place) int {
	n := 0
	for _, c := range o.Origin.Connections {
		if c.Number <= at.Connections && len(c.Requests) > at.Request && c.Requests[at.Request].AsPlanned {
			n++
		}
	}
	return n
}
