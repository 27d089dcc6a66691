package lab

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab/labtest"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// setupFor is a run of a fake with three small requests.
func setupFor(t *testing.T, fake string) Setup {
	t.Helper()
	t.Setenv(fakeVariable, fake)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each subject sleeps at its end
	executable, err := os.Executable()
	require.NoError(t, err)
	return Setup{
		Scenario: &scenario.Scenario{
			ID: "some-words", Summary: "Something happens.",
			Client: scenario.Client{
				Requests: 3, TLS: plan.TLS12, MaxPipelineLength: 5,
				HeaderBytes: scenario.Range{Min: 10, Max: 90}, BodyBytes: scenario.Range{Min: 10, Max: 90},
			},
		},
		Subject: &subject.Subject{Name: "fake", Drivers: []string{plan.DriverPerform}, Path: executable},
		Driver:  plan.DriverPerform,
		Library: &library.Library{Prefix: "/some/prefix", Manifest: &library.Manifest{LibcurlVersion: "7.53.1-stock"}},
		Seed:    5,
	}
}

// observed runs a fake to its end.
func observed(t *testing.T, setup Setup) *judge.Observation {
	t.Helper()
	o, err := Run(context.Background(), setup)
	require.NoError(t, err)
	return o
}

func TestRunObservesAGoodSubject(t *testing.T) {
	for _, version := range []string{plan.PlainText, plan.TLS12, plan.TLS13} {
		setup := setupFor(t, "good")
		setup.Scenario.Client.TLS = version
		o := observed(t, setup)
		require.Same(t, setup.Scenario, o.Scenario)
		require.Empty(t, o.Failure)
		require.Empty(t, o.Unimplemented)
		require.Equal(t, "fake", o.Report.Subject)
		require.Equal(t, plan.DriverPerform, o.Report.Driver)
		require.Len(t, o.Plan.Requests, 3)
		require.Equal(t, setup.Scenario.Plan(5, o.Plan.URL, o.Plan.CAFile, plan.DriverPerform), o.Plan, "the seed counts")
		own, wrong := judge.OwnResponses(o)
		require.Equal(t, 3, own)
		require.Empty(t, wrong)
		require.Len(t, o.Origin.Connections, 1)
		require.Len(t, o.Origin.Connections[0].Requests, 3)
		require.Zero(t, o.Origin.EarlyEnds())
		require.Equal(t, events.Summary{Events: 2, Writes: 2, Blocked: 1, Followed: 1, WantWrite: 1}, o.Events)
		require.Equal(t, judge.Pass, judge.Sum(judge.Findings(o)))
	}
}

func TestEnvironmentReachesTheSubject(t *testing.T) {
	setup := setupFor(t, "good")
	setup.Interposer = labtest.Preloadable()
	o := observed(t, setup)
	require.Empty(t, o.Failure)
	require.Equal(t, "/some/prefix/lib "+setup.Interposer+" ", o.Report.LibcurlVersion, "the send buffer is left alone")

	setup.Scenario.Client.SendBuffer = 4096
	require.Equal(t, "/some/prefix/lib "+setup.Interposer+" 4096", observed(t, setup).Report.LibcurlVersion)
}

func TestAnotherOpenSSLDoesNotCount(t *testing.T) {
	setup := setupFor(t, "other OpenSSL")
	setup.Library.Manifest.OpenSSL.Version = "3.5.9"
	require.Equal(t, "the subject used OpenSSL 3.0.19 instead of 3.5.9, which the libcurl in /some/prefix was built against; "+
		"build it again with scripts/build-libcurl", observed(t, setup).Failure)
	for _, wanted := range []string{"3.0.19", ""} {
		setup.Library.Manifest.OpenSSL.Version = wanted
		o := observed(t, setup)
		require.Empty(t, o.Failure, wanted)
		require.Equal(t, "3.0.19", o.Events.OpenSSL)
	}
}

func TestASubjectIsStartedThroughTheLoader(t *testing.T) {
	setup := setupFor(t, "good")
	prefix := t.TempDir()
	loader := filepath.Join(prefix, "loader")
	called := filepath.Join(prefix, "called")
	require.NoError(t, os.WriteFile(loader, []byte("#!/bin/sh\necho \"$1 $2\" >"+called+"\nshift 2\nexec \"$@\"\n"), 0o755))
	setup.Library.OpenSSL = &library.OpenSSLBuild{Prefix: prefix, Loader: "loader"}
	require.Empty(t, observed(t, setup).Failure)
	text, err := os.ReadFile(called)
	require.NoError(t, err)
	require.Equal(t, "--library-path /some/prefix/lib:"+prefix+":"+prefix+"/lib\n", string(text))
}

