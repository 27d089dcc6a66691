package subjectmain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

const onePlan = `{"url": "http://127.0.0.1:1", "driver": "perform", "stall_limit_ms": 5000,
	"requests": [{"id": "r0", "method": "GET", "path": "/"}]}`

// newSubject makes a subject whose work ends with the given error.
func newSubject(err error) *Subject {
	return &Subject{
		Name:           "test",
		Drivers:        []string{plan.DriverPerform},
		LibcurlVersion: func() string { return "libcurl/7.53.1" },
		CarryOut: func(p *plan.Plan) ([]plan.Result, map[string]float64, error) {
			result := plan.Result{ID: p.Requests[0].ID}
			Answered(&result, 200, plan.Body("r0", 10))
			return []plan.Result{result}, map[string]float64{"turns": 3}, err
		},
	}
}

func TestReport(t *testing.T) {
	var output bytes.Buffer
	code, err := newSubject(nil).run(strings.NewReader(onePlan), &output)
	require.NoError(t, err)
	require.Equal(t, plan.ExitDone, code)
	var report plan.Report
	require.NoError(t, json.Unmarshal(output.Bytes(), &report))
	require.Equal(t, "test", report.Subject)
	require.Equal(t, plan.DriverPerform, report.Driver)
	require.Equal(t, "libcurl/7.53.1", report.LibcurlVersion)
	require.Equal(t, map[string]float64{"turns": 3}, report.Counters)
	require.Positive(t, report.MaxMemoryBytes)
	require.Zero(t, report.OpenFDsAfter)
	require.Equal(t, []plan.Result{{ID: "r0", Status: 200, BodyID: "r0", BodyBytes: 10, BodyHash: plan.Hash(plan.Body("r0", 10))}}, report.Results)
}

func TestExitCodes(t *testing.T) {
	for name, each := range map[string]struct {
		input string
		err   error
		code  int
	}{
		"not JSON":           {"{", nil, plan.ExitBadPlan},
		"no requests":        {`{"url": "http://x", "driver": "perform", "stall_limit_ms": 1}`, nil, plan.ExitBadPlan},
		"a driver it lacks":  {strings.Replace(onePlan, "perform", "socket", 1), nil, plan.ExitUnimplemented},
		"a special plan":     {strings.Replace(onePlan, "{", `{"follow_redirects": true, `, 1), nil, plan.ExitUnimplemented},
		"a thing it lacks":   {onePlan, fmt.Errorf("%w: method", ErrUnimplemented), plan.ExitUnimplemented},
		"work that went bad": {onePlan, errors.New("no memory"), plan.ExitBadPlan},
	} {
		t.Run(name, func(t *testing.T) {
			var output bytes.Buffer
			code, err := newSubject(each.err).run(strings.NewReader(each.input), &output)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "\n")
			require.Equal(t, each.code, code)
			require.Empty(t, output.String())
		})
	}
}

// childVariable makes the test executable run as a subject, because Go's
// runtime opens its epoll once per process.
const childVariable = "SUBJECTMAIN_TEST_CHILD"

// leaked keeps the garbage collector from closing a file.
var leaked *os.File

func TestMain(m *testing.M) {
	leak, child := os.LookupEnv(childVariable)
	if !child {
		os.Exit(m.Run())
	}
	subject := newSubject(nil)
	work := subject.CarryOut
	subject.CarryOut = func(p *plan.Plan) ([]plan.Result, map[string]float64, error) {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, nil, err
		}
		reader.Close()
		if leaked = writer; leak == "" {
			writer.Close()
		}
		return work(p)
	}
	Main(*subject)
}

func TestOpenFileDescriptorsAreThoseOfTheWork(t *testing.T) {
	for leak, count := range map[string]int{"": 0, "the writer": 1} {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), childVariable+"="+leak)
		command.Stdin = strings.NewReader(onePlan)
		output, err := command.Output()
		require.NoError(t, err)
		var report plan.Report
		require.NoError(t, json.Unmarshal(output, &report))
		require.EqualValues(t, count, report.OpenFDsAfter, "left open: %q", leak)
	}
}
