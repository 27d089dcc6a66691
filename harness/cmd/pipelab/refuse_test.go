package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

func TestCommandLinesThatMakeNoSense(t *testing.T) {
	enterCheckout(t, "good")
	for name, each := range map[string]struct {
		arguments string
		reason    string
	}{
		"no command":               {"", "a command is needed; pipelab --help lists them"},
		"an unknown command":       {"walk", `unknown command "walk" for "pipelab"; pipelab --help lists them`},
		"a word too many":          {"run reported", `unknown command "reported"`},
		"a word too many for list": {"list all", `unknown command "all"`},
		"an unknown flag":          {"run --scenarios reported", "unknown flag: --scenarios; pipelab run --help lists them"},
		"a flag without value":     {"run --scenario", "flag needs an argument: --scenario"},
		"no number":                {"run --repeat often", `--repeat takes a whole number, not "often"; see pipelab run --help`},
		"no repetition":            {"run --repeat 0", "--repeat must be 1 or more, not 0"},
		"less than none":           {"run --repeat -3", "--repeat must be 1 or more, not -3"},
		"a negative seed":          {"run --seed -1", `--seed takes a whole number, 0 or more, not "-1"`},
		"fewer requests than none": {"run --requests -1", "--requests must be 1 to 100000, not -1"},
		"no requests":              {"run --requests 0", "--requests must be 1 to 100000, not 0"},
		"requests without end":     {"run --requests 99999999", "--requests must be 1 to 100000, not 99999999"},
		"a number too large":       {"run --repeat 99999999999999999999", "--repeat takes a whole number that is not so large"},
		"no time":                  {"fleet --patience soon", `--patience takes a time as 90s or 2m, not "soon"; see pipelab fleet --help`},
		"no time for a subject":    {"run --time-limit 0s", "--time-limit must be more than 0, not 0s"},
		"a wrapper half quoted":    {"run --wrap 'gdb", `--wrap "'gdb": `},
		"a wrapper of nothing":     {"run --wrap #", `--wrap "#"`},
		"an unknown wrapper":       {"run --wrap nowhere", `--wrap "nowhere": exec: "nowhere": executable file not found`},
		"a library twice":          {"run --library stock,stock", `--library has "stock" twice`},
		"a report of a file":       {"report go.mod", "go.mod is a file: report takes a folder"},
		"requests for none":        {"run --scenario head-with-body --requests 7", "no scenario can be run with 7 requests"},
		"no time to soak":          {"soak --minutes 0", "--minutes and --jobs must be more than 0"},
		"nobody to soak":           {"soak --jobs 0", "--minutes and --jobs must be more than 0"},
		"an unknown scenario":      {"run --scenario reporte", `no scenario matches "reporte"; there are: honest-origin, added-at-once, reported`},
		"a broken pattern":         {"run --scenario [", `scenario pattern "["`},
		"an unknown subject":       {"run --subject wget", `there is no subject "wget"; there are: c-demo, go-curl, curlpipe`},
		"an unknown driver":        {"run --driver poll", `there is no driver "poll"; there are: perform, socket`},
		"a driver that none has":   {"run --subject go-curl --driver socket", "none of the subjects has one of the drivers"},
		"an unknown TLS":           {"run --tls 1.1", `there is no version of TLS "1.1"; there are: 1.2, 1.3`},
		"no shard":                 {"matrix --shard 3/2", `--shard: "3/2" is no shard`},
		"nobody for a matrix":      {"matrix --jobs 0", "--jobs must be 1 or more, not 0"},
		"a gap without reason":     {"matrix --unavailable sid", "--unavailable is of the form NAME=REASON"},
		"the same twice":           {"matrix --tls 1.2,1.3,1.2", "--tls names 1.2 twice"},
		"a fleet of nobody":        {"fleet --clients 0", "a fleet needs at least one client"},
		"a fleet of nobody known":  {"fleet --client wget", `there is no program of clients "wget"; there are: c-fleet, curlpipe-fleet`},
		"half a second's patience": {"fleet --patience 500ms", "--patience is in whole seconds, not 500ms"},
		"half a fleet":             {"fleet --shard 1/2", "shards meet at a server; name the one of pipelab fleet serve"},
		"no shard of a fleet":      {"fleet --shard 0/2", `--shard: "0/2" is no shard`},
		"a fleet over old TLS":     {"fleet --tls 1.1", `unknown version of TLS "1.1"`},
		"a picture of a shard":     {"fleet --server http://x --shard 1/2 --svg x.svg", "a shard has no picture and no table to keep"},
		"nothing but gaps":         {"matrix --openssl sid --unavailable sid=gone", "nothing to run: everything that is asked for is unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := pipelab(strings.Fields(each.arguments)...)
			require.Equal(t, exitUsage, code)
			requireOneLine(t, stdout, stderr)
			require.Contains(t, stderr, each.reason)
		})
	}
}

