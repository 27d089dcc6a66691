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
	// ExitDone: the plan was carried out, whatever came of the requests.
	ExitDone = 0
	// ExitBadPlan: the plan could not be read, or makes no sense.
	ExitBadPlan = 2
	// ExitUnimplemented: the plan asks for something this subject cannot do.
	ExitUnimplemented = 3
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
	// Pipelining is CURLMOPT_PIPELINING.
	Pipelining int `json:"pipelining"`
	// MaxPipelineLength is CURLMOPT_MAX_PIPELINE_LENGTH.
	MaxPipelineLength int `json:"max_pipeline_length"`
	// StallLimitMS bounds a hang: when nothing has been completed and no byte
	// has been received for so many milliseconds, the subject gives up.
	StallLimitMS int `json:"stall_limit_ms"`
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
	// HeaderBytes is the length of the X-Padding field's value; 0 leaves the
	// field away. See Padding.
	HeaderBytes int `json:"header_bytes"`
}

// Report is what a subject has to say after it has carried a plan out.
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
	// Results has one element for each request of the plan, in its order.
	Results []Result `json:"results"`
	// Counters are figures that only this subject has.
	Counters map[string]float64 `json:"counters,omitempty"`
}

// Result is what came of one request.
type Result struct {
	// ID of the request.
	ID string `json:"id"`
	// Answered is true when the transfer ended without an error.
	Answered bool `json:"answered"`
	// CurlCode is the CURLcode of the transfer; 0 also if it did not end.
	CurlCode int `json:"curl_code"`
	// Status is the HTTP status code; 0 without a response.
	Status int `json:"status"`
	// BodyID is the first line of the body: whose response it is.
	BodyID string `json:"body_id"`
	// BodyBytes is the length of the body.
	BodyBytes int64 `json:"body_bytes"`
	// BodyHash is the Hash of the body.
	BodyHash string `json:"body_hash"`
	// TimesCompleted is how often the client said that the transfer ended.
	TimesCompleted int `json:"times_completed"`
	// Error in the client's own words; empty without one.
	Error string `json:"error"`
}

// Read reads a plan, as a subject does from its standard input. The error
// says what is wrong with it in one line.
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
