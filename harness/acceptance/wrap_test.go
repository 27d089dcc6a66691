package acceptance

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// wrapper makes a shell script that ends by running the command it is given.
func wrapper(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wrapper")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	return path
}

// wrapped runs pipelab with a wrapper around a subject.
func wrapped(ctx context.Context, subject, wrap string, arguments ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "../../build/pipelab", append([]string{
		"run", "--scenario", "honest-origin", "--library", "patched", "--subject", subject, "--wrap", wrap,
	}, arguments...)...)
}

// Each subject has the same result in a wrapper as without one, whatever the
// wrapper prints and however it ends.
func TestWrap(t *testing.T) {
	for _, subject := range []string{"c-demo", "go-curl", "curlpipe"} {
		t.Run(subject, func(t *testing.T) {
			words := filepath.Join(t.TempDir(), "words")
			wrap := wrapper(t, `printf '%s\n' "$@" >`+words+"\necho to stdout\necho to stderr >&2\n"+`shift; "$@"; exit 7`)
			said, err := wrapped(t.Context(), subject, wrap+" first").CombinedOutput()
			require.NoError(t, err, "%s", said)
			require.Contains(t, string(said), "to stdout\nto stderr\n")
			require.Contains(t, string(said), "1 of 1 runs as expected")
			given, err := os.ReadFile(words)
			require.NoError(t, err)
			require.Regexp(t, `^first\n.*/build/subjects/`+subject+`\n$`, string(given))
		})
	}
}

// A wrapper that hangs is killed if it is not on a terminal.
func TestWrapThatHangs(t *testing.T) {
	said, err := wrapped(t.Context(), "c-demo", wrapper(t, "exec sleep 1000"), "--time-limit", "200ms").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "the subject did not end and was killed")
}

// On a terminal the user can type into the wrapper. At the end pipelab has the
// terminal again.
func TestWrapOnATerminal(t *testing.T) {
	master, slave := terminal(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := wrapped(ctx, "c-demo", wrapper(t, `printf 'debugger> '; read -r line; echo "read $line"; exec "$@"`))
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	require.NoError(t, command.Start())
	require.NoError(t, slave.Close())
	_, err := io.WriteString(master, "run\n") // the terminal keeps it until it is read
	require.NoError(t, err)
	said, err := io.ReadAll(master)
	require.ErrorIs(t, err, unix.EIO) // the error of a terminal that no process has open
	require.NoError(t, command.Wait(), "%s", said)
	require.Contains(t, string(said), "debugger> ")
	require.Contains(t, string(said), "read run\r\n")
	require.Contains(t, string(said), "1 of 1 runs as expected")
}

// terminal makes a pseudo terminal.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return master, slave
}

// Valgrind is a realistic wrapper: it is slow, and the subject runs within its
// process.
func TestWrapValgrind(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Skip("there is no valgrind; scripts/setup --tests installs it")
	}
	log := filepath.Join(t.TempDir(), "log")
	said, err := wrapped(t.Context(), "c-demo", "valgrind -q --error-exitcode=9 --log-file="+log, "--requests", "20").CombinedOutput()
	require.NoError(t, err, "%s", said)
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Empty(t, strings.TrimSpace(string(text)))
}
