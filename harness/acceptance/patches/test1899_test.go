package patches_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
)

// root is the checkout.
func root(t *testing.T) string {
	t.Helper()
	found, err := checkout.Find()
	require.NoError(t, err)
	return found.Folder
}

// script runs one of our scripts and returns its output.
func script(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(filepath.Join(root(t), "scripts", name), arguments...)
	command.Stderr = os.Stderr
	said, err := command.Output()
	require.NoError(t, err, name)
	return strings.TrimSpace(string(said))
}

// patchedTree returns libcurl's source with the series in it.
func patchedTree(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	require.NoError(t, os.CopyFS(tree, os.DirFS(source(t))))
	git(t, tree, "init", "-q")
	for _, name := range series(t) {
		patch, err := filepath.Abs(name)
		require.NoError(t, err)
		put(t, tree, patch, "apply")
	}
	return tree
}

// TestRegressionTestOfCurl compiles test 1899 of the series with the main
// program of curl's own tests, and runs it as curl's test suite would. Stock
// libcurl fails, and with patched the output is the one in the test's data
// file.
func TestRegressionTestOfCurl(t *testing.T) {
	tree := patchedTree(t)
	suite := script(t, "curl-suite", "--frame")
	frame := filepath.Join(suite, "tests", "libtest")
	data, err := os.ReadFile(filepath.Join(tree, "tests", "data", "test1899"))
	require.NoError(t, err)
	want := between(t, string(data), "<stdout>\n", "</stdout>")
	url := strings.TrimSpace(between(t, string(data), "<command>\n", "</command>"))

	for _, variant := range []string{"stock", "patched"} {
		prefix := script(t, "build-libcurl", "--variant", variant)
		program := filepath.Join(t.TempDir(), "lib1899")
		run(t, tree, "cc", "-DHAVE_CONFIG_H", "-DHAVE_SOCKETPAIR",
			"-Dmsnprintf=curl_msnprintf", // the newer main program's name for it
			"-I", filepath.Join(root(t), "scripts", "data"), "-I", prefix+"/include", "-I", "lib", "-I", frame, "-I", suite+"/lib",
			"tests/libtest/lib1899.c", suite+"/lib/timediff.c", filepath.Join(frame, "first.c"), filepath.Join(frame, "testutil.c"),
			"-o", program, "-L", prefix+"/lib", "-lcurl")
		command := exec.Command(program, url)
		command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+prefix+"/lib")
		said, err := command.Output()
		if variant == "patched" {
			require.NoError(t, err)
			require.Equal(t, want, string(said))
			continue
		}
		require.Error(t, err, "the stock libcurl passes")
		require.Equal(t, "second request whole: yes\nthird request behind it: no\n", string(said))
	}
}

// between returns the part of a text between two markers.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	require.True(t, found, from)
	part, _, found := strings.Cut(rest, to)
	require.True(t, found, to)
	return part
}
