package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/scenario"
)

// pipelab runs the command line and returns what it printed.
func pipelab(arguments ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = execute(context.Background(), arguments, &out, &err)
	return code, out.String(), err.String()
}

func TestBadArgumentsGetOneLine(t *testing.T) {
	for name, each := range map[string]struct {
		arguments []string
		says      string
	}{
		"no command":       {nil, "a command is needed: list or run"},
		"unknown command":  {[]string{"rum"}, `unknown command "rum"`},
		"unknown flag":     {[]string{"run", "--scenarios", "x"}, "unknown flag: --scenarios"},
		"stray argument":   {[]string{"run", "reported"}, `unknown command "reported"`},
		"unknown scenario": {[]string{"run", "--scenario", "reportd"}, `no scenario matches "reportd"; there are: honest-origin, reported`},
		"unknown subject":  {[]string{"run", "--subject", "wget"}, `there is no subject "wget"; there are: c-demo, go-curl, curlpipe`},
		"unknown driver":   {[]string{"run", "--driver", "poll"}, `there is no driver "poll"; there are: perform, socket`},
		"nothing left":     {[]string{"run", "--subject", "go-curl", "--driver", "socket"}, "none of the subjects has one of the drivers"},
		"no repetition":    {[]string{"run", "--repeat", "0"}, "--repeat must be 1 or more, not 0"},
		"no number":        {[]string{"run", "--repeat", "many"}, `invalid argument "many"`},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := pipelab(each.arguments...)
			require.Equal(t, exitUsage, code, stderr)
			require.Empty(t, stdout)
			require.Contains(t, stderr, each.says)
			require.True(t, strings.HasPrefix(stderr, "pipelab: "), stderr)
			require.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
		})
	}
}

func TestMissingLibraryNamesTheScript(t *testing.T) {
	t.Setenv("CURLPIPE_CACHE", t.TempDir())
	code, _, stderr := pipelab("run", "--scenario", "reported")
	require.Equal(t, exitCannotRun, code)
	require.Equal(t, "pipelab: the libcurl \"stock\" is not built yet; run scripts/build-libcurl --variant stock\n", stderr)
}

func TestPrefixWithoutLibcurl(t *testing.T) {
	code, _, stderr := pipelab("run", "--scenario", "reported", "--library", t.TempDir()+"/")
	require.Equal(t, exitCannotRun, code)
	require.Contains(t, stderr, "is no prefix of a libcurl")
	require.Equal(t, 1, strings.Count(stderr, "\n"))
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--listen", taken.Addr().String())
	require.Equal(t, exitCannotRun, code)
	require.Contains(t, stderr, "address already in use")
	require.Equal(t, 1, strings.Count(stderr, "\n"))
}

func TestListNamesEveryScenario(t *testing.T) {
	code, stdout, stderr := pipelab("list")
	require.Equal(t, exitExpected, code, stderr)
	for _, s := range scenario.All() {
		require.Contains(t, stdout, "  "+s.ID+" ")
		require.Contains(t, stdout, s.Summary)
	}
}

func TestListAsJSON(t *testing.T) {
	code, stdout, stderr := pipelab("list", "--json")
	require.Equal(t, exitExpected, code, stderr)
	var lists map[string][]item
	require.NoError(t, json.Unmarshal([]byte(stdout), &lists))
	require.Len(t, lists["scenarios"], len(scenario.All()))
	require.NotEmpty(t, lists["subjects"])
	require.NotEmpty(t, lists["invariants"])
}

func TestRunWritesTheTableAndTheJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "runs.json")
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo",
		"--library", "patched", "--repeat", "2", "--seed", "7", "--json", file)
	require.Equal(t, exitExpected, code, stderr)
	require.Contains(t, stdout, "pass 2/2")
	require.Contains(t, stderr, "[2/2] honest-origin, c-demo (perform), libcurl 7.53.1 patched: pass in ")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var document struct {
		OpenSSL string `json:"openssl"`
		Runs    []struct {
			Seed       uint64 `json:"seed"`
			Repetition int    `json:"repetition"`
			Verdict    string `json:"verdict"`
		} `json:"runs"`
	}
	require.NoError(t, json.Unmarshal(text, &document))
	require.NotEmpty(t, document.OpenSSL)
	require.Len(t, document.Runs, 2)
	require.Equal(t, []uint64{7, 8}, []uint64{document.Runs[0].Seed, document.Runs[1].Seed})
	require.Equal(t, "pass", document.Runs[1].Verdict)
}

func TestJSONThatCannotBeWritten(t *testing.T) {
	code, stdout, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo",
		"--library", "patched", "--json", filepath.Join(t.TempDir(), "missing", "runs.json"))
	require.Equal(t, exitCannotRun, code)
	require.Contains(t, stdout, "pass", "the table is not lost")
	require.Contains(t, stderr, "runs.json")
}
