package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/curlpipe"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

// libcurlsRetries is larger than the number of connections that any scenario
// ends, because the harness counts how often libcurl repeats a request.
const libcurlsRetries = 1_000_000

// newTransport translates the plan's settings to the client's.
func newTransport(p *plan.Plan) (*curlpipe.Transport, error) {
	transport := &curlpipe.Transport{
		Pipelining:       curlpipe.Require,
		MaxRetries:       libcurlsRetries,
		MaxConnsPerHost:  p.MaxHostConnections,
		MaxPipelineDepth: p.MaxPipelineLength,
		CAFile:           p.CAFile,
		AllowUnpatched:   true,
		// each write must reach the socket, because the scenarios are about
		// blocked writes
		DisableCoalescing: true,
		StallTimeout:      time.Duration(p.StallLimitMS) * time.Millisecond,
	}
	switch p.Pipelining {
	case plan.PipelineHTTP1:
	case plan.Multiplex: // the origin accepts only HTTP/2
		transport.Pipelining = curlpipe.Auto
	default:
		return transport, fmt.Errorf("%w: pipelining %d: this client always pipelines", subjectmain.ErrUnimplemented, p.Pipelining)
	}
	switch p.TLS {
	case plan.PlainText:
	case plan.TLS12:
		transport.MinTLSVersion, transport.MaxTLSVersion = tls.VersionTLS12, tls.VersionTLS12
	case plan.TLS13:
		transport.MinTLSVersion, transport.MaxTLSVersion = tls.VersionTLS13, tls.VersionTLS13
	default:
		return transport, fmt.Errorf("%w: TLS version %q", subjectmain.ErrUnimplemented, p.TLS)
	}
	return transport, nil
}

// newRequests translates the plan's requests to net/http's.
func newRequests(p *plan.Plan) ([]*http.Request, error) {
	requests := make([]*http.Request, len(p.Requests))
	for i, each := range p.Requests {
		switch each.Method {
		case "", http.MethodGet, http.MethodHead:
		default:
			return nil, fmt.Errorf("%w: request %s: method %q", subjectmain.ErrUnimplemented, each.ID, each.Method)
		}
		request, err := http.NewRequest(each.Method, p.URL+each.Path, nil)
		if err != nil {
			return nil, fmt.Errorf("request %s: %w", each.ID, err)
		}
		for _, field := range each.Fields() {
			name, value, _ := strings.Cut(field, ": ")
			request.Header.Set(name, value)
		}
		requests[i] = request
	}
	return requests, nil
}

// doAll passes all requests to the client at once and waits for them. If the
// first one is to be alone, it passes the others when that has ended.
func doAll(client *curlpipe.Client, p *plan.Plan, requests []*http.Request) []plan.Result {
	results := make([]plan.Result, 0, len(requests))
	together := func(some []*http.Request) {
		queued := subjectmain.Monotonic()
		for _, came := range client.DoBatch(context.Background(), some) {
			result := newResult(p.Requests[len(results)].ID, came)
			result.QueuedNS = queued
			results = append(results, result)
		}
	}
	if p.FirstAlone {
		together(requests[:1])
		if results[0].TimesCompleted == 0 { // nothing moves, so the others are not tried
			for _, each := range p.Requests[1:] {
				results = append(results, newResult(each.ID, curlpipe.Result{Err: curlpipe.ErrStalled}))
			}
			return results
		}
		requests = requests[1:]
	}
	together(requests)
	return results
}

// newResult returns the outcome of one request. A request that ended because
// nothing moved did not end for libcurl.
func newResult(id string, came curlpipe.Result) plan.Result {
	result := plan.Result{ID: id, TimesCompleted: 1}
	if came.Err != nil {
		result.Error = came.Err.Error()
		var code curl.CurlError
		if errors.As(came.Err, &code) {
			result.CurlCode = int(code)
		}
		if errors.Is(came.Err, curlpipe.ErrStalled) {
			result.TimesCompleted = 0
		}
		subjectmain.Answered(&result, 0, nil)
		return result
	}
	defer came.Response.Body.Close()
	body, err := io.ReadAll(came.Response.Body)
	if err != nil {
		result.Error = err.Error()
	}
	result.Answered = err == nil
	subjectmain.Answered(&result, came.Response.StatusCode, body)
	return result
}

// counters returns the client's counters.
func counters(stats curlpipe.Stats) map[string]float64 {
	return map[string]float64{
		"connections_opened":   float64(stats.ConnectionsOpened),
		"connections_closed":   float64(stats.ConnectionsClosed),
		"connections_given_up": float64(stats.ConnectionsGivenUp),
		"requests":             float64(stats.Requests),
		"answered":             float64(stats.Answered),
		"failed":               float64(stats.Failed),
		"abandoned":            float64(stats.Abandoned),
	}
}
