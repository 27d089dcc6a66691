package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
	"github.com/curlpipe/curlpipe/harness/run/events"
)

// Client is a command to run.
type Client struct {
	// Command and its arguments. In each argument, {url}, {host}, {port}, {ca},
	// {file} and {dir} are replaced with URL, Host, Port, Authority, File and
	// Folder.
	Command []string
	// URL of the origin, without a slash at its end, with its Host and Port.
	URL, Host, Port string
	// Authority is the file that the origin's certificate is verified against;
	// empty without TLS.
	Authority string
	// Environment has NAME=value entries to add.
	Environment []string
	// File is a file to upload. Folder is a folder that the client may write to.
	File, Folder string
	// Interposer is the library to preload.
	Interposer launch.Interposer
	// Limit bounds the run.
	Limit time.Duration
	// See is called for each event, in order.
	See func(events.Event)
}

// Ending says how the client ended.
type Ending struct {
	// Failure is empty if the client ended with exit code 0.
	Failure string
	// Hung is true if it had to be ended, Crashed if a signal ended it.
	Hung, Crashed  bool
	Stdout, Stderr []byte
}

// authorityVariables are environment variables with a client's file of certificate
// authorities: of OpenSSL, curl, Python's requests, pip, git, Node, Perl's LWP,
// AWS, Cargo and Deno.
var authorityVariables = []string{
	"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS",
	"PERL_LWP_SSL_CA_FILE", "HTTPS_CA_FILE", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "DENO_CERT",
}

// otherVariables would change where a client connects, or whom it trusts.
var otherVariables = []string{
	"http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
	"SSL_CERT_DIR", "GIT_SSL_CAPATH", "HTTPS_CA_DIR", "PERL_LWP_SSL_CA_PATH", "SSLKEYLOGFILE",
}

// mostOutput is how much of a client's output is kept, in bytes for each
// stream.
const mostOutput = 1 << 20

// tail keeps the last bytes written to it.
type tail struct{ bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.Buffer.Write(p)
	if over := t.Len() - mostOutput; over > 0 {
		t.Next(over)
	}
	return len(p), nil
}

// Run runs the client until it ends. It returns an error only if the client
// could not be run.
func (c *Client) Run(ctx context.Context) (*Ending, error) {
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	arguments := make([]string, len(c.Command))
	placed := strings.NewReplacer("{url}", c.URL, "{host}", c.Host, "{port}", c.Port, "{ca}", c.Authority,
		"{file}", c.File, "{dir}", c.Folder)
	for i, a := range c.Command {
		arguments[i] = placed.Replace(a)
	}
	var stdout, stderr tail
	client := launch.Client{
		Command: arguments, Interposer: c.Interposer, Stdout: &stdout, Stderr: &stderr,
		ReadEvents: func(pipe io.Reader) error { return events.Read(pipe, c.See) },
	}
	if c.Authority != "" {
		for _, name := range authorityVariables {
			client.Environment = append(client.Environment, name+"="+c.Authority)
		}
	}
	client.Environment = append(client.Environment, c.Environment...)
	client.Unset = slices.Concat(authorityVariables, otherVariables)
	var limit *time.Timer
	client.Started = func(int) { limit = time.AfterFunc(c.Limit, cancel) } // the start does not count
	waited, err := client.Run(limited)
	if err != nil {
		return nil, err
	}
	limit.Stop()
	if err := ctx.Err(); err != nil {
		return nil, err // the user stopped the run, not the client
	}
	ending := &Ending{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if limited.Err() != nil {
		ending.Hung = true
		ending.Failure = fmt.Sprintf("the client did not end within %s and was killed", c.Limit)
	} else if waited != nil {
		var exit *exec.ExitError
		ending.Crashed = errors.As(waited, &exit) && exit.Sys().(syscall.WaitStatus).Signaled()
		ending.Failure = fmt.Sprintf("the client ended with %v%s", waited, lastLine(stderr.String()))
	}
	return ending, nil
}

// lastLine returns the last line, which most likely says why a program ended.
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
