// Package plan is the language between pipelab and the programs under test.
//
// It stands at both ends of a subject's process: pipelab writes a [Plan] to
// the subject's standard input, the subject carries it out with the HTTP
// client it wraps and writes a [Report] to its standard output. The package
// also says what the body of each request's response is, so that the origin
// can make it, a subject can measure it and the judge can tell whose it was.
package plan

import (
	"encoding/json"
	"fmt"
	"io"
)

// Exit codes of a subject.
const (
	// ExitDone: the plan was carried out, whatever the outcome of its requests.
	ExitDone = 0
	// ExitBadPlan: the plan could not be read, or makes no sense.
	ExitBadPlan = 2
	// ExitUnimplemented: the plan asks for something this subject cannot do.
	ExitUnimplemented = 3
)

// Names in the environment of a subject that runs inside of a wrapper, such as a
// debugger. The wrapper has the terminal then, and the subject reads the plan
// from one of these file descriptors and writes the report to the other one.
const (
	PlanFD   = "PIPELAB_PLAN_FD"
	ReportFD = "PIPELAB_REPORT_FD"
)

// Drivers, the ways to run libcurl's multi interface.
const (
	// DriverPerform is curl_multi_perform with curl_multi_fdset and select.
	DriverPerform = "perform"
	// DriverSocket is curl_multi_socket_action with epoll.
	DriverSocket = "socket"
)

// TLS versions a plan can ask for. PlainText stands for no TLS at all.
const (
	PlainText = ""
	TLS12     = "1.2"
	TLS13     = "1.3"
)

// What CURLMOPT_PIPELINING may be.
const (
	PipelineHTTP1 = 1 // CURLPIPE_HTTP1
	Multiplex     = 2 // CURLPIPE_MULTIPLEX
)

// Plan is what a subject is to do. All requests go to one origin.
type Plan struct {
	// URL is scheme and authority of the origin, "https://127.0.0.1:4443".
	URL string `json:"url"`
	// CAFile is the path of the PEM file that the origin's certificate is
	// verified against; empty without TLS.
	CAFile string `json:"ca_file"`
	// TLS is the one TLS version to use: PlainText, TLS12 or TLS13.
	TLS string `json:"tls"`
	// Driver is DriverPerform or DriverSocket.
	Driver string `json:"driver"`
	// MaxHostConnections is CURLMOPT_MAX_HOST_CONNECTIONS.
	MaxHostConnections int `json:"max_host_connections"`
	// Pipelining is CURLMOPT_PIPELINING: PipelineHTTP1, or Multiplex for HTTP/2.
	Pipelining int `json:"pipelining"`
	// MaxPipelineLength is CURLMOPT_MAX_PIPELINE_LENGTH.
	MaxPipelineLength int `json:"max_pipeline_length"`
	// StallLimitMS limits a hang: if nothing has been completed and no byte has
	// been received for this many milliseconds, the subject gives up.
	StallLimitMS int `json:"stall_limit_ms"`
	// ReceiveBuffer is CURLOPT_BUFFERSIZE in bytes; 0 leaves it to libcurl.
	ReceiveBuffer int `json:"receive_buffer,omitempty"`
	// FollowRedirects is CURLOPT_FOLLOWLOCATION.
	FollowRedirects bool `json:"follow_redirects,omitempty"`
	// FirstAlone makes the first request alone. When it has ended, the requests
	// that no step adds are submitted together.
	FirstAlone bool `json:"first_alone,omitempty"`
	// Steps are other actions, strictly in this order.
	Steps []Step `json:"steps,omitempty"`
	// Requests in the order in which they are submitted.
	Requests []Request `json:"requests"`
}

// Request is one request of a plan.
type Request struct {
	// ID names the request; it is sent as X-Request-Id. Unique in the plan.
	ID string `json:"id"`
	// Method of the request, GET for instance.
	Method string `json:"method"`
	// Path with query, beginning with a slash.
	Path string `json:"path"`
	// HeaderBytes is the length of the X-Padding field's value; 0 omits the
	// field. See Padding.
	HeaderBytes int `json:"header_bytes"`
	// Credentials are user and password with a colon between them
	// (CURLOPT_USERPWD); empty for none.
	Credentials string `json:"credentials,omitempty"`
	// CustomMethod is sent instead of Method (CURLOPT_CUSTOMREQUEST).
	CustomMethod string `json:"custom_method,omitempty"`
	// BodyBytes is the size of the body of a POST, which is Body of the ID.
	BodyBytes int `json:"body_bytes,omitempty"`
	// TimeoutMS is CURLOPT_TIMEOUT_MS; 0 for none.
	TimeoutMS int `json:"timeout_ms,omitempty"`
	// AbortAtBytes, if not 0, makes the write callback fail after this many bytes
	// of the body.
	AbortAtBytes int `json:"abort_at_bytes,omitempty"`
}

// What a Step does.
const (
	// DoAdd submits a request that is not submitted at the start.
	DoAdd = "add"
	// DoRemove takes a request out of the multi handle.
	DoRemove = "remove"
	// DoPause makes the write callback of a request pause it.
	DoPause = "pause"
	// DoResume resumes a paused request.
	DoResume = "resume"
	// DoPipelining sets CURLMOPT_PIPELINING to Value.
	DoPipelining = "pipelining"
	// DoPipelineLength sets CURLMOPT_MAX_PIPELINE_LENGTH to Value.
	DoPipelineLength = "pipeline_length"
)