func TestWhatKeepsRunsFromBeingMade(t *testing.T) {
	other, err := origin.Start(origin.Config{})
	require.NoError(t, err)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	defer other.Stop(ended)
	taken := strings.TrimPrefix(other.URL(), "http://")

	for name, each := range map[string]struct {
		spoil     func(t *testing.T, checkout string)
		arguments string
		reason    string
	}{
		"no checkout": {func(t *testing.T, checkout string) {
			require.NoError(t, os.Remove(filepath.Join(checkout, "go.mod")))
		}, "", "no checkout of curlpipe found"},
		"no interposer": {func(t *testing.T, checkout string) {
			require.NoError(t, os.Remove(filepath.Join(checkout, "build", "subjects", "libinterposer.so")))
		}, "", "the interposer is not built"},
		"no TLS engine": {func(t *testing.T, checkout string) {
			require.NoError(t, os.Remove(filepath.Join(checkout, "build", "subjects", "tls-engine")))
		}, "", "the origin's TLS engine is not built"},
		"a subject that is not built": {func(t *testing.T, checkout string) {
			require.NoError(t, os.Remove(filepath.Join(checkout, "build", "subjects", "go-curl")))
		}, "", "the subject go-curl is not built"},
		"a library that is not built": {func(t *testing.T, checkout string) {
			require.NoError(t, os.RemoveAll(filepath.Join(checkout, "cache")))
		}, "", `the libcurl "stock" is not built yet; run scripts/build-libcurl --variant stock`},
		"a stale library": {func(t *testing.T, checkout string) {
			write(t, filepath.Join(checkout, "patches", "a.patch"), "BBB\n")
		}, "", `the libcurl "patched" was built from another patch series`},
		"a library that cannot pipeline": {func(t *testing.T, checkout string) {
			write(t, filepath.Join(checkout, "new", "lib", "libcurl.so.4"), "libcurl/7.88.1\x00")
		}, "--library ./new", "libcurl 7.88.1 in"},
		"an unknown library":          {nil, "--library stick", `there is no libcurl named "stick"; built so far: patched, stock`},
		"no library":                  {nil, "--library=", "no libcurl is named"},
		"a prefix without libcurl":    {nil, "--library ./patches", `"./patches" is no prefix of a libcurl`},
		"a port in use":               {nil, "--listen " + taken, "the origin cannot listen on " + taken},
		"an address that is none":     {nil, "--listen nowhere", "the origin cannot listen on nowhere"},
		"no folder for the JSON":      {nil, "--json nowhere/runs.json", "--json nowhere/runs.json: there is no folder for it"},
		"a broken manifest":           {breakManifest, "", "manifest.json is no manifest"},
		"a subject that is no binary": {breakSubject, "", "starting the client"},
	} {
		t.Run(name, func(t *testing.T) {
			checkout := enterCheckout(t, "good")
			if each.spoil != nil {
				each.spoil(t, checkout)
			}
			arguments := append([]string{"run", "--scenario", "honest-origin"}, strings.Fields(each.arguments)...)
			code, stdout, stderr := pipelab(arguments...)
			require.Equal(t, exitCannotRun, code)
			requireOneLine(t, stdout, stderr)
			require.Contains(t, stderr, each.reason)
		})
	}
}

func breakManifest(t *testing.T, checkout string) {
	write(t, filepath.Join(checkout, "cache", "libcurl", "by-name", library.Stock, "manifest.json"), "{")
}

func breakSubject(t *testing.T, checkout string) {
	path := filepath.Join(checkout, "build", "subjects", "c-demo")
	require.NoError(t, os.Remove(path))
	write(t, path, "no program")
}

func TestRunThatIsInterrupted(t *testing.T) {
	enterCheckout(t, "good")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr strings.Builder
	code := execute(ctx, []string{"run", "--scenario", "honest-origin", "--json", "runs.json"}, &stdout, &stderr)
	require.Equal(t, exitCannotRun, code)
	requireOneLine(t, stdout.String(), stderr.String())
	require.Contains(t, stderr.String(), "context canceled")
	require.NoFileExists(t, "runs.json")
}
