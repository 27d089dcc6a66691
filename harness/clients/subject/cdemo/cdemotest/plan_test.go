package cdemotest

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodPlan = `{"url":"http://127.0.0.1:1","ca_file":"","tls":"","driver":"perform",` +
	`"max_host_connections":1,"pipelining":1,"max_pipeline_length":50,"stall_limit_ms":5000,` +
	`"requests":[{"id":"r00","method":"GET","path":"/r00","header_bytes":10}]}`

func TestPlanThatCannotBeCarriedOut(t *testing.T) {
	const badPlan, unimplemented = 2, 3
	for _, test := range []struct {
		name     string
		from, to string // what to replace in goodPlan; an empty from replaces all of it
		code     int
		says     string
	}{
		{"nothing", "", "", badPlan, "is not JSON: line 1"},
		{"half a document", "", `{"url":`, badPlan, "is not JSON"},
		{"two documents", "", goodPlan + goodPlan, badPlan, "is not JSON"},
		{"a list", "", "[]", badPlan, "the plan must be a JSON object"},
		{"a field twice", `"tls":""`, `"tls":"","tls":""`, badPlan, "duplicate"},
		{"no url", `"url":"http://127.0.0.1:1",`, "", badPlan, `the plan has no "url"`},
		{"a url of another scheme", "http://", "ftp://", badPlan, `must begin with http:// or https://, not "ftp://127`},
		{"a url that is a number", `"http://127.0.0.1:1"`, "1", badPlan, `"url" must be a string`},
		{"a url with a null character", "127.0.0.1:1", `127.0.0.1:1\u0000`, badPlan, "is not JSON"},
		{"TLS over http", `"tls":""`, `"tls":"1.2"`, badPlan, `"tls" says TLS`},
		{"https without TLS", "http://", "https://", badPlan, `"tls" says no TLS`},
		{"https without a CA", `http://127.0.0.1:1","ca_file":"","tls":""`, `https://127.0.0.1:1","tls":"1.2"`,
			badPlan, `"ca_file" is needed`},
		{"no driver", `"driver":"perform",`, "", badPlan, `the plan has no "driver"`},
		{"a number that is a string", `"pipelining":1`, `"pipelining":"1"`, badPlan,
			`"pipelining" must be a whole number`},
		{"a negative number", `"max_pipeline_length":50`, `"max_pipeline_length":-1`, badPlan,
			`"max_pipeline_length" must be a whole number from 0`},
		{"a huge number", `"max_pipeline_length":50`, `"max_pipeline_length":5000000000`, badPlan,
			`"max_pipeline_length" must be a whole number from 0`},
		{"no patience", `"stall_limit_ms":5000`, `"stall_limit_ms":0`, badPlan, `"stall_limit_ms" must not be 0`},
		{"requests that are no list", `"requests":[`, `"requests":5,"x":[`, unimplemented, `asks for "x"`},
		{"no requests", `{"id":"r00","method":"GET","path":"/r00","header_bytes":10}`, "", badPlan, "one or more"},
		{"a request that is no object", `{"id":"r00","method":"GET","path":"/r00","header_bytes":10}`, `1`, badPlan,
			"request 1 of the plan must be a JSON object"},
		{"a request without an id", `"id":"r00",`, "", badPlan, `request 1 of the plan has no "id"`},
		{"a request with an empty id", `"id":"r00"`, `"id":""`, badPlan, `"id" is empty`},
		{"a path without a slash", `"/r00"`, `"r00"`, badPlan, `"path" must begin with a slash`},
		{"a driver of the future", `"perform"`, `"wait"`, unimplemented, `asks for "driver": "wait"`},
		{"a TLS version of the past", `"tls":""`, `"tls":"1.0"`, unimplemented, `asks for "tls": "1.0"`},
		{"a method it has not", `"GET"`, `"BREW"`, unimplemented, `request 1 of the plan asks for "method": "BREW"`},
		{"a truth that is a word", `"driver"`, `"follow_redirects":"yes","driver"`, badPlan, `"follow_redirects" must be true or false`},
		{"a wish it has not", `"driver"`, `"explode":1,"driver"`, unimplemented, `the plan asks for "explode"`},
		{"the wish of old", `"driver"`, `"concurrent":1,"driver"`, unimplemented, `the plan asks for "concurrent"`},
		{"a wish of a request it has not", `"id":"r00"`, `"id":"r00","explode":1`, unimplemented,
			`request 1 of the plan asks for "explode"`},
		{"two requests with one id", `[{"id":"r00"`, `[{"id":"r00","path":"/r00"},{"id":"r00"`, badPlan,
			`request 2 of the plan: another one has its id "r00"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := test.to
			if test.from != "" {
				require.Contains(t, goodPlan, test.from)
				document = strings.Replace(goodPlan, test.from, test.to, 1)
			}
			requireRefusal(t, document, test.code, test.says)
		})
	}
}

// All steps are checked before any of them is carried out.
func TestStepsThatCannotBeCarriedOut(t *testing.T) {
	const badPlan, unimplemented = 2, 3
	for _, test := range []struct {
		name, steps string
		code        int
		says        string
	}{
		{"no list", `{}`, badPlan, `"steps" must be a list`},
		{"no object", `[1]`, badPlan, "step 1 of the plan must be a JSON object"},
		{"nothing to do", `[{"when":{}}]`, badPlan, `step 1 of the plan has no "do"`},
		{"a thing it has not", `[{"do":"explode"}]`, unimplemented, `step 1 of the plan asks for "do": "explode"`},
		{"a field it has not", `[{"do":"pipelining","hurry":true}]`, unimplemented, `step 1 of the plan asks for "hurry"`},
		{"a condition it has not", `[{"when":{"bored":1},"do":"pipelining"}]`, unimplemented, `step 1 of the plan asks for "bored"`},
		{"a condition that is none", `[{"when":"now","do":"pipelining"}]`, badPlan, "step 1 of the plan must be a JSON object"},
		{"two conditions", `[{"when":{"signal":"go","completed":1},"do":"pipelining"}]`, badPlan, "waits for several things"},
		{"received nothing", `[{"when":{"received":"r00"},"do":"pipelining"}]`, badPlan, "need each other"},
		{"bytes of nobody", `[{"when":{"bytes":1},"do":"pipelining"}]`, badPlan, "need each other"},
		{"received by nobody", `[{"when":{"received":"r01","bytes":1},"do":"pipelining"}]`, badPlan, `there is no request "r01"`},
		{"more than all", `[{"when":{"completed":2},"do":"pipelining"}]`, badPlan, "more than there are requests"},
		{"no request", `[{"do":"pause"}]`, badPlan, `"pause" takes a "request" only`},
		{"a request nobody knows", `[{"do":"pause","request":"r01"}]`, badPlan, `there is no request "r01"`},
		{"a value for a request", `[{"do":"pause","request":"r00","value":1}]`, badPlan, `"pause" takes a "request" only`},
		{"a request for an option", `[{"do":"pipelining","request":"r00"}]`, badPlan, `"pipelining" takes a "value" only`},
		{"added twice", `[{"do":"add","request":"r00"},{"do":"add","request":"r00"}]`, badPlan,
			`step 1 of the plan is about request "r00", which a later step adds`},
		{"removed before it is added", `[{"do":"pipelining"},{"do":"remove","request":"r00"},{"do":"add","request":"r00"}]`, badPlan,
			`step 2 of the plan is about request "r00", which a later step adds`},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := strings.Replace(goodPlan, "{", `{"steps":`+test.steps+",", 1)
			requireRefusal(t, document, test.code, test.says)
		})
	}
}

// A line after the plan that is not a signal of the plan is refused.
func TestLinesThatAreNoSignal(t *testing.T) {
	const badPlan = 2
	document := strings.Replace(goodPlan, "{", `{"steps":[{"when":{"signal":"go"},"do":"add","request":"r00"}],`, 1)
	for name, line := range map[string]string{
		"no signal":            "stop",
		"a signal of no step":  "signal stop",
		"half a signal":        "signal",
		"a line without limit": strings.Repeat("signal ", 10000),
	} {
		t.Run(name, func(t *testing.T) {
			forEachDriver(t, func(t *testing.T, driver string) {
				requireRefusal(t, strings.Replace(document, "perform", driver, 1)+"\n"+line+"\n", badPlan, "is not a signal that a step waits for")
			})
		})
	}
}

// requireRefusal gives c-demo a plan, which c-demo must refuse.
func requireRefusal(t *testing.T, document string, code int, says string) {
	var stdout, stderr bytes.Buffer
	c := command(sanitizedDemo)
	c.Stdin = strings.NewReader(document)
	c.Stdout = &stdout
	c.Stderr = &stderr
	var exit *exec.ExitError
	require.True(t, errors.As(c.Run(), &exit))
	require.Equal(t, code, exit.ExitCode(), "stderr: %s", &stderr)
	require.Empty(t, stdout.String())
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", &stderr)
	require.True(t, strings.HasPrefix(stderr.String(), "c-demo: "))
	require.Contains(t, stderr.String(), says)
}
