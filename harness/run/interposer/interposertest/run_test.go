package interposertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// event is one line of the interposer's log.
type event struct {
	Time   int64  `json:"t"`
	Call   string `json:"call"`
	SSL    string `json:"ssl"`
	FD     int    `json:"fd"`
	Local  string `json:"local"`
	Buffer string `json:"buf"`
	Length int    `json:"len"`
	Hash   string `json:"hash"`
	Moved  *int   `json:"moved"`
	Return int    `json:"ret"`
	Error  string `json:"error"`
	Count  int    `json:"count"`

	Version string `json:"version"`
}

// client is a running test client.
type client struct {
	t       *testing.T
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	stderr  bytes.Buffer
	read    *os.File     // the end of the events pipe that the test reads; nil for a bare client
	early   bytes.Buffer // what the test itself has read from the pipe
	events  chan []byte
}

// eventsFD is the client's number of the pipe: the first of exec.Cmd's
// ExtraFiles.
const eventsFD = "3"

// startBare starts a client without the interposer.
func startBare(t *testing.T, arguments ...string) *client {
	c := &client{t: t, command: exec.Command(arguments[0], arguments[1:]...)}
	c.start()
	return c
}

// startObserved starts a client under the interposer, with an events pipe and
// further variables in its environment. With gather, events are read from the
// start, otherwise once gatherEvents is called.
func startObserved(t *testing.T, gather bool, environment []string, arguments ...string) *client {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { read.Close() })

	c := &client{t: t, command: exec.Command(arguments[0], arguments[1:]...), read: read}
	c.command.ExtraFiles = []*os.File{write}
	c.command.Env = append(os.Environ(), "LD_PRELOAD="+interposer, "PIPELAB_EVENTS_FD="+eventsFD)
	c.command.Env = append(c.command.Env, environment...)
	c.start()
	require.NoError(t, write.Close())
	if gather {
		c.gatherEvents()
	}
	return c
}

func (c *client) start() {
	var err error
	c.stdin, err = c.command.StdinPipe()
	require.NoError(c.t, err)
	stdout, err := c.command.StdoutPipe()
	require.NoError(c.t, err)
	c.stdout = bufio.NewReader(stdout)
	c.command.Stderr = &c.stderr
	require.NoError(c.t, c.command.Start())
	c.t.Cleanup(func() { c.command.Process.Kill() })
}

// gatherEvents reads the events pipe from now on, until its end.
func (c *client) gatherEvents() {
	c.events = make(chan []byte, 1)
	go func() {
		rest, _ := io.ReadAll(c.read)
		c.events <- append(c.early.Bytes(), rest...)
	}()
}

// makeRoom reads this many bytes from an events pipe that is not being read
// yet.
func (c *client) makeRoom(bytes int64) {
	_, err := io.CopyN(&c.early, c.read, bytes)
	require.NoError(c.t, err)
}

// line waits for the client's next line of output.
func (c *client) line() string {
	line, err := c.stdout.ReadString('\n')
	require.NoError(c.t, err, "stderr: %s", &c.stderr)
	return line[:len(line)-1]
}

// goOn sends the line that a client waits for.
func (c *client) goOn() {
	_, err := io.WriteString(c.stdin, "\n")
	require.NoError(c.t, err)
}

// finish waits for a client, which must succeed and print nothing on stderr. It
// returns the rest of the output, and the events if they were read.
func (c *client) finish() (string, []event) {
	rest, err := io.ReadAll(c.stdout)
	require.NoError(c.t, err)
	require.NoError(c.t, c.command.Wait(), "stderr: %s", &c.stderr)
	require.Empty(c.t, c.stderr.String())
	if c.events == nil {
		return string(rest), nil
	}
	return string(rest), parseEvents(c.t, <-c.events)
}

// parseEvents parses a log; blank lines are ignored.
func parseEvents(t *testing.T, log []byte) []event {
	var events []event
	for _, line := range bytes.Split(log, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var e event
		require.NoError(t, json.Unmarshal(line, &e), "line: %q", line)
		require.Less(t, len(line), 4096)
		events = append(events, e)
	}
	return events
}

// calls selects the events of one call.
func calls(events []event, call string) []event {
	var selected []event
	for _, e := range events {
		if e.Call == call {
			selected = append(selected, e)
		}
	}
	return selected
}
