package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const (
	// depth is how many requests a client has under way at most.
	depth = 10
	// requestPadding is by how many bytes a request's header is made longer. Ten
	// requests are then more than all buffers between client and server take.
	requestPadding = 4000
	// sendBuffer is SO_SNDBUF of the clients' connections.
	sendBuffer = 4096
	// sampleEvery is the time between two samples.
	sampleEvery = 250 * time.Millisecond
	// stallLimit is how long the clients wait when no request ends any more,
	// several times the longest stall of the server.
	stallLimit = 15 * time.Second
)

// said is what a process of clients reports.
type said struct {
	Answered      int64 `json:"answered"`
	Wrong         int64 `json:"wrong"`
	Failed        int64 `json:"failed"`
	BlockedWrites int64 `json:"blocked_writes"`
	MemoryBefore  int64 `json:"memory_before_bytes"`
	MemoryIdle    int64 `json:"memory_idle_bytes"`
	MemoryPeak    int64 `json:"memory_peak_bytes"`
}

// Run makes one run on the loopback interface. It ends when every request has
// ended, or none does any more, or at the limit. The error says why there is no
// result; requests that fail are in the result.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	s, err := c.startServing(ctx)
	if err != nil {
		return nil, err
	}
	defer s.end()
	authority, err := writeAuthority(s.greeting.Authority)
	if err != nil {
		return nil, err
	}
	defer os.Remove(authority)

	parts := make([]said, c.Processes)
	group, running := errgroup.WithContext(ctx)
	began := time.Now()
	for i := range parts {
		first, next := i*c.Clients/c.Processes, (i+1)*c.Clients/c.Processes
		group.Go(func() error {
			return c.runProcess(running, &parts[i], s.greeting.URL, authority, first, next-first)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	took := time.Since(began)
	counted, err := s.count()
	if err != nil {
		return nil, err
	}
	return c.result(counted, took, parts), nil
}

// serving is a server in a process of its own.
type serving struct {
	command  *exec.Cmd
	input    interface{ Close() error }
	said     *json.Decoder
	greeting Greeting
}

// startServing starts the server's process. It has to be ended.
func (c *Config) startServing(ctx context.Context) (*serving, error) {
	command := exec.CommandContext(ctx, c.Server[0], append(c.Server[1:], strconv.Itoa(c.StallEvery*c.Clients))...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	in, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	s := &serving{command: command, input: in, said: json.NewDecoder(out)}
	if s.greeting, err = hear[Greeting](s.said); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// count ends the server and returns what it has counted.
func (s *serving) count() (*Counted, error) {
	s.input.Close()
	counted, err := hear[Counted](s.said)
	if err != nil {
		return nil, err
	}
	return &counted, s.command.Wait()
}

// end ends the server if it has not ended yet.
func (s *serving) end() {
	s.input.Close()
	_ = s.command.Process.Kill() // fails when it has
	_ = s.command.Wait()
}

// writeAuthority makes a file of the authority for clients to trust. The
// caller removes it.
func writeAuthority(authority []byte) (string, error) {
	file, err := os.CreateTemp("", "curlpipe-fleet-*.pem")
	if err != nil {
		return "", fmt.Errorf("making a file for the server's authority: %w", err)
	}
	_, err = file.Write(authority)
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("writing the server's authority: %w", err)
	}
	return file.Name(), nil
}

// runProcess runs some of the clients in one process.
func (c *Config) runProcess(ctx context.Context, report *said, url, authority string, first, clients int) error {
	arguments := []string{url, authority}
	for _, n := range []int{
		first, clients, c.Requests, min(depth, c.Requests), requestPadding, int(stallLimit.Seconds()),
	} {
		arguments = append(arguments, strconv.Itoa(n))
	}
	command := exec.CommandContext(ctx, c.Subject, arguments...)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+c.Library.LoaderPath(),
		"LD_PRELOAD="+c.Interposer, "PIPELAB_SEND_BUFFER="+strconv.Itoa(sendBuffer))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	var stderr strings.Builder
	command.Stderr = &stderr
	stdout, err := command.Output()
	if ctx.Err() != nil {
		return fmt.Errorf("running %d clients: not done after %v; raise --limit", clients, c.Limit)
	}
	if err != nil {
		return fmt.Errorf("running %d clients in %s: %w: %s", clients, c.Subject, err, strings.TrimSpace(stderr.String()))
	}
	if err := json.Unmarshal(stdout, report); err != nil {
		return fmt.Errorf("reading the report of %s: %w", c.Subject, err)
	}
	return nil
}
