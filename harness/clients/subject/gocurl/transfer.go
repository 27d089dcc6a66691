package main

import (
	"fmt"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

// Versions for CURLOPT_SSLVERSION, which go-curl does not name (curl.h). From
// libcurl 7.54.0 on, the number is a minimum, and its upper half is a maximum;
// before, it is both. 7.56.1 and 7.57.0 refuse every maximum, and the origin
// speaks only one version.
const (
	sslVersionTLS12        = 6
	sslVersionTLS13        = 7
	sslVersionMaximumShift = 16
	firstWithMaximum       = 0x073600
	firstWithoutMaximum    = 0x073801
	lastWithoutMaximum     = 0x073900
	firstWithTLS13         = 0x073400
)

// transfer is one request of the plan and its outcome.
type transfer struct {
	request plan.Request
	easy    *curl.CURL
	body    []byte
	queued  int64 // see plan.Result
	// how often libcurl said that it ended, and the last code
	completed int
	code      curl.CurlError
}

// newTransfer makes the easy handle for a request. moved is called when bytes
// of the response arrive.
func newTransfer(p *plan.Plan, request plan.Request, moved func()) (*transfer, error) {
	t := &transfer{request: request, easy: curl.EasyInit()}
	// go-curl never frees the list that it makes for HTTPHEADER
	options := []struct {
		option int
		value  any
	}{
		{curl.OPT_URL, p.URL + request.Path},
		{curl.OPT_HTTPHEADER, request.Fields()},
		{curl.OPT_PROXY, ""}, // not the environment's
		{curl.OPT_NOSIGNAL, true},
		{curl.OPT_HTTP_VERSION, httpVersion(p)},
		{optPipeWait, p.Pipelining == plan.Multiplex},
		{curl.OPT_HEADERFUNCTION, func([]byte, any) bool { moved(); return true }},
		{curl.OPT_WRITEFUNCTION, func(data []byte, _ any) bool {
			moved()
			t.body = append(t.body, data...)
			return true
		}},
	}
	for _, each := range options {
		if err := t.easy.Setopt(each.option, each.value); err != nil {
			return nil, fmt.Errorf("request %s: option %d: %w", request.ID, each.option, err)
		}
	}
	if err := t.setTLS(p); err != nil {
		return nil, fmt.Errorf("request %s: %w", request.ID, err)
	}
	switch request.Method {
	case "", "GET":
	case "HEAD":
		return t, t.easy.Setopt(curl.OPT_NOBODY, true)
	default:
		return nil, fmt.Errorf("%w: request %s: method %q", subjectmain.ErrUnimplemented, request.ID, request.Method)
	}
	return t, nil
}

// Options in curl.h that go-curl does not name.
const (
	optPipeWait     = 237 // CURLOPT_PIPEWAIT: wait for the first connection, to share it
	httpVersion2TLS = 4   // CURL_HTTP_VERSION_2TLS
)

func httpVersion(p *plan.Plan) int {
	if p.Pipelining == plan.Multiplex {
		return httpVersion2TLS
	}
	return curl.HTTP_VERSION_1_1
}

// setTLS limits the handle to exactly the plan's version.
func (t *transfer) setTLS(p *plan.Plan) error {
	loaded := curl.VersionInfo(curl.VERSION_FIRST).VersionNum
	version := 0
	switch p.TLS {
	case plan.PlainText:
		return nil
	case plan.TLS12:
		version = sslVersionTLS12
	case plan.TLS13:
		version = sslVersionTLS13
		if loaded < firstWithTLS13 {
			return fmt.Errorf("%w: this libcurl cannot be limited to TLS 1.3: use 7.52.0 or later", subjectmain.ErrUnimplemented)
		}
	default:
		return fmt.Errorf("%w: TLS version %q", subjectmain.ErrUnimplemented, p.TLS)
	}
	if loaded >= firstWithMaximum && (loaded < firstWithoutMaximum || loaded > lastWithoutMaximum) {
		version |= version << sslVersionMaximumShift
	}
	if err := t.easy.Setopt(curl.OPT_SSLVERSION, version); err != nil {
		return err
	}
	return t.easy.Setopt(curl.OPT_CAINFO, p.CAFile)
}

// result returns the outcome of the request.
func (t *transfer) result() plan.Result {
	result := plan.Result{
		ID:             t.request.ID,
		Answered:       t.completed > 0 && t.code == 0,
		CurlCode:       int(t.code),
		QueuedNS:       t.queued,
		TimesCompleted: t.completed,
	}
	status := 0
	if info, err := t.easy.Getinfo(curl.INFO_RESPONSE_CODE); err == nil {
		status = info.(int)
	}
	subjectmain.Answered(&result, status, t.body)
	switch {
	case t.completed == 0:
		result.Error = "not completed when nothing moved any more"
	case t.code != 0:
		result.Error = t.code.Error()
	}
	return result
}

// clock remembers when something last moved.
type clock struct{ last time.Time }

func (c *clock) moved() { c.last = time.Now() }
