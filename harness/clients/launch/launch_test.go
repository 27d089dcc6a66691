package launch

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
)

// sanitized is a library that needs another one preloaded.
func sanitized() *library.Library {
	return &library.Library{Prefix: "/some/prefix", Manifest: &library.Manifest{Preload: "/libasan.so"}}
}

func TestEnvironment(t *testing.T) {
	read := func(io.Reader) error { return nil }
	for name, test := range map[string]struct {
		client Client
		want   []string
	}{
		"nothing": {Client{}, nil},
		"a library": {
			Client{Library: &library.Library{Prefix: "/some/prefix", Manifest: &library.Manifest{}}},
			[]string{"LD_LIBRARY_PATH=/some/prefix/lib"},
		},
		"a library with sanitizers": {
			Client{Library: sanitized()},
			[]string{"LD_LIBRARY_PATH=/some/prefix/lib", "LD_PRELOAD=/libasan.so"},
		},
		"all": {
			Client{
				Library: sanitized(), ReadEvents: read,
				Interposer: Interposer{Path: "/interposer.so", SendBuffer: 4096, BlockedSend: 3, BlockedReads: 2},
			},
			[]string{
				"LD_LIBRARY_PATH=/some/prefix/lib", "PIPELAB_EVENTS_FD=3", "PIPELAB_EVENTS_PATH=/the/pipe", "PIPELAB_SEND_BUFFER=4096",
				"PIPELAB_BLOCKED_SEND=3", "PIPELAB_BLOCKED_READS=2", "LD_PRELOAD=/libasan.so:/interposer.so",
			},
		},
		"no interposer": {Client{Interposer: Interposer{SendBuffer: 4096}}, nil},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, test.client.environment("/the/pipe")) })
	}
}

// TestInterposerKnowsTheNames compares the environment variables with those
// that the interposer reads.
func TestInterposerKnowsTheNames(t *testing.T) {
	sources, err := filepath.Glob("../../run/interposer/*.c")
	require.NoError(t, err)
	var asked []string
	for _, source := range sources {
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		for _, found := range regexp.MustCompile(`(?:getenv|number_from_environment)\("(\w+)"\)`).FindAllSubmatch(text, -1) {
			asked = append(asked, string(found[1]))
		}
	}
	all := Client{
		Interposer: Interposer{Path: "/interposer.so", SendBuffer: 1, BlockedSend: 1, BlockedReads: 1},
		ReadEvents: func(io.Reader) error { return nil },
	}
	var told []string
	for _, variable := range all.environment("/the/pipe") {
		if name, _, _ := strings.Cut(variable, "="); name != "LD_PRELOAD" {
			told = append(told, name)
		}
	}
	require.ElementsMatch(t, asked, told)
}

// TestLoader uses a library for which another loader than the machine's has to
// start the program.
func TestLoader(t *testing.T) {
	l := sanitized()
	l.OpenSSL = &library.OpenSSLBuild{Prefix: "/suite", Loader: "lib/ld.so"}
	c := Client{Command: []string{"/program", "an argument"}, Library: l}
	require.Equal(t, []string{
		"/suite/lib/ld.so", "--library-path", "/some/prefix/lib:/suite/lib:/suite/lib", "/program", "an argument",
	}, c.command())
}

func TestRun(t *testing.T) {
	stdin, input, err := os.Pipe()
	require.NoError(t, err)
	var stdout, stderr, events bytes.Buffer
	pid := 0
	c := Client{
		Command: []string{"/bin/sh", "-c", `read -r line; echo "$line $WORD" "$@"; echo no >&2; echo event >&$PIPELAB_EVENTS_FD; exit 3`, "sh", "a b"},
		Stdin:   stdin, Stdout: &stdout, Stderr: &stderr, Environment: []string{"WORD=word"},
		Started:    func(started int) { pid = started },
		ReadEvents: func(pipe io.Reader) error { _, err := events.ReadFrom(pipe); return err },
	}
	_, err = input.WriteString("line\n")
	require.NoError(t, err)
	waited, err := c.Run(t.Context())
	require.NoError(t, err)
	require.EqualError(t, waited, "exit status 3")
	require.Equal(t, "line word a b\n", stdout.String())
	require.Equal(t, "no\n", stderr.String())
	require.Equal(t, "event\n", events.String())
	require.Positive(t, pid)
	_, err = input.WriteString("line\n")
	require.ErrorContains(t, err, "broken pipe", "the client's end is closed")
}

// A client that has closed the pipe can open it again.
func TestThePipeStaysOpen(t *testing.T) {
	var events bytes.Buffer
	c := Client{
		Command:    []string{"/bin/sh", "-c", `exec 3>&-; /bin/true; echo event >"$PIPELAB_EVENTS_PATH"`},
		ReadEvents: func(pipe io.Reader) error { _, err := events.ReadFrom(pipe); return err },
	}
	waited, err := c.Run(t.Context())
	require.NoError(t, err)
	require.NoError(t, waited)
	require.Equal(t, "event\n", events.String())
}

func TestNobodyIsLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var child bytes.Buffer
	c := Client{
		Command: []string{"/bin/sh", "-c", `sleep 1000 & echo $! >&$PIPELAB_EVENTS_FD; wait`},
		ReadEvents: func(pipe io.Reader) error {
			one := make([]byte, 1)
			for !slices.Contains(child.Bytes(), '\n') {
				if _, err := io.ReadFull(pipe, one); err != nil {
					return err
				}
				child.Write(one)
			}
			cancel()
			_, err := io.Copy(io.Discard, pipe)
			return err
		},
	}
	waited, err := c.Run(ctx)
	require.NoError(t, err, "the pipe has ended, so that nobody holds it any more")
	require.Error(t, waited)
}

func TestNoSuchProgram(t *testing.T) {
	c := Client{Command: []string{"/nowhere/client"}}
	_, err := c.Run(t.Context())
	require.ErrorContains(t, err, "starting the client /nowhere/client: ")
}

// A wrapper gets the client's command after its own arguments, and pipelab's
// standard input. The plan and the report have file descriptors of their own.
func TestWrapper(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	_, err = writer.WriteString("the plan")
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	arguments := filepath.Join(t.TempDir(), "arguments")
	var stdout bytes.Buffer
	client := Client{
		Command: []string{"/bin/sh", "-c", "cat <&$PIPELAB_PLAN_FD >&$PIPELAB_REPORT_FD"},
		Wrapper: []string{"sh", "-c", `printf '%s\n' "$@" >"$0"; echo chatter; "$@"; exit 7`, arguments},
		Stdin:   reader, Stdout: &stdout,
	}
	waited, err := client.Run(context.Background())
	require.NoError(t, err)
	require.EqualError(t, waited, "exit status 7")
	require.Equal(t, "the plan", stdout.String())
	said, err := os.ReadFile(arguments)
	require.NoError(t, err)
	require.Equal(t, strings.Join(client.Command, "\n")+"\n", string(said))
}
