// Command curlpipe runs a plan through this project's Go client.
//
// It is one of the subjects: pipelab starts it with a plan on standard input;
// it gives all requests to a curlpipe.Client at once, and prints a report. The
// client drives curl_multi_socket_action with epoll, so that the plan's driver
// "perform" is unimplemented here. An unpatched libcurl is allowed, since it
// has to show its defect. The same executable runs with any libcurl.so.4 that
// LD_LIBRARY_PATH names.
package main

import (
	"errors"
	"fmt"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/curlpipe"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

func main() {
	subjectmain.Main(subjectmain.Subject{
		Name:           "curlpipe",
		Drivers:        []string{plan.DriverSocket},
		LibcurlVersion: curl.Version,
		CarryOut:       carryOut,
	})
}

// carryOut passes all requests to the client, in order, and waits for them.
func carryOut(p *plan.Plan) ([]plan.Result, map[string]float64, error) {
	requests, err := newRequests(p)
	if err != nil {
		return nil, nil, err
	}
	transport, err := newTransport(p)
	if err != nil {
		return nil, nil, err
	}
	client, err := curlpipe.New(transport)
	if errors.Is(err, curlpipe.ErrNoPipelining) || errors.Is(err, curlpipe.ErrUnsupportedByLibcurl) {
		return nil, nil, fmt.Errorf("%w: %w", subjectmain.ErrUnimplemented, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if mode := client.Stats().Mode; p.Pipelining == plan.Multiplex && mode != curlpipe.ModeMultiplexing {
		return nil, nil, errors.Join(client.Close(),
			fmt.Errorf("%w: HTTP/2: with this libcurl the client's mode is %s", subjectmain.ErrUnimplemented, mode))
	}
	results := doAll(client, p, requests)
	if err := client.Close(); err != nil {
		return nil, nil, err
	}
	return results, counters(client.Stats()), nil
}