// Step is an action while requests are in flight.
type Step struct {
	// When is the condition; the zero value means at once.
	When When `json:"when"`
	// Do is the action, one of the words above.
	Do string `json:"do"`
	// Request is the ID of the request that the action applies to, if any.
	Request string `json:"request,omitempty"`
	// Value for DoPipelining and DoPipelineLength.
	Value int `json:"value,omitempty"`
}

// When is the condition of a Step: the first field that is not zero.
type When struct {
	// Signal is the name in a line "signal NAME" on standard input, after the
	// plan.
	Signal string `json:"signal,omitempty"`
	// Completed is how many transfers must have ended.
	Completed int `json:"completed,omitempty"`
	// Received is the ID of a request; Bytes of its response's body must have
	// been received.
	Received string `json:"received,omitempty"`
	Bytes    int    `json:"bytes,omitempty"`
}

// Special names, in the words of the JSON, a feature that the plan needs beyond
// GET and HEAD requests that are submitted at the start, or after the first one.
// A subject without this feature reports that it is unimplemented. Empty means
// none.
func (p *Plan) Special() string {
	switch {
	case p.ReceiveBuffer != 0:
		return "receive_buffer"
	case p.FollowRedirects:
		return "follow_redirects"
	case len(p.Steps) > 0:
		return "steps"
	}
	for _, r := range p.Requests {
		switch {
		case r.Credentials != "":
			return "credentials"
		case r.CustomMethod != "":
			return "custom_method"
		case r.BodyBytes != 0:
			return "body_bytes"
		case r.TimeoutMS != 0:
			return "timeout_ms"
		case r.AbortAtBytes != 0:
			return "abort_at_bytes"
		}
	}
	return ""
}

// Report is the report of a subject after it has carried out a plan.
type Report struct {
	// Subject is the name of the program.
	Subject string `json:"subject"`
	// Driver that was used.
	Driver string `json:"driver"`
	// LibcurlVersion is what curl_version() says; empty for other clients.
	LibcurlVersion string `json:"libcurl_version"`
	// DurationMS is the wall-clock time of the work in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	// CPUMS is the CPU time of the work, user and system, in milliseconds.
	CPUMS float64 `json:"cpu_ms"`
	// MaxMemoryBytes is the most memory that the process had at a time.
	MaxMemoryBytes int64 `json:"max_memory_bytes,omitempty"`
	// OpenFDsAfter is how many more file descriptors were open after the work
	// than before it.
	OpenFDsAfter int `json:"open_fds_after,omitempty"`
	// Results has one element for each request of the plan, in its order.
	Results []Result `json:"results"`
	// Counters are figures that only some subjects have.
	Counters map[string]float64 `json:"counters,omitempty"`
}

// Turns is the counter of the turns of a subject's loop, each of which calls
// libcurl to continue the transfers.
const Turns = "turns"

// Result is the outcome of one request.
type Result struct {
	// ID of the request.
	ID string `json:"id"`
	// Answered is true when the transfer ended without an error.
	Answered bool `json:"answered"`
	// CurlCode is the CURLcode of the transfer; 0 also if it did not end.
	CurlCode int `json:"curl_code"`
	// Status is the HTTP status code; 0 without a response.
	Status int `json:"status"`
	// BodyID is the first line of the body, which says whose response it is.
	BodyID string `json:"body_id"`
	// BodyBytes is the length of the body.
	BodyBytes int64 `json:"body_bytes"`
	// BodyHash is the Hash of the body.
	BodyHash string `json:"body_hash"`
	// QueuedNS is CLOCK_MONOTONIC in nanoseconds when the client was given the
	// request; 0 if it never was, or if the subject does not say.
	QueuedNS int64 `json:"queued_ns,omitempty"`
	// TimesCompleted is how often the client said that the transfer ended.
	TimesCompleted int `json:"times_completed"`
	// Removed is true if a step took the request out before it had ended.
	Removed bool `json:"removed,omitempty"`
	// PausedBytes were given to the write callback while it was paused.
	PausedBytes int64 `json:"paused_bytes,omitempty"`
	// Error in the client's own words; empty without one.
	Error string `json:"error"`
}

// Read reads a plan, as a subject does from its standard input. The error says
// in one line why the plan is invalid.
func Read(r io.Reader) (*Plan, error) {
	var p Plan
	decoder := json.NewDecoder(r)
	if err := decoder.Decode(&p); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return &p, nil
}

func (p *Plan) check() error {
	if p.URL == "" {
		return fmt.Errorf("the plan has no url")
	}
	if p.Driver != DriverPerform && p.Driver != DriverSocket {
		return fmt.Errorf("the plan: driver %q is neither %q nor %q", p.Driver, DriverPerform, DriverSocket)
	}
	if p.StallLimitMS <= 0 {
		return fmt.Errorf("the plan: stall_limit_ms must be more than 0, not %d", p.StallLimitMS)
	}
	if len(p.Requests) == 0 {
		return fmt.Errorf("the plan has no requests")
	}
	seen := make(map[string]bool, len(p.Requests))
	for i, request := range p.Requests {
		if request.ID == "" || seen[request.ID] {
			return fmt.Errorf("the plan: request %d has no id of its own (%q)", i+1, request.ID)
		}
		seen[request.ID] = true
	}
	return nil
}

// Write writes the report, as a subject does to its standard output.
func (r *Report) Write(w io.Writer) error {
	if err := json.NewEncoder(w).Encode(r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
