package submission

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newHTTPTest returns the test in the checkout, on top of a clone with a
// tests/http.
func newHTTPTest(t *testing.T) *HTTPTest {
	t.Helper()
	clone := newClone(t, "tests/http/testenv/env.py")
	return &HTTPTest{Folder: "../../../patches/tests-http", Clone: clone, Ref: "base"}
}

// newClone makes a repository with this file in it, and a
// tests/http/Makefile.am.
func newClone(t *testing.T, file string) string {
	t.Helper()
	clone := t.TempDir()
	put(t, clone, file, "")
	put(t, clone, "tests/http/Makefile.am", "EXTRA_DIST =           \\\nconftest.py            \\\n$(TESTENV)\n\nclean-local:\n")
	for _, arguments := range [][]string{{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "first"}, {"tag", "base"}} {
		said, err := exec.Command("git", append([]string{"-C", clone}, arguments...)...).CombinedOutput()
		require.NoError(t, err, string(said))
	}
	return clone
}

func TestHTTPTest(t *testing.T) {
	h := newHTTPTest(t)
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, h.Write(out))

	mails, err := filepath.Glob(filepath.Join(out, Mails, "*"))
	require.NoError(t, err)
	require.Len(t, mails, 1)
	one := read(t, mails[0])
	require.Contains(t, one, "\nSubject: [PATCH] tests/http: check that blocked TLS writes are repeated\n")
	require.Contains(t, one, " conftest.py            \\\n+test_70_write_retry.py \\\n+write_retry.c          \\\n $(TESTENV)\n")
	require.Contains(t, one, "\nRef: https://github.com/curl/curl/pull/18132\n---\n")

	pull := read(t, out, PullRequest)
	require.Contains(t, pull, "# tests/http: check that blocked TLS writes are repeated\n")
	require.Contains(t, pull, "| libcurl | result |\n| --- | --- |\n| 8.14.1 ")

	_, err = os.Stat(filepath.Join(h.Clone, "tests/http/write_retry.c"))
	require.ErrorIs(t, err, os.ErrNotExist, "the clone was changed")

	said, err := exec.Command("git", "-C", h.Clone, "-c", "user.name=a", "-c", "user.email=a@b.example", "am", "-q", mails[0]).CombinedOutput()
	require.NoError(t, err, string(said))
	for _, name := range HTTPTestFiles {
		require.Equal(t, read(t, h.Folder, name), read(t, h.Clone, "tests/http", name))
	}
}

func TestHTTPTestRefused(t *testing.T) {
	for word, change := range map[string]func(h *HTTPTest, out string){
		"exists already":             func(_ *HTTPTest, out string) { put(t, out, "mine", "x") },
		"is no clone":                func(h *HTTPTest, _ string) { h.Clone = t.TempDir() },
		"has no nowhere: give":       func(h *HTTPTest, _ string) { h.Ref = "nowhere" },
		"has no tests/http/testenv":  func(h *HTTPTest, _ string) { h.Clone = newClone(t, "README") },
		"reading the words":          func(h *HTTPTest, _ string) { h.Folder = t.TempDir() },
		"has no table of results":    func(h *HTTPTest, _ string) { h.Folder = without(t, h.Folder, "README.md") },
		"test_70_write_retry.py: no": func(h *HTTPTest, _ string) { h.Folder = without(t, h.Folder, "test_70_write_retry.py") },
	} {
		h := newHTTPTest(t)
		out := filepath.Join(t.TempDir(), "out")
		change(h, out)
		require.ErrorContains(t, h.Write(out), word)
		_, err := os.Stat(filepath.Join(out, Mails))
		require.ErrorIs(t, err, os.ErrNotExist, word)
	}
}

// without copies a folder and omits a file, or empties a README.
func without(t *testing.T, folder, name string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(copied, os.DirFS(folder)))
	if name == "README.md" {
		put(t, copied, name, "")
		return copied
	}
	require.NoError(t, os.Remove(filepath.Join(copied, name)))
	return copied
}