// A libcurl that no longer pipelines is judged only by what is the same over
// HTTP/2.
func TestALibraryThatMultiplexes(t *testing.T) {
	setup := setupFor(t, "good")
	setup.Library.Manifest = &library.Manifest{LibcurlVersion: "8.14.1", Multiplexing: true}
	setup.Scenario.Client.BlockedSend = 3
	o := observed(t, setup)
	require.Equal(t, "libcurl 8.14.1 has HTTP/2 instead of pipelining, and scenario some-words is different over HTTP/2: "+
		"what its client does is about a pipeline", o.Unimplemented)
	require.Equal(t, judge.NotApplicable, judge.Sum(judge.Findings(o)))

	setup.Scenario.Client.BlockedSend = 0
	o = observed(t, setup)
	require.Empty(t, o.Unimplemented)
	require.Equal(t, plan.Multiplex, o.Plan.Pipelining)

	setup.Library.Manifest.Pipelining = true // a release between 7.47 and 7.61
	require.Equal(t, plan.PipelineHTTP1, observed(t, setup).Plan.Pipelining)
}

func TestAScenarioThatTakesHTTP2(t *testing.T) {
	setup := setupFor(t, "good")
	setup.Scenario.HTTP2 = true
	setup.Library.Manifest = &library.Manifest{LibcurlVersion: "7.53.1-stock", Pipelining: true}
	o := observed(t, setup)
	require.Equal(t, "libcurl 7.53.1-stock has no HTTP/2, as far as is known; scripts/build-libcurl --features full builds one that has",
		o.Unimplemented)
	setup.Library.Manifest.Multiplexing = true
	o = observed(t, setup)
	require.Empty(t, o.Unimplemented)
	require.Equal(t, plan.Multiplex, o.Plan.Pipelining)
}

func TestAnotherVersionOfTLS(t *testing.T) {
	setup := setupFor(t, "good")
	setup.TLS = plan.TLS13
	o := observed(t, setup)
	require.Equal(t, plan.TLS13, o.Plan.TLS)
	require.Equal(t, "TLS 1.3", o.Origin.Connections[0].TLS)
	require.Equal(t, plan.TLS12, setup.Scenario.Client.TLS)

	setup.Scenario.FixedTLS = true
	o = observed(t, setup)
	require.Equal(t, "scenario some-words is about TLS 1.2", o.Unimplemented)
	require.Equal(t, plan.TLS13, o.Scenario.Client.TLS)
	require.Empty(t, o.Origin.Connections)
	require.Equal(t, judge.NotApplicable, judge.Sum(judge.Findings(o)))
}

func TestOldOpenSSLsHaveNoTLS13(t *testing.T) {
	for version, has := range map[string]bool{
		"1.0.1m": false, "1.0.2u": false, "1.1.0l": false, "1.1.1w": true, "3.0.19": true, "4.0.3": true, "10.0.1": true, "": true,
	} {
		setup := setupFor(t, "good")
		setup.Library.Manifest.OpenSSL.Version = version
		setup.Scenario.Client.TLS = plan.TLS13
		want := ""
		if !has {
			want = "OpenSSL " + version + " has no TLS 1.3"
		}
		require.Equal(t, want, observed(t, setup).Unimplemented, version)
		setup.Scenario.Client.TLS = plan.TLS12
		require.Empty(t, observed(t, setup).Unimplemented, version)
	}
}

func TestTheEngineIsForThoseWhoNeedIt(t *testing.T) {
	setup := setupFor(t, "good")
	setup.Engine = "/nowhere/tls-engine"
	require.Empty(t, observed(t, setup).Failure, "Go's own TLS will do")

	setup.Scenario.Origin.EveryAnswer.EventAfter = scenario.HelloRequest
	_, err := Run(context.Background(), setup)
	require.ErrorContains(t, err, "starting the TLS engine /nowhere/tls-engine")
}

