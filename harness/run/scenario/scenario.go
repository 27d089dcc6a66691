// Package scenario is the table of the situations that the laboratory can create.
//
// It stands at the head of a run: a [Scenario] is data only, one literal each.
// Its client half becomes the plan of a subject, its origin half the behaviour of
// the origin, and the judge compares its expectations with the observations. The
// zero value of every field is the honest case.
package scenario

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Scenario is one situation to put a client in.
type Scenario struct {
	// ID is a word that never changes.
	ID string
	// Summary says in one sentence what happens.
	Summary string
	// FixedTLS is true if the scenario works only over its own version of TLS. It need
	// not be set if the origin sends a message that only this version has.
	FixedTLS bool
	// HTTP2 is true if it takes HTTP/2 to show it: the client multiplexes, and
	// the origin speaks nothing else.
	HTTP2 bool
	// Client is what the subject is to do.
	Client Client
	// Origin is how the server misbehaves.
	Origin Origin
	// Expect is the expected result.
	Expect Expect
}

// Range is an inclusive range of sizes in bytes. The seed of a run selects a
// size for each request.
type Range struct {
	Min, Max int
}

// Pick returns the size for one request; random is any number.
func (r Range) Pick(random uint64) int {
	return r.Min + int(random%uint64(r.Max-r.Min+1))
}

// StallLimit is how long a subject waits without progress before it gives up. It
// limits the run of a client that hangs.
const StallLimit = 4 * time.Second

// All returns the table, in the order in which it is shown.
func All() []Scenario {
	return append([]Scenario(nil), table...)
}

// Match returns the scenarios whose id matches the shell pattern. If there are none,
// the error lists all ids.
func Match(pattern string) ([]Scenario, error) {
	return Choose(table, func(s *Scenario) string { return s.ID }, pattern)
}

// Choose returns the elements of a list whose id matches the shell pattern, in
// order. If there are none, the error lists all ids.
func Choose[T any](list []T, id func(*T) string, pattern string) ([]T, error) {
	var found []T
	var ids []string
	for i := range list {
		ids = append(ids, id(&list[i]))
		matched, err := path.Match(pattern, ids[i])
		if err != nil {
			return nil, fmt.Errorf("scenario pattern %q: %w", pattern, err)
		}
		if matched {
			found = append(found, list[i])
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no scenario matches %q; there are: %s", pattern, strings.Join(ids, ", "))
	}
	return found, nil
}

// WithRequests returns the scenario with another number of requests, and false
// if the scenario depends on its own number.
func (s Scenario) WithRequests(n int) (Scenario, bool) {
	if n == s.Client.Requests {
		return s, true
	}
	if s.Client.AnyFrom == 0 || n < s.Client.AnyFrom {
		return s, false
	}
	s.Client.Requests = n
	return s, true
}

// maxHTTP2Header is the largest header field, in bytes, that leaves room for the
// others in what nghttp2 sends as one header section (NGHTTP2_MAX_HEADERSLEN).
const maxHTTP2Header = 60 << 10

// HTTP1Only returns the reason why the scenario needs HTTP/1.1; empty if it is
// the same over HTTP/2. That is so if it is written for HTTP/2, or if the
// client only makes requests over TLS and the origin only stalls between honest
// answers.
func (s *Scenario) HTTP1Only() string {
	c := &s.Client
	switch {
	case s.HTTP2:
		return ""
	case c.TLS == plan.PlainText:
		return "HTTP/2 is only spoken over TLS"
	case !s.Origin.Honest():
		return "its answers exist only in HTTP/1.1"
	case c.HeaderBytes.Max > maxHTTP2Header:
		return "nghttp2 sends no header section of over 64 KB"
	case len(c.Steps) > 0 || len(c.Special) > 0 || c.FollowRedirects || c.BlockedSend > 0 || c.BlockedReads > 0:
		return "what its client does is about a pipeline"
	}
	return ""
}

func (r Range) valid() bool {
	return r.Min >= 0 && r.Max >= r.Min
}
