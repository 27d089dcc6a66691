package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/events"
	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// roleVariable makes the test executable play a subject.
const roleVariable = "PIPELAB_TEST_SUBJECT"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	os.Exit(m.Run())
}

// play is a subject that behaves in one way or another.
func play(role string) int {
	p, err := plan.Read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return plan.ExitBadPlan
	}
	report := plan.Report{Subject: "fake", Driver: p.Driver}
	switch role {
	case "talks":
		pipe := eventsPipe()
		fmt.Fprintln(pipe, `{"call":"SSL_write","ssl":"0x1","error":"WANT_WRITE","ret":-1}`)
		fmt.Fprintln(pipe, `{"call":"SSL_write","ssl":"0x1","error":"","ret":5}`)
	case "complains":
		fmt.Fprintln(os.Stderr, "something is odd")
	case "crashes":
		fmt.Fprintln(os.Stderr, "about to crash")
		return 1
	case "refuses":
		fmt.Fprintln(os.Stderr, "no such plan")
		return plan.ExitBadPlan
	case "cannot":
		fmt.Fprintln(os.Stderr, "unimplemented: that")
		return plan.ExitUnimplemented
	case "babbles":
		fmt.Println("hello")
		return plan.ExitDone
	case "hangs":
		fmt.Fprintln(os.Stderr, "waiting")
		fmt.Fprintln(eventsPipe(), `{"call":"connect"}`)
		select {}
	}
	json.NewEncoder(os.Stdout).Encode(report)
	return plan.ExitDone
}

func eventsPipe() *os.File {
	fd, _ := strconv.Atoi(os.Getenv("PIPELAB_EVENTS_FD"))
	return os.NewFile(uintptr(fd), "events")
}

// fake is this executable as a subject.
func fake(t *testing.T, role string) *process {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	return &process{
		path:        executable,
		environment: []string{roleVariable + "=" + role, "PIPELAB_EVENTS_FD=" + strconv.Itoa(eventsFD)},
		plan: &plan.Plan{
			URL: "http://127.0.0.1:1", Driver: plan.DriverPerform, StallLimitMS: 1,
			Requests: []plan.Request{{ID: "r0000", Method: "GET", Path: "/"}},
		},
	}
}

// runAs runs this executable as a subject to its end.
func runAs(t *testing.T, role string) (*outcome, []events.Event) {
	t.Helper()
	var seen []events.Event
	p := fake(t, role)
	p.see = func(e events.Event) { seen = append(seen, e) }
	out, err := p.run(context.Background())
	require.NoError(t, err)
	return out, seen
}

func TestReportOfASubjectIsRead(t *testing.T) {
	out, _ := runAs(t, "reports")
	require.Equal(t, &outcome{report: &plan.Report{Subject: "fake", Driver: plan.DriverPerform}}, out)
}

func TestEventsOfASubjectAreSeenInOrder(t *testing.T) {
	out, seen := runAs(t, "talks")
	require.NotNil(t, out.report)
	require.Len(t, seen, 2)
	require.Equal(t, events.WantWrite, seen[0].Error)
	require.EqualValues(t, 5, seen[1].Result)
}

func TestWhatGoesWrongInASubject(t *testing.T) {
	for role, want := range map[string]outcome{
		"crashes": {failure: "the subject failed: exit status 1: about to crash"},
		"refuses": {failure: "the subject refused the plan: no such plan"},
		"cannot":  {unimplemented: "unimplemented: that"},
		"babbles": {failure: "the subject printed no report: invalid character 'h' looking for beginning of value"},
	} {
		t.Run(role, func(t *testing.T) {
			out, _ := runAs(t, role)
			require.Equal(t, want, *out)
		})
	}
}

func TestWordsOnStandardErrorCountAgainstASubject(t *testing.T) {
	out, _ := runAs(t, "complains")
	require.NotNil(t, out.report)
	require.Equal(t, "the subject printed to standard error: something is odd", out.failure)
}

func TestSubjectThatHangsIsKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := fake(t, "hangs")
	p.see = func(events.Event) { cancel() } // it hangs from here on
	out, err := p.run(ctx)
	require.NoError(t, err)
	require.Equal(t, outcome{failure: "the subject did not end and was killed: waiting"}, *out)
}

func TestSubjectThatIsNotThere(t *testing.T) {
	p := process{path: t.TempDir() + "/nothing", plan: &plan.Plan{}, see: func(events.Event) {}}
	_, err := p.run(context.Background())
	require.ErrorContains(t, err, "starting the subject ")
}
