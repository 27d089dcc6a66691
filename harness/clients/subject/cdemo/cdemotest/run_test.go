package cdemotest

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/stretchr/testify/require"
)

// ownResponse is the result of a request that got its own response.
func ownResponse(id string) plan.Result {
	return plan.Result{
		ID: id, Answered: true, Status: 200, BodyID: id, BodyBytes: bodySize,
		BodyHash: plan.Hash(plan.Body(id, bodySize)), TimesCompleted: 1,
	}
}

// requestIDs returns the ids of a plan with count requests.
func requestIDs(count int) []string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = fmt.Sprintf("r%02d", i)
	}
	return ids
}

// headerBytes is the length of each request's padding.
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

// versionNames are a plan's names of crypto/tls's versions.
var versionNames = map[uint16]string{0: plan.PlainText, tls.VersionTLS12: plan.TLS12, tls.VersionTLS13: plan.TLS13}

// command makes a command of c-demo (or of a wrapper and its arguments) that
// finds its libcurl.
func command(arguments ...string) *exec.Cmd {
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath)
	return command
}

// run carries out a plan and returns the report. c-demo must succeed and print
// nothing on stderr.
func run(t *testing.T, p *plan.Plan, arguments ...string) *plan.Report {
	return start(t, p, arguments...).report()
}

// started is a running c-demo that has its plan.
type started struct {
	t              *testing.T
	command        *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr bytes.Buffer
}

// start starts c-demo with a plan.
func start(t *testing.T, p *plan.Plan, arguments ...string) *started {
	document, err := json.Marshal(p)
	require.NoError(t, err)
	s := &started{t: t, command: command(arguments...)}
	s.command.Stdout, s.command.Stderr = &s.stdout, &s.stderr
	s.stdin, err = s.command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, s.command.Start())
	_, err = s.stdin.Write(append(document, '\n'))
	require.NoError(t, err)
	return s
}

// signal raises a signal. An origin calls it in another goroutine than the
// test, so it only marks the test as failed.
func (s *started) signal(name string) {
	if _, err := fmt.Fprintf(s.stdin, "signal %s\n", name); err != nil {
		s.t.Errorf("raising the signal %s: %v", name, err)
	}
}

// report waits for the end. From now on only origins raise signals.
func (s *started) report() *plan.Report {
	t := s.t
	require.NoError(t, s.command.Wait(), "stderr: %s", &s.stderr)
	require.Empty(t, s.stderr.String())
	require.Equal(t, 1, strings.Count(s.stdout.String(), "\n"), "one document on one line")

	var r plan.Report
	decoder := json.NewDecoder(&s.stdout)
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&r))
	require.Equal(t, "c-demo", r.Subject)
	require.Regexp(t, `^libcurl/\d`, r.LibcurlVersion)
	require.Positive(t, r.DurationMS)
	require.Positive(t, r.CPUMS)
	require.Positive(t, r.MaxMemoryBytes)
	require.Zero(t, r.OpenFDsAfter)
	for i := range r.Results { // times differ from run to run, so they are checked here and hidden from the test
		if r.Results[i].Answered {
			require.Positive(t, r.Results[i].QueuedNS)
		}
		r.Results[i].QueuedNS = 0
	}
	return &r
}

// forEachDriver runs a test with both drivers.
func forEachDriver(t *testing.T, test func(t *testing.T, driver string)) {
	for _, driver := range []string{plan.DriverPerform, plan.DriverSocket} {
		t.Run(driver, func(t *testing.T) { test(t, driver) })
	}
}
