package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/lab/labtest"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// fakeVariable makes the test binary behave as a subject.
const fakeVariable = "PIPELAB_TEST_FAKE"

func TestMain(m *testing.M) {
	switch os.Getenv(fakeVariable) {
	case "":
		os.Exit(m.Run())
	case "good":
		labtest.CarryOut()
		labtest.BlockOnce()
	case "unimplemented":
		os.Stderr.WriteString("unimplemented: everything\n")
		os.Exit(plan.ExitUnimplemented)
	}
}

// enterCheckout makes a checkout in which everything is built, and a cache with
// both libraries, and enters it. The subjects are fakes with this name.
func enterCheckout(t *testing.T, fake string) string {
	t.Helper()
	t.Setenv(fakeVariable, fake)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise each subject sleeps at its end
	folder := t.TempDir()
	write(t, filepath.Join(folder, "go.mod"), "module github.com/curlpipe/curlpipe\n")
	write(t, filepath.Join(folder, "patches", "series"), "a.patch\n")
	write(t, filepath.Join(folder, "patches", "a.patch"), "AAA\n")
	series, err := library.SeriesHash(filepath.Join(folder, "patches"))
	require.NoError(t, err)

	executable, err := os.Executable()
	require.NoError(t, err)
	bench := filepath.Join(folder, "build", "subjects")
	require.NoError(t, os.MkdirAll(bench, 0o755))
	for _, name := range subjectNames() {
		require.NoError(t, os.Symlink(executable, filepath.Join(bench, name)))
	}
	require.NoError(t, os.Symlink(labtest.Preloadable(), filepath.Join(bench, "libinterposer.so")))
	require.NoError(t, os.Symlink(executable, filepath.Join(bench, "tls-engine"))) // which no run here needs
	asker := filepath.Join(bench, "libcurl-version")                               // the libraries here are text files
	write(t, asker, "#!/bin/sh\ntr -d '\\0' <\"$1\" | sed 's|.*libcurl/||'\n")
	require.NoError(t, os.Chmod(asker, 0o755))

	t.Setenv("CURLPIPE_CACHE", filepath.Join(folder, "cache"))
	addLibrary(t, folder, library.Manifest{Variant: library.Stock})
	addLibrary(t, folder, library.Manifest{Variant: library.Patched, PatchSeries: series})
	t.Chdir(folder)
	return folder
}

// addLibrary adds a build to the cache of the checkout.
func addLibrary(t *testing.T, checkout string, m library.Manifest) {
	t.Helper()
	m.OpenSSL.Version = "3.0.19"
	addBuild(t, checkout, m.Variant, m)
}

// addBuild adds a build of 7.53.1 with this name to the cache.
func addBuild(t *testing.T, checkout, name string, m library.Manifest) {
	t.Helper()
	m.Version, m.LibcurlVersion, m.Pipelining = "7.53.1", "7.53.1-"+m.Variant, true
	text, err := json.Marshal(m)
	require.NoError(t, err)
	prefix := filepath.Join(checkout, "cache", "libcurl", "by-name", name)
	write(t, filepath.Join(prefix, "lib", "libcurl.so.4"), "libcurl/"+m.LibcurlVersion+"\x00")
	write(t, filepath.Join(prefix, "manifest.json"), string(text))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// pipelab runs a command line.
func pipelab(arguments ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = execute(context.Background(), arguments, &out, &err)
	return code, out.String(), err.String()
}

// requireOneLine requires that the output is one readable line.
func requireOneLine(t *testing.T, stdout, stderr string) {
	t.Helper()
	require.Empty(t, stdout)
	require.Regexp(t, `^pipelab: [^\n]+\n$`, stderr)
}

// runsIn reads the file of --json.
func runsIn(t *testing.T, file string) []outcome.Run {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var document report.Document
	require.NoError(t, json.Unmarshal(text, &document))
	return document.Runs
}
