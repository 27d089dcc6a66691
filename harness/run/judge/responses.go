package judge

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

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

func allAnswered(o *Observation) (Verdict, string, string) {
	n := len(o.Plan.Requests)
	expected := expectation(o)
	if o.Report == nil || o.Failure != "" {
		return Fail, expected, o.Failure
	}
	var wrong []string
	results := make(map[string]int, n)
	for _, r := range o.Report.Results {
		results[r.ID]++
		if problem := o.problem(r); problem != "" {
			wrong = append(wrong, r.ID+": "+problem)
		}
	}
	for _, r := range o.Plan.Requests {
		if results[r.ID] != 1 {
			wrong = append(wrong, fmt.Sprintf("%s: %d results", r.ID, results[r.ID]))
		}
	}
	if most := o.Scenario.Expect.MaxFailed; most > 0 && n-Answered(o) > most {
		wrong = append(wrong, fmt.Sprintf("%d failed where at most %d may", n-Answered(o), most))
	}
	if len(wrong) > 0 {
		return Fail, expected, fmt.Sprintf("%d are not: %s", len(wrong), strings.Join(firstOf(wrong, 3), "; "))
	}
	return Pass, expected, fmt.Sprintf("%d of %d", n, n)
}

// expectation describes the expected results of the requests.
func expectation(o *Observation) string {
	n := len(o.Plan.Requests)
	special := len(o.Scenario.NeedNoAnswer())
	if special == 0 {
		return fmt.Sprintf("%d of %d answered, each once", n, n)
	}
	return fmt.Sprintf("%d of %d answered, each once, and %d ended otherwise", n-special, n, special)
}

// problem returns what is wrong with a result; empty if it is an expected one.
func (o *Observation) problem(r plan.Result) string {
	want := o.Scenario.ResultOf(r.ID)
	answered, failed := unanswered(r), unfailed(r, want.Codes)
	switch want.Outcome {
	case scenario.Removed:
		switch {
		case !r.Removed:
			return "not removed"
		case r.TimesCompleted != 0:
			return fmt.Sprintf("removed, and completed %d times", r.TimesCompleted)
		}
		return ""
	case scenario.Failed:
		return failed
	case scenario.AnsweredOrFailed:
		if r.Answered {
			return answered
		}
		return failed
	}
	return answered
}

// unanswered describes how a result differs from an answered request.
func unanswered(r plan.Result) string {
	switch {
	case !r.Answered:
		return reason(r.Error, r.CurlCode)
	case r.TimesCompleted != 1:
		return fmt.Sprintf("completed %d times", r.TimesCompleted)
	case r.Status != 200:
		return fmt.Sprintf("status %d", r.Status)
	}
	return ""
}

// unfailed describes how a result differs from a request that failed with one
// of those codes.
func unfailed(r plan.Result, codes []int) string {
	switch {
	case r.TimesCompleted != 1:
		return fmt.Sprintf("completed %d times", r.TimesCompleted)
	case r.Answered || r.CurlCode == 0:
		return "answered"
	case len(codes) > 0 && !slices.Contains(codes, r.CurlCode):
		return reason(r.Error, r.CurlCode)
	}
	return ""
}

// OwnResponses returns the number of requests that got their own complete
// response, and one line for each answered request that got something else.
func OwnResponses(o *Observation) (own int, wrong []string) {
	if o.Report == nil {
		return 0, nil
	}
	requests := make(map[string]plan.Request, len(o.Plan.Requests))
	for _, r := range o.Plan.Requests {
		requests[r.ID] = r
	}
	owners := make(map[string]bool)
	for _, result := range o.Report.Results {
		request, known := requests[result.ID]
		switch {
		case !known:
			wrong = append(wrong, fmt.Sprintf("a result for %q, which is not in the plan", result.ID))
		case result.BodyID != "" && result.BodyID != bodyID(o, request):
			wrong = append(wrong, fmt.Sprintf("%s got the response of %q", result.ID, result.BodyID))
		case !result.Answered:
			// an empty body is not another request's
		case result.BodyHash != plan.Hash(plan.Body(request.ID, bodySize(o, request))):
			wrong = append(wrong, fmt.Sprintf("%s got %d bytes that are not its body of %d",
				result.ID, result.BodyBytes, bodySize(o, request)))
		default:
			owners[result.ID] = true
		}
	}
	return len(owners), wrong
}

// Answered returns how many requests the subject says were answered.
func Answered(o *Observation) int {
	if o.Report == nil {
		return 0
	}
	n := 0
	for _, r := range o.Report.Results {
		if r.Answered {
			n++
		}
	}
	return n
}

// bodySize returns the size of the body that the request finally asks for.
func bodySize(o *Observation, r plan.Request) int {
	path := r.Path
	if redirect := o.Scenario.Origin.AnswerTo(r.ID).Redirect; redirect != "" && o.Plan.FollowRedirects {
		path = redirect
	}
	target, err := url.ParseRequestURI(path)
	if err != nil || r.Method == "HEAD" {
		return 0
	}
	size, err := strconv.Atoi(target.Query().Get("body"))
	if err != nil {
		return 0
	}
	return size
}

// bodyID returns the first line of that body, which may be truncated.
func bodyID(o *Observation, r plan.Request) string {
	if size := bodySize(o, r); size < len(r.ID) {
		return r.ID[:size]
	}
	return r.ID
}

func passIf(ok bool) Verdict {
	if ok {
		return Pass
	}
	return Fail
}

func firstOf(list []string, most int) []string {
	if len(list) <= most {
		return list
	}
	return append(append([]string(nil), list[:most]...), "…")
}

func reason(text string, code int) string {
	if text != "" {
		return text
	}
	return fmt.Sprintf("CURLcode %d", code)
}
