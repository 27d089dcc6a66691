package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// input is the laboratory's end of the subject's standard input: the plan is
// written first, then a line for each signal.
//
// The pipe has room for one buffer, so it is writable again exactly when the
// subject has read everything. That shows, for any subject and without its
// help, that it has noticed a signal.
type input struct {
	writer *os.File
}

// newInput returns the laboratory's end, and the subject's, which the caller
// closes after the start.
func newInput() (*input, *os.File, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("making a pipe for the plan: %w", err)
	}
	if err := oneBuffer(writer); err != nil {
		reader.Close()
		writer.Close()
		return nil, nil, fmt.Errorf("making the subject's pipe small: %w", err)
	}
	return &input{writer: writer}, reader, nil
}

// oneBuffer makes the pipe as small as it can be.
func oneBuffer(pipe *os.File) error {
	raw, err := pipe.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		_, failed = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, os.Getpagesize())
	})
	return errors.Join(err, failed)
}

// send writes the plan, and closes the pipe unless signals will follow. It
// returns when the subject has read the plan or has ended.
func (i *input) send(document []byte, signals bool) {
	_, _ = i.writer.Write(append(document, '\n')) // fails if the subject has ended
	if !signals {
		i.close()
	}
}

// hasSignals reports whether a step of the plan waits for a signal.
func hasSignals(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s plan.Step) bool { return s.When.Signal != "" })
}

// signal raises a signal and returns when the subject has noticed it. The error
// says that it never will, or that the context has ended.
func (i *input) signal(ctx context.Context, name string) error {
	if _, err := fmt.Fprintf(i.writer, "signal %s\n", name); err != nil {
		return fmt.Errorf("raising the signal %q: %w", name, err)
	}
	raw, err := i.writer.SyscallConn()
	if err != nil {
		return fmt.Errorf("raising the signal %q: %w", name, err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = waitRead(ctx, int32(fd)) })
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("waiting for the subject to notice the signal %q: %w", name, err)
	}
	return nil
}

// contextCheck is how often waitRead checks its context.
const contextCheck = 50 * time.Millisecond

// waitRead waits until everything in the pipe has been read.
func waitRead(ctx context.Context, fd int32) error {
	for ctx.Err() == nil {
		set := []unix.PollFd{{Fd: fd, Events: unix.POLLOUT}}
		n, err := unix.Poll(set, int(contextCheck.Milliseconds()))
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case n > 0 && set[0].Revents&unix.POLLERR != 0:
			return errors.New("it no longer reads")
		case n > 0:
			return nil
		}
	}
	return ctx.Err()
}

func (i *input) close() {
	i.writer.Close()
}
