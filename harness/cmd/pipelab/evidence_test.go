package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

func TestOutKeepsTheEvidenceOfEachRun(t *testing.T) {
	enterCheckout(t, "good")
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--seed", "7", "--out", "out",
		"--repeat", "2")
	require.Equal(t, exitExpected, code, stderr)
	all, err := evidence.ReadAll("out")
	require.NoError(t, err)
	var names []string
	for _, e := range all {
		names = append(names, e.Path)
	}
	require.Equal(t, []string{
		"out/honest-origin/c-demo-perform-patched", "out/honest-origin/c-demo-perform-patched-2",
		"out/honest-origin/c-demo-perform-stock", "out/honest-origin/c-demo-perform-stock-2",
	}, names)
	require.Equal(t, "build/pipelab run --scenario honest-origin --subject c-demo --driver perform --library stock --seed 8",
		all[3].Record.Run.Command)
	require.Len(t, all[0].Origin.Connections, 1)
	require.Equal(t, "stock", all[2].Record.Manifest.Variant)
	require.FileExists(t, filepath.Join(names[0], evidence.OutputFile))

	var programs []string
	for _, p := range all[0].Record.Programs {
		programs = append(programs, p.Name)
		require.Len(t, p.SHA256, 64, p.Name)
	}
	require.Equal(t, []string{"c-demo", "libcurl.so.4", "libinterposer.so"}, programs)
	require.NotEqual(t, all[0].Record.Programs[1], all[2].Record.Programs[1], "another libcurl")
}

func TestEvidenceOfASubjectThatBreaksDown(t *testing.T) {
	enterCheckout(t, "silent")
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--library", "patched", "--out", "out")
	require.Equal(t, exitUnexpected, code, stderr)
	e, err := evidence.Read("out/honest-origin/c-demo-perform-patched")
	require.NoError(t, err)
	require.Contains(t, e.Record.Run.SubjectError, "the subject printed no report")
	require.Equal(t, judge.Fail, e.Record.Run.Verdict)
	code, _, stderr = pipelab("report", "out")
	require.Equal(t, exitExpected, code, stderr)
	require.Contains(t, contentOf(t, "out/index.html"), "the subject printed no report")
}

func TestCaptureNeedsAFolder(t *testing.T) {
	enterCheckout(t, "good")
	code, stdout, stderr := pipelab("run", "--capture")
	require.Equal(t, exitUsage, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "--capture needs --out DIR")
}

func TestEachVersionOfTLSHasAFolder(t *testing.T) {
	enterCheckout(t, "good")
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--library", "patched", "--tls", "1.2,1.3",
		"--out", "out")
	require.Equal(t, exitExpected, code, stderr)
	for _, version := range []string{"1.2", "1.3"} {
		e, err := evidence.Read("out/honest-origin/c-demo-perform-patched-tls" + version)
		require.NoError(t, err)
		require.Equal(t, version, e.Record.Run.TLS)
	}
}

func TestLibrariesOfTheSameNameAreNotMixed(t *testing.T) {
	enterCheckout(t, "good")
	write(t, "one/own/lib/libcurl.so.4", "libcurl/7.47.1-mine\x00")
	write(t, "two/own/lib/libcurl.so.4", "libcurl/7.47.1-mine\x00")
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--library", "one/own,two/own", "--out", "out")
	require.Equal(t, exitUsage, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "two runs in the folder honest-origin/c-demo-perform-own, with one/own and two/own")
}

func TestOutThatCannotBeWritten(t *testing.T) {
	enterCheckout(t, "good")
	write(t, "taken", "")
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--out", "taken")
	require.Equal(t, exitCannotRun, code)
	requireOneLine(t, stdout, stderr)
}

// The test binary is started again without the capability.
func TestWithoutTheCapabilityTheRestIsWritten(t *testing.T) {
	const again = "PIPELAB_TEST_UNABLE"
	if os.Getenv(again) != "" {
		t.Run("run", runUnable)
		t.Run("check", checkUnable)
		return
	}
	executable, err := os.Executable()
	require.NoError(t, err)
	arguments := []string{executable, "-test.run=^" + t.Name() + "$", "-test.v"}
	if os.Geteuid() == 0 {
		arguments = append([]string{"setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"}, arguments...)
	}
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Env = append(os.Environ(), again+"=1")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}

func runUnable(t *testing.T) {
	enterCheckout(t, "good")
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--capture", "--out", "out")
	require.Equal(t, exitCannotRun, code)
	require.Equal(t, 1, strings.Count(stderr, "without CAP_NET_RAW"), stderr)
	require.Contains(t, stderr, "there are no packets in out, the rest is there")
	require.Equal(t, 2, strings.Count(stdout, "  pass"))
	all, err := evidence.ReadAll("out")
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Contains(t, all[0].Record.NoPackets, "CAP_NET_RAW")
}

func checkUnable(t *testing.T) {
	enterCheckout(t, "good")
	t.Setenv("LD_LIBRARY_PATH", "")
	code, stdout, stderr := pipelab("check", "--plain", "--capture", "--out", "out", "--", "curl", "-s", "{url}")
	require.Equal(t, exitCannotRun, code)
	require.Equal(t, 1, strings.Count(stderr, "without CAP_NET_RAW"), stderr)
	require.Contains(t, stderr, "no packets were captured")
	require.Contains(t, stdout, "curl: pass")
	e, err := evidence.Read("out/check/curl")
	require.NoError(t, err)
	require.Equal(t, 1, e.Record.Run.Answered)
	require.Contains(t, e.Record.NoPackets, "CAP_NET_RAW")
}
