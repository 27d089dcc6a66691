package judge

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// OwnResponses returns how many requests got their own response, whole, and
// one line for each that was told to be answered and got anything else.
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
		case result.BodyID != "" && result.BodyID != result.ID:
			wrong = append(wrong, fmt.Sprintf("%s got the response of %q", result.ID, result.BodyID))
		case !result.Answered:
			// no answer is no other's answer
		case result.BodyHash != plan.Hash(plan.Body(request.ID, bodySize(request))):
			wrong = append(wrong, fmt.Sprintf("%s got %d bytes that are not its body of %d",
				result.ID, result.BodyBytes, bodySize(request)))
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

// bodySize is the size of the body that the request asks the origin for.
func bodySize(r plan.Request) int {
	target, err := url.ParseRequestURI(r.Path)
	if err != nil || r.Method == "HEAD" {
		return 0
	}
	size, err := strconv.Atoi(target.Query().Get("body"))
	if err != nil {
		return 0
	}
	return size
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
