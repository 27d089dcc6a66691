package check

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
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
	// Interposer to preload.
	Interposer launch.Interposer
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

// Run runs the client to its end. Only what keeps it from running at all is an
// error.
func (c *Client) Run(ctx context.Context) (*Ending, error) {
	limited, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	arguments := make([]string, len(c.Command))
	for i, a := range c.Command {
		arguments[i] = strings.NewReplacer("{url}", c.URL, "{ca}", c.Authority).Replace(a)
	}
	var stdout, stderr tail
	client := launch.Client{
		Command: arguments, Interposer: c.Interposer, Stdout: &stdout, Stderr: &stderr,
		ReadEvents: func(pipe io.Reader) error { return events.Read(pipe, c.See) },
	}
	if c.Authority != "" {
		client.Environment = []string{"SSL_CERT_FILE=" + c.Authority, "CURL_CA_BUNDLE=" + c.Authority}
	}
	waited, err := client.Run(limited)
	if err != nil {
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
