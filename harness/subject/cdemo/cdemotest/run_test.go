package cdemotest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/curlpipe/curlpipe/harness/subject/plan"
	"github.com/stretchr/testify/require"
)

// ownResponse is the result of a request that got what it asked for.
func ownResponse(id string) plan.Result {
	return plan.Result{
		ID: id, Answered: true, Status: 200, BodyID: id, BodyBytes: bodySize,
		BodyHash: plan.Hash(plan.Body(id, bodySize)), TimesCompleted: 1,
	}
}

// requestIDs are those of a plan with count requests.
func requestIDs(count int) []string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = fmt.Sprintf("r%02d", i)
	}
	return ids
}

// headerBytes is the size of every request's padding.
const headerBytes = 300

// newPlan is a plan for count GETs to an origin, with the report's settings.
func newPlan(o *origin, version uint16, driver string, count int) *plan.Plan {
	p := &plan.Plan{
		URL: o.url, CAFile: o.caFile, TLS: versionNames[version], Driver: driver,
		MaxHostConnections: 1, Pipelining: 1, MaxPipelineLength: 50, StallLimitMS: 20000,
	}
	for _, id := range requestIDs(count) {
		p.Requests = append(p.Requests, plan.Request{
			ID: id, Method: "GET", Path: "/" + id + "?body=700", HeaderBytes: headerBytes,
		})
	}
	return p
}

// versionNames are those of crypto/tls's numbers in a plan.
var versionNames = map[uint16]string{0: plan.PlainText, tls.VersionTLS12: plan.TLS12, tls.VersionTLS13: plan.TLS13}

// staggered is a plan with what only c-demo knows about adding handles.
type staggered struct {
	*plan.Plan
	Concurrent int `json:"concurrent"`
}

// command is a c-demo (or a wrapper and its arguments) that will find its libcurl.
func command(arguments ...string) *exec.Cmd {
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath)
	return command
}

// run carries a plan out and returns the report; c-demo must succeed and keep
// stderr empty.
func run(t *testing.T, p any, arguments ...string) *plan.Report {
	document, err := json.Marshal(p)
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	c := command(arguments...)
	c.Stdin = bytes.NewReader(document)
	c.Stdout = &stdout
	c.Stderr = &stderr
	require.NoError(t, c.Run(), "stderr: %s", &stderr)
	require.Empty(t, stderr.String())
	require.Equal(t, 1, strings.Count(stdout.String(), "\n"), "one document on one line")

	var r plan.Report
	decoder := json.NewDecoder(&stdout)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r))
	require.Equal(t, "c-demo", r.Subject)
	require.Regexp(t, `^libcurl/\d`, r.LibcurlVersion)
	require.Positive(t, r.DurationMS)
	require.Positive(t, r.CPUMS)
	return &r
}

// forEachDriver runs a test with both.
func forEachDriver(t *testing.T, test func(t *testing.T, driver string)) {
	for _, driver := range []string{plan.DriverPerform, plan.DriverSocket} {
		t.Run(driver, func(t *testing.T) { test(t, driver) })
	}
}