func TestWhatGoesWrongInASubject(t *testing.T) {
	for fake, each := range map[string]struct {
		failure, unimplemented string
		report                 bool
	}{
		"crash":                 {failure: "the subject failed: signal: killed"},
		"exit 1":                {failure: "the subject failed: exit status 1: out of memory"},
		"exit 1, silent":        {failure: "the subject failed: exit status 1"},
		"exit 1, wordy":         {failure: "the subject failed: exit status 1: " + strings.Repeat("x", 2000) + "…"},
		"refuses":               {failure: "the subject refused the plan: the plan has no url"},
		"unimplemented":         {unimplemented: `unimplemented: driver "socket"`},
		"unimplemented, silent": {unimplemented: "the subject cannot do this, and does not say what"},
		"other library": {
			failure: "the subject used libcurl 7.47.1-stock instead of 7.53.1-stock in /some/prefix", report: true,
		},
		"prints without end": {failure: "the subject printed more than 16 MB"},
		"prints garbage":     {failure: "the subject printed no report: invalid character 'S' looking for beginning of value"},
		"prints nothing":     {failure: "the subject printed no report: unexpected end of JSON input"},
		"complains":          {failure: "the subject printed to standard error: leak of 7 bytes", report: true},
		"complains, no say":  {failure: "the subject printed no report: unexpected end of JSON input: oops"},
	} {
		t.Run(fake, func(t *testing.T) {
			o := observed(t, setupFor(t, fake))
			require.Equal(t, each.failure, o.Failure)
			require.Equal(t, each.unimplemented, o.Unimplemented)
			require.Equal(t, each.report, o.Report != nil)
			require.NotNil(t, o.Origin)
			want := judge.Fail
			if each.unimplemented != "" {
				want = judge.NotApplicable
			}
			require.Equal(t, want, judge.Sum(judge.Findings(o)))
		})
	}
}

// fifo makes a FIFO for a fake, and removes it with the test.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ready")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	t.Setenv(readyVariable, path)
	return path
}

func TestRunEndsWhenTheUserGivesUp(t *testing.T) {
	path := fifo(t)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		file, err := os.Open(path) // returns when the subject opens it, too
		if err == nil {
			file.Close()
		}
		cancel()
	}()
	o, err := Run(ctx, setupFor(t, "hangs"))
	require.ErrorIs(t, err, context.Canceled)
	require.Nil(t, o)
}

// The limit of a run is a minute, too long for a test. This tests what follows
// from it.
func TestASubjectThatHangsFails(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	out := understand(ctx, errors.New("signal: killed"), nil, "waiting for r0007\n")
	require.Equal(t, &ending{failure: "the subject did not end and was killed: waiting for r0007"}, out)
}

func TestEventsThatMakeNoSenseEndTheRun(t *testing.T) {
	_, err := Run(context.Background(), setupFor(t, "garbles events"))
	require.ErrorContains(t, err, `reading an event of the interposer, "oops\n"`)
}

// The child has the subject's ends of all pipes, and does not end by itself.
func TestAChildThatStaysDoesNotHoldTheRunUpAndIsEnded(t *testing.T) {
	reader, err := os.OpenFile(fifo(t), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer reader.Close()
	o := observed(t, setupFor(t, "leaves a child"))
	require.Equal(t, "the subject ended, but a process that it started kept its output open", o.Failure)
	require.EqualValues(t, 1, o.Events.WantWrite)
	require.NoError(t, reader.SetReadDeadline(time.Now().Add(time.Minute))) // instead of waiting for ever
	said, err := io.ReadAll(reader)                                         // ends when no process has it open for writing
	require.NoError(t, err)
	require.Equal(t, "born", string(said))
}

func TestRunLeavesNothingBehind(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	o := observed(t, setupFor(t, "good"))
	require.Equal(t, folder, filepath.Dir(filepath.Dir(o.Plan.CAFile)))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestRunRefuses(t *testing.T) {
	other, err := origin.Start(origin.Config{})
	require.NoError(t, err)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	defer other.Stop(ended)

	for name, each := range map[string]struct {
		spoil  func(*Setup)
		reason string
	}{
		"a scenario that contradicts itself": {func(s *Setup) { s.Scenario.Client.Requests = 0 }, "there are no requests"},
		"a port in use": {func(s *Setup) {
			s.Address = strings.TrimPrefix(other.URL(), "http://")
		}, "the origin cannot listen on 127.0.0.1:"},
		"a subject that is not there": {func(s *Setup) {
			s.Subject.Path = "/nowhere/subject"
		}, "starting the client /nowhere/subject"},
	} {
		t.Run(name, func(t *testing.T) {
			setup := setupFor(t, "good")
			each.spoil(&setup)
			o, err := Run(context.Background(), setup)
			require.ErrorContains(t, err, each.reason)
			require.NotContains(t, err.Error(), "\n")
			require.Nil(t, o)
		})
	}
}
