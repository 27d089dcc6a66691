package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/events"
)

// Client is a command that is to be run.
type Client struct {
	// Command and its arguments. In each argument {url} stands for the URL of
	// the origin, and {ca} for the file that its certificate is verified
	// against.
	Command []string
	// URL and Authority are what those stand for.
	URL, Authority string
	// Interposer is the path of the library to preload; empty for none.
	Interposer string
	// SendBuffer, if not 0, is what the interposer sets SO_SNDBUF to, in bytes.
	SendBuffer int
	// Limit bounds the run.
	Limit time.Duration
	// See is called for each event, in order.
	See func(events.Event)
}

// Ending is what became of the client.
type Ending struct {
	// Failure is empty if the client ended with exit code 0.
	Failure        string
	Stdout, Stderr []byte
}

// mostOutput is how much of what a client prints is kept, in bytes of each
// stream.
const mostOutput = 1 << 20

// tail keeps the last bytes that are written.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.Buffer.Write(p)
	if over := t.Len() - mostOutput; over > 0 {
		t.Next(over)
	}
	return len(p), nil
}

// eventsFD is the file descriptor of the interposer's pipe in the client.
const eventsFD = 3

// Run runs the client to its end. Only what keeps it from running at all is an
// error.
func (c *Client) Run(ctx context.Context) (*Ending, error) {
	limited, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	arguments := make([]string, len(c.Command))
	for i, a := range c.Command {
		arguments[i] = strings.NewReplacer("{url}", c.URL, "{ca}", c.Authority).Replace(a)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the interposer: %w", err)
	}
	defer reader.Close()
	var stdout, stderr tail
	command := exec.CommandContext(limited, arguments[0], arguments[1:]...)
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = append(os.Environ(), c.environment()...)
	command.ExtraFiles = []*os.File{writer}
	command.WaitDelay = time.Second
	// A group of its own, so that whom the client starts can be ended with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	err = command.Start()
	writer.Close()
	if err != nil {
		return nil, fmt.Errorf("starting the client: %w", err)
	}
	read := make(chan error, 1)
	go func() {
		err := events.Read(reader, c.See)
		reader.Close() // or the client would wait for room in the pipe
		read <- err
	}()
	waited := command.Wait()
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)       // fails when nobody is left behind
	_ = reader.SetReadDeadline(time.Now().Add(command.WaitDelay)) // fails when it is closed already
	if err := <-read; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // the user gave up, not the client
	}
	ending := &Ending{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if limited.Err() != nil {
		ending.Failure = fmt.Sprintf("the client did not end within %s and was killed", c.Limit)
	} else if waited != nil {
		ending.Failure = fmt.Sprintf("the client ended with %v%s", waited, lastLine(stderr.String()))
	}
	return ending, nil
}

func (c *Client) environment() []string {
	var list []string
	if c.Authority != "" {
		list = append(list, "SSL_CERT_FILE="+c.Authority, "CURL_CA_BUNDLE="+c.Authority)
	}
	if c.Interposer != "" {
		list = append(list, "LD_PRELOAD="+c.Interposer, fmt.Sprintf("PIPELAB_EVENTS_FD=%d", eventsFD))
		if c.SendBuffer > 0 {
			list = append(list, fmt.Sprintf("PIPELAB_SEND_BUFFER=%d", c.SendBuffer))
		}
	}
	return list
}

// lastLine is what a program most likely ended with.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	if last == "" {
		return ""
	}
	if len(last) > 300 {
		last = last[:300] + "…"
	}
	return ": " + last
}
