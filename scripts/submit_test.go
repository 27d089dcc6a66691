package scripts_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubmitRefusesCommandLines(t *testing.T) {
	taken := t.TempDir()
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "name the folder to make"},
		{[]string{"--nonsense", "out"}, 2, "unknown argument --nonsense"},
		{[]string{"one", "two"}, 2, "give one folder"},
		{[]string{"out", "--base"}, 2, "--base needs a value"},
		{[]string{"--source"}, 2, "--source needs a value"},
		{[]string{"--ref", "master", "out"}, 2, "--ref goes with a --source that is a clone"},
		{[]string{"--base", "7.53", "out"}, 2, "of the form 7.53.1, not 7.53"},
		{[]string{"--for", "suse", "out"}, 2, "--for is upstream, rpm, debian or tests, not suse"},
		{[]string{"--evidence"}, 2, "--evidence needs a value"},
		{[]string{"--evidence", "/nowhere", "out"}, 1, "/nowhere: may not be read"},
		{[]string{taken}, 1, taken + " exists already: choose another folder"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			w := newWorld(t)
			requireRefused(t, w.run("submit", test.args...), test.code, "submit: ", test.says)
			require.NoDirExists(t, w.cache)
		})
	}
}

// submitting is a checkout whose tools are stubs: everything that submit calls
// says yes, and pipelab submit what the test wants.
func submitting(t *testing.T, pipelab string) (*world, string) {
	t.Helper()
	w := newCheckout(t)
	for _, name := range []string{"scripts/setup", "scripts/build-libcurl", "scripts/build-subjects", "build/pipelab"} {
		path := filepath.Join(w.root, name)
		w.write(path, "#!/bin/sh\n[ \"${0##*/}\" = pipelab ] || exit 0\n"+pipelab+"\n")
		require.NoError(t, os.Chmod(path, 0o755))
	}
	for name, text := range map[string]string{"series": "0101-a.patch\n", "0101-a.patch": "a\n", "proof": "# why\n0101 x/perform\n0301 none: y\n"} {
		w.write(filepath.Join(w.root, "patches", name), text)
	}
	archive := filepath.Join(w.cache, "sources", "curl-7.53.1.tar.bz2")
	w.write(filepath.Join(filepath.Dir(archive), "curl-7.53.1", "include", "curl", "curlver.h"), tinyVersion("7.53.1"))
	require.NoError(t, exec.Command("tar", "-C", filepath.Dir(archive), "-cf", archive, "curl-7.53.1").Run())
	text, err := os.ReadFile(archive)
	require.NoError(t, err)
	w.write(filepath.Join(w.root, "scripts/data/curl-releases.tsv"), fmt.Sprintf("7.53.1\t%x\t1\n", sha256.Sum256(text)))
	return w, filepath.Join(t.TempDir(), "out")
}

func TestSubmitExitsWithOneWhenTheSeriesIsRefused(t *testing.T) {
	w, out := submitting(t, "echo 'pipelab: 0002-b.patch: no proof' >&2; exit 3")
	evidence := filepath.Join(t.TempDir(), "runs.json")
	w.write(evidence, "{}")
	got := w.run("submit", "--base", "7.53.1", "--evidence", evidence, out)
	require.Equal(t, 1, got.code)
	require.Equal(t, "pipelab: 0002-b.patch: no proof\n", got.stderr)
	require.NoDirExists(t, out)
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")), "the scratch folder is left")
}

func TestSubmitMakesTheRunsWithoutEvidence(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	w, out := submitting(t, `echo "$*" >> `+said)
	got := w.run("submit", "--base", "7.53.1", out)
	require.Zero(t, got.code, got.stderr)
	calls, err := os.ReadFile(said)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(calls)), "\n")
	require.Len(t, lines, 4)
	kept := filepath.Join(w.cache, "tmp", "submit", "kept")
	require.Contains(t, lines[0], "run --scenario * --library stock-7.53.1,patched-7.53.1 --subject c-demo --driver perform,socket")
	require.Contains(t, lines[0], "--out "+kept)
	require.Regexp(t, "^fleet .*--library stock-7.53.1,patched-7.53.1 --json "+kept+"/fleet.json$", lines[1])
	require.Equal(t, "report "+kept, lines[2])
	require.Contains(t, lines[3], "submit --for upstream --patches "+filepath.Join(w.cache, "tmp", "submit", "plain")+" --tree ")
	require.Contains(t, lines[3], "--base libcurl 7.53.1 ")
	require.Contains(t, lines[3], "--report "+kept+" --build-argument --version,7.53.1 "+out)
}

// What the series goes on top of may be any source that build-libcurl takes;
// then the builds go by their folders, and pipelab is told how to make more.
func TestSubmitTakesASource(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	w, out := submitting(t, `echo "$*" >> `+said)
	w.write(filepath.Join(w.root, "scripts", "build-libcurl"), "#!/bin/sh\necho \"/prefix-of-$2\"\n")
	tree := w.tree(nil)
	got := w.run("submit", "--source", tree, out)
	require.Zero(t, got.code, got.stderr)
	calls, err := os.ReadFile(said)
	require.NoError(t, err)
	require.Contains(t, string(calls), "--library /prefix-of-stock,/prefix-of-patched --subject")
	require.Contains(t, string(calls), "--base libcurl 7.53.1 ")
	require.Contains(t, string(calls), "--build-argument --source,"+tree+" "+out)
}

func TestSubmitNeedsGit(t *testing.T) {
	w := newWorld(t)
	w.hide("git")
	requireRefused(t, w.run("submit", filepath.Join(t.TempDir(), "out")), 1, "not found: git; run as root: apt-get install git")
}

func TestSubmitStopsWhenARunIsNotAsExpected(t *testing.T) {
	w, out := submitting(t, "echo; echo 'reported, 7.53.1 patched: fail, NOT as expected, which is pass (seed 7)'; exit 1")
	got := w.run("submit", "--base", "7.53.1", out)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "submit: a run did not come out as expected: reported, 7.53.1 patched: fail, NOT as expected, which is pass (seed 7); log: "+w.cache)
	require.NoDirExists(t, out)
}
