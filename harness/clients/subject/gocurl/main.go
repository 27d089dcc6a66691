// Command go-curl is the demo client of the report over go-curl's multi API.
//
// It is one of the subjects: pipelab starts it with a plan on standard input.
// It adds one easy handle for each request to a multi handle with the report's
// settings, runs them with curl_multi_perform, curl_multi_fdset and select, and
// prints a report. go-curl has no socket callbacks, so that the plan's driver
// "socket" is unimplemented here. The same executable runs with any
// libcurl.so.4 that LD_LIBRARY_PATH names.
package main

import (
	"fmt"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

func main() {
	subjectmain.Main(subjectmain.Subject{
		Name:           "go-curl",
		Drivers:        []string{plan.DriverPerform},
		LibcurlVersion: curl.Version,
		CarryOut:       carryOut,
	})
}

// carryOut carries out the plan's requests, until all have ended or nothing
// moves.
func carryOut(p *plan.Plan) ([]plan.Result, map[string]float64, error) {
	if err := curl.GlobalInit(curl.GLOBAL_ALL); err != nil {
		return nil, nil, fmt.Errorf("curl_global_init: %w", err)
	}
	defer curl.GlobalCleanup()
	s, err := newSession(p)
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	if err := s.perform(); err != nil {
		return nil, nil, err
	}
	results := make([]plan.Result, len(s.transfers))
	for i, t := range s.transfers {
		results[i] = t.result()
	}
	return results, nil, nil
}
