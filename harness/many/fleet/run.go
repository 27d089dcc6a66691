package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run makes one run, or its shard of one. It ends when every request has ended,
// or at the limit. The error says why there is no result; requests that fail
// are in the result.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Limit, fmt.Errorf("not done after %v; raise --limit", c.Limit))
	defer cancel()
	if c.Server == "" {
		end, err := c.startServer(ctx)
		if err != nil {
			return nil, err
		}
		defer end()
	}
	parameters := c.parameters()
	present, err := attend(ctx, c.Server, beginning{Parameters: parameters, Shard: c.Shard.Index}, c.Waiting)
	if err != nil {
		return nil, why(ctx, err)
	}
	defer present.leave()
	stop := c.follow(ctx)
	said, err := c.runClients(ctx, &present.greeting)
	stop()
	end := ending{Run: present.Run, Shard: c.Shard.Index}
	if err != nil {
		err = why(ctx, err)
		end.Problem = err.Error()
		c.tell(ctx, end)
		return nil, err
	}
	counted, err := ask[Counted](ctx, c.Server, pathEnd, end)
	if err != nil {
		return nil, why(ctx, err)
	}
	r := &Result{Parameters: parameters, Shard: c.Shard, Run: present.Run, Counted: counted, Fleet: *said}
	return r.complete(), nil
}

// why returns the reason why the context has ended, if it has, and the given
// error otherwise.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// tellLimit limits how long a failed run tries to report that.
const tellLimit = 5 * time.Second

// tell tells the other shards that this one cannot continue.
func (c *Config) tell(ctx context.Context, end ending) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellLimit)
	defer cancel()
	_, _ = ask[Counted](ctx, c.Server, pathEnd, end) // it answers with the problem
}

// startServer starts a server for this run. The caller ends it.
func (c *Config) startServer(ctx context.Context) (end func(), err error) {
	command := exec.CommandContext(ctx, c.Command[0], c.Command[1:]...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	end = func() {
		_ = command.Process.Kill() // fails if it has ended by itself
		_ = command.Wait()
	}
	var address Address
	if err := json.NewDecoder(out).Decode(&address); err != nil {
		end()
		return nil, fmt.Errorf("the fleet's server ended without printing its URL: %w", err)
	}
	c.Server = address.Server
	return end, nil
}

// follow reports the run's progress until it is stopped.
func (c *Config) follow(ctx context.Context) (stop func()) {
	if c.Progress == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
			// without an answer there is no progress to report
			if p, err := ask[progress](ctx, c.Server, pathProgress, struct{}{}); err == nil {
				c.Progress(p.Answered)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
