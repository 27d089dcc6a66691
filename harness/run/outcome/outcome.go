// Package outcome has the results of runs, and the results that are expected.
//
// It stands behind the judge: a [Run] holds the figures and findings of one run, its
// verdict, and the verdict that is expected of this library.
package outcome

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// Run is one run.
type Run struct {
	Scenario       string          `json:"scenario"`
	Subject        string          `json:"subject"`
	Driver         string          `json:"driver"`
	Library        string          `json:"library"` // "7.53.1 stock"
	LibcurlVersion string          `json:"libcurl_version"`
	OpenSSL        string          `json:"openssl"`
	OpenSSLName    string          `json:"openssl_name,omitempty"` // in a matrix, as "trixie"
	TLS            string          `json:"tls"`                    // empty for plain HTTP
	Seed           uint64          `json:"seed"`
	Repetition     int             `json:"repetition"` // from 1
	Command        string          `json:"command"`    // repeats the run, in a checkout
	Verdict        judge.Verdict   `json:"verdict"`
	Expected       judge.Verdict   `json:"expected_verdict"`
	Connections    int             `json:"connections"`
	Resets         int             `json:"resets"` // ended early by the client
	Requests       int             `json:"requests"`
	Answered       int             `json:"answered"`
	OwnResponse    int             `json:"own_response"`
	WantWrite      int64           `json:"want_write"`
	WantRead       int64           `json:"want_read"`
	BadWriteRetry  int             `json:"bad_write_retry"`
	DurationMS     float64         `json:"duration_ms"`
	CPUMS          float64         `json:"cpu_ms"`
	Known          string          `json:"known_failure,omitempty"` // the reason, if it is known to fail
	SubjectError   string          `json:"subject_error,omitempty"`
	MayCrash       bool            `json:"may_crash,omitempty"` // this libcurl is known to crash the subject
	Evidence       string          `json:"evidence,omitempty"`  // in a matrix: its folder, relative to the page's
	Invariants     []judge.Finding `json:"invariants"`
}

// Place names the cell of a matrix that the run belongs to: "OpenSSL trixie,
// TLS 1.3". It is empty outside of a matrix.
func (r *Run) Place() string {
	switch {
	case r.OpenSSLName == "":
		return ""
	case r.TLS == plan.PlainText:
		return "OpenSSL " + r.OpenSSLName + ", no TLS"
	}
	return "OpenSSL " + r.OpenSSLName + ", TLS " + r.TLS
}

// OwnResponses returns how many of all requests got their own response, as "49/50",
// or "–" if this cannot be observed.
func (r *Run) OwnResponses() string {
	for _, f := range r.Invariants {
		if f.ID == judge.IDOwnResponse && f.Verdict == judge.NotApplicable {
			return "–"
		}
	}
	return fmt.Sprintf("%d/%d", r.OwnResponse, r.Requests)
}

// WhyNotApplicable returns the reason why a run is n/a, which is the same in
// every finding.
func (r *Run) WhyNotApplicable() string {
	if len(r.Invariants) == 0 {
		return "nothing is known of it"
	}
	return r.Invariants[0].Actual
}

// Of makes a Run of what was observed.
func Of(o *judge.Observation, subject, driver string, l *library.Library) Run {
	r := seen(o.Origin, &o.Events, o.Failure, judge.Findings(o))
	r.Scenario, r.Subject, r.Driver = o.Scenario.ID, subject, driver
	r.Library, r.LibcurlVersion = l.Label(), l.Manifest.LibcurlVersion
	r.OpenSSL, r.TLS = cmp.Or(o.Events.OpenSSL, l.Manifest.OpenSSL.Version), o.Scenario.Client.TLS
	d := defect(o.Scenario, subject, driver, l)
	r.Expected, r.MayCrash = expected(o.Scenario, driver, l, d), d != nil && d.Crashes
	r.Known = KnownFailure(o.Scenario.ID, driver, l.Manifest)
	r.Requests, r.Answered = len(o.Plan.Requests), judge.Answered(o)
	r.OwnResponse, _ = judge.OwnResponses(o)
	if o.Report != nil {
		r.DurationMS, r.CPUMS = o.Report.DurationMS, o.Report.CPUMS
	}
	return r
}

// OfClient makes a Run of the observation of any client from outside.
func OfClient(o *check.Observation, name string) Run {
	r := seen(o.Origin, &o.Events, o.Failure, check.Findings(o))
	r.Scenario, r.Subject, r.Driver, r.Repetition = "check", name, "command", 1
	if o.Scenario != nil {
		r.Scenario = o.Scenario.ID
	}
	r.Expected = judge.Pass
	for _, c := range o.Origin.Connections {
		r.TLS = cmp.Or(r.TLS, strings.TrimPrefix(c.TLS, "TLS "))
		for _, request := range c.Requests {
			r.Requests++
			if request.Answered {
				r.Answered++
			}
		}
	}
	return r
}

// seen returns what the origin and the interposer show of a run, and its
// verdict.
func seen(log *origin.Log, e *events.Summary, failure string, findings []judge.Finding) Run {
	return Run{
		Verdict: judge.Sum(findings), Invariants: findings, SubjectError: failure,
		Connections: len(log.Connections), Resets: log.EarlyEnds(),
		WantWrite: e.WantWrite, WantRead: e.WantRead, BadWriteRetry: len(e.BadRetries),
	}
}
