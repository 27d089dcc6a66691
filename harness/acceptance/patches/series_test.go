// Package patches_test checks the form of the patch series: it applies with git
// am, patch by patch; each patch has the required fields; and curl's own
// checker finds nothing in its changes.
package patches_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	upstream "github.com/curlpipe/curlpipe/harness/upstream/series"
)

// TestMain enters the folder that the tests check.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../../patches"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// series returns the names of the patches in order.
func series(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("series")
	require.NoError(t, err)
	return strings.Fields(string(text))
}

func TestSeriesListsEveryPatchOnce(t *testing.T) {
	files, err := filepath.Glob("*.patch")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(name string) bool { return strings.Contains(name, "@") }) // other texts
	require.ElementsMatch(t, files, series(t))
	require.IsIncreasing(t, series(t), "the names tell the order")
}

func TestEveryPatchHasItsFields(t *testing.T) {
	fields := map[string]*regexp.Regexp{
		"author":      regexp.MustCompile(`(?m)^From: .+ <.+@.+>$`),
		"subject":     regexp.MustCompile(`(?m)^Subject: \[PATCH\] [a-z0-9]+: [^A-Z].{1,90}[^.]$`),
		"bug":         regexp.MustCompile(`(?m)^Bug: https://github\.com/curl/curl/issues/[0-9]+$`),
		"forwarded":   regexp.MustCompile(`(?m)^Forwarded: (no|not-needed|https://.+)$`),
		"last update": regexp.MustCompile(`(?m)^Last-Update: 20[0-9]{2}-[0-9]{2}-[0-9]{2}$`),
	}
	for _, name := range series(t) {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		head, body, found := strings.Cut(string(text), "\n\n")
		require.True(t, found, name)
		for what, field := range fields {
			require.Regexp(t, field, head, "%s: %s", name, what)
		}
		message, _, found := strings.Cut(body, "\n---\n")
		require.True(t, found, "%s has no message", name)
		for _, line := range strings.Split(message, "\n") {
			require.LessOrEqual(t, len(line), 75, "%s: a line of the message is too long: %s", name, line)
		}
	}
}

func TestSeriesGoesInAndIsCleanAtEveryStep(t *testing.T) {
	tree := t.TempDir()
	require.NoError(t, os.CopyFS(tree, os.DirFS(source(t))))
	git(t, tree, "init", "-q")
	git(t, tree, "add", "-A")
	git(t, tree, "commit", "-q", "-m", "libcurl 7.53.1")
	for _, name := range series(t) {
		patch, err := filepath.Abs(name)
		require.NoError(t, err)
		put(t, tree, patch, "am", "-q")
		for file := range strings.FieldsSeq(git(t, tree, "diff", "--name-only", "HEAD^", "HEAD")) {
			folder, base := filepath.Split(file)
			if ext := filepath.Ext(base); ext != ".c" && ext != ".h" {
				continue // curl does not check files other than C for this either
			}
			said := run(t, tree, "perl", "lib/checksrc.pl", "-D"+filepath.Clean(folder), base)
			require.Empty(t, said, "lib/checksrc.pl about %s after %s", file, name)
		}
	}
}

// put applies a patch with git apply, as far as the tree has the files that it
// changes.
func put(t *testing.T, tree, patch string, command ...string) {
	t.Helper()
	absent, err := (&upstream.Patch{Path: patch}).Absent(tree)
	require.NoError(t, err)
	for _, file := range absent {
		command = append(command, "--exclude="+file)
	}
	git(t, tree, append(command, patch)...)
}

// source returns the libcurl 7.53.1 that scripts/build-libcurl has downloaded.
func source(t *testing.T) string {
	t.Helper()
	cache, err := library.DefaultCache()
	require.NoError(t, err)
	found, err := filepath.Glob(filepath.Join(cache, "sources", "tree-*", "lib", "checksrc.pl"))
	require.NoError(t, err)
	require.NotEmpty(t, found, "the source of libcurl is not there: run scripts/build-libcurl")
	return filepath.Dir(filepath.Dir(found[0]))
}

func git(t *testing.T, tree string, arguments ...string) string {
	t.Helper()
	identity := []string{"-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"}
	return run(t, tree, "git", append(identity, arguments...)...)
}

func run(t *testing.T, folder, program string, arguments ...string) string {
	t.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = folder
	said, err := command.CombinedOutput()
	require.NoError(t, err, "%s %s: %s", program, strings.Join(arguments, " "), said)
	return string(said)
}
