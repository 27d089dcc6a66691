package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// junitSuites is a document in the format of Ant's JUnit task, as Jenkins and
// GitLab document it.
type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	junitCounts
	Suites []*junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name string `xml:"name,attr"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCounts struct {
	Tests    int     `xml:"tests,attr"`
	Failures int     `xml:"failures,attr"`
	Errors   int     `xml:"errors,attr"`
	Skipped  int     `xml:"skipped,attr"`
	Seconds  seconds `xml:"time,attr"`
}

type junitCase struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Seconds seconds  `xml:"time,attr"`
	Failure *trouble `xml:"failure"`
	Error   *trouble `xml:"error"`
	Skipped *trouble `xml:"skipped"`
	Output  string   `xml:"system-out,omitempty"`
}

type trouble struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

type seconds float64

// MarshalText implements encoding.TextMarshaler. It writes no exponents, which
// some readers do not know.
func (s seconds) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%.3f", float64(s)), nil }

// JUnit writes the runs as JUnit XML: a test suite for each scenario, a test
// case for each run. A run fails if its result was not expected, so stock
// libcurl that shows the defect passes. A run is an error if the subject broke
// down, and skipped if it is n/a.
func JUnit(w io.Writer, runs []outcome.Run) error {
	var all junitSuites
	for i := range runs {
		suite := all.suite(runs[i].Scenario)
		c := junitCaseOf(&runs[i])
		suite.Cases = append(suite.Cases, c)
		suite.count(&c)
		all.count(&c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing JUnit's XML: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(&all); err != nil {
		return fmt.Errorf("writing JUnit's XML: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuites) suite(name string) *junitSuite {
	for _, known := range s.Suites {
		if known.Name == name {
			return known
		}
	}
	s.Suites = append(s.Suites, &junitSuite{Name: name})
	return s.Suites[len(s.Suites)-1]
}

func (n *junitCounts) count(c *junitCase) {
	n.Tests++
	n.Seconds += c.Seconds
	switch {
	case c.Failure != nil:
		n.Failures++
	case c.Error != nil:
		n.Errors++
	case c.Skipped != nil:
		n.Skipped++
	}
}

func junitCaseOf(r *outcome.Run) junitCase {
	c := junitCase{
		Class: r.Scenario, Name: strings.TrimSpace(fmt.Sprintf("%s (%s) %s", r.Subject, r.Driver, r.Library)),
		Seconds: seconds(r.DurationMS / 1000),
	}
	if r.OpenSSLName != "" {
		c.Name += ", " + r.Place() // the repetition depends on luck there, and must not be part of the name
	} else if r.Repetition > 1 {
		c.Name += fmt.Sprintf(" #%d", r.Repetition)
	}
	told := findingsInWords(r)
	message := fmt.Sprintf("%s, where %s is expected", r.Verdict, r.Expected)
	switch {
	case r.SubjectError != "" && !r.AsExpected():
		c.Error = &trouble{Message: "the subject broke down: " + r.SubjectError, Type: string(r.Verdict), Text: told}
	case r.Verdict == judge.NotApplicable:
		c.Skipped = &trouble{Message: "n/a: " + r.WhyNotApplicable()}
	case !r.AsExpected():
		c.Failure = &trouble{Message: message, Type: string(r.Verdict), Text: told}
	default:
		c.Output = fmt.Sprintf("%s, as expected\n%s", r.Verdict, told)
	}
	return c
}

// findingsInWords returns a line for each invariant that did not pass, and the
// command that repeats the run.
func findingsInWords(r *outcome.Run) string {
	var out strings.Builder
	for _, f := range r.Invariants {
		if f.Verdict != judge.Pass {
			fmt.Fprintf(&out, "%s %s: expected %s; saw %s (%s)\n", f.ID, f.Verdict, f.Expected, f.Actual, f.Rule)
		}
	}
	fmt.Fprintf(&out, "again: %s\n", r.Command)
	return out.String()
}
