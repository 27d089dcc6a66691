// Package scripts_test tests that the shell scripts do what their help texts
// say: what they print, how they exit, and what they leave behind after an
// error.
//
// The scripts run as they are, with a cache of their own for each test. Where
// a script would take the real libcurl, a tree of four files stands in, built
// by the real compiler; where it would touch the machine (apt, dpkg, the
// network), a stub earlier in PATH answers instead.
package scripts_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// world is what one run of a script can see and touch.
type world struct {
	t *testing.T
	// root is the checkout in which the scripts run.
	root string
	// cache is CURLPIPE_CACHE. It does not exist until a script makes it.
	cache string
	// stubs is a folder at the head of PATH.
	stubs string
	// env is added to a small environment, NAME=value.
	env []string
}

// outcome is the output of a script, and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
}

// newWorld uses the checkout under test, with an empty cache.
func newWorld(t *testing.T) *world {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	w := &world{
		t: t, root: root,
		cache: filepath.Join(dir, "cache"), stubs: filepath.Join(dir, "stubs"),
	}
	require.NoError(t, os.Mkdir(w.stubs, 0o755))
	return w
}

// newCheckout makes a world whose checkout is a copy of only the scripts, for
// scripts that write below the checkout or read the rest of it.
func newCheckout(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	copied := filepath.Join(t.TempDir(), "checkout")
	require.NoError(t, os.CopyFS(filepath.Join(copied, "scripts"),
		os.DirFS(filepath.Join(w.root, "scripts"))))
	w.root = copied
	w.write(filepath.Join(copied, "go.work"), goWork("1.2.3"))
	return w
}

// goWork returns a go.work that requires this version of Go.
func goWork(version string) string {
	return "go " + version + "\n\nuse (\n\t.\n\t./harness\n)\n"
}

// write makes a file and the folders that it is in.
func (w *world) write(path, content string) {
	w.t.Helper()
	require.NoError(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(w.t, os.WriteFile(path, []byte(content), 0o644))
}

// stub puts a shell script in front of the named program.
func (w *world) stub(name, body string) {
	w.t.Helper()
	path := filepath.Join(w.stubs, name)
	require.NoError(w.t, os.WriteFile(path,
		[]byte("#!/bin/sh\n"+body+"\n"), 0o755))
}

// hide makes PATH a folder with links to all programs of the system except the
// named ones.
func (w *world) hide(hidden ...string) {
	w.t.Helper()
	for _, directory := range []string{"/usr/bin", "/usr/sbin"} {
		entries, err := os.ReadDir(directory)
		require.NoError(w.t, err)
		for _, entry := range entries {
			link := filepath.Join(w.stubs, entry.Name())
			err := os.Symlink(filepath.Join(directory, entry.Name()), link)
			if !errors.Is(err, os.ErrExist) {
				require.NoError(w.t, err)
			}
		}
	}
	for _, name := range hidden {
		err := os.Remove(filepath.Join(w.stubs, name))
		if !errors.Is(err, os.ErrNotExist) {
			require.NoError(w.t, err)
		}
	}
	w.env = append(w.env, "PATH="+w.stubs)
}

// command returns a script of the checkout, ready to start.
func (w *world) command(script string, args ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(w.root, "scripts", script), args...)
	command.Dir = w.t.TempDir()
	command.Env = append([]string{
		"PATH=" + w.stubs + ":/usr/bin:/bin:/usr/sbin:/sbin",
		"HOME=" + filepath.Join(w.cache, "..", "home"),
		"CURLPIPE_CACHE=" + w.cache, "GOPROXY=off",
	}, w.env...)
	return command
}

// run runs a script to its end.
func (w *world) run(script string, args ...string) outcome {
	w.t.Helper()
	return finish(w.t, w.command(script, args...))
}

func finish(t *testing.T, command *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{
		stdout: stdout.String(), stderr: stderr.String(),
		code: command.ProcessState.ExitCode(),
	}
}

// requireRefused checks that the script said nothing on stdout, ended with
// code, and that its last line on stderr has all of the fragments. Only lines
// that tell of progress may come before it.
func requireRefused(t *testing.T, got outcome, code int, fragments ...string) {
	t.Helper()
	require.Equal(t, code, got.code, got.stderr)
	require.Empty(t, got.stdout)
	lines := strings.Split(strings.TrimRight(got.stderr, "\n"), "\n")
	for _, fragment := range fragments {
		require.Contains(t, lines[len(lines)-1], fragment)
	}
	for _, line := range lines[:len(lines)-1] {
		require.Regexp(t, `: (building|fetching|unpacking|installing) `, line)
	}
}

// requireNothingLeft checks that neither a prefix, nor a source, nor anything
// half-written is in the cache: logs and locks are all that may be there.
func (w *world) requireNothingLeft() {
	w.t.Helper()
	for _, folder := range []string{"tmp", "sources", "libcurl/by-name"} {
		require.Empty(w.t, names(w.t, filepath.Join(w.cache, folder)))
	}
	prefixes := names(w.t, filepath.Join(w.cache, "libcurl"))
	require.Subset(w.t, []string{"by-name"}, prefixes)
}

// names lists a folder; one that is not there is empty.
func names(t *testing.T, directory string) []string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}
