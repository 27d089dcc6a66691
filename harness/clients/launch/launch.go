// Package launch starts the programs under test. It sets up the libcurl of the run
// and its loader, preloads the interposer, and kills all processes that are left
// when a run has ended. No other package starts them.
//
// It does not interpret the programs' input or output.
package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Client is a program to run once.
type Client struct {
	// Command is the program's path and its arguments.
	Command []string
	// Wrapper, if not empty, is a command that the client's is appended to, such as
	// gdb --args. It has pipelab's standard input and standard error, in the
	// foreground of the terminal if there is one. Stdin and Stdout are then at the
	// file descriptors that plan.PlanFD and plan.ReportFD name, Stderr gets nothing.
	Wrapper []string
	// Library is the libcurl that it loads; nil for its own.
	Library *library.Library
	// Interposer is what is preloaded.
	Interposer Interposer
	// Environment has NAME=value entries to add to pipelab's own environment.
	// Unset has the names to remove from it.
	Environment, Unset []string
	// Stdin, if not nil, is the client's standard input, and is closed when the
	// client has it; nil means /dev/null.
	Stdin *os.File
	// Stdout and Stderr get what it prints.
	Stdout, Stderr io.Writer
	// Started, if not nil, is called with the process's id.
	Started func(pid int)
	// ReadEvents, if not nil, reads the interposer's output and returns at its
	// end.
	ReadEvents func(io.Reader) error
}

// Interposer is the library to preload, with its settings. Its source is in
// harness/run/interposer.
type Interposer struct {
	// Path of the library. If it is empty, the other fields have no effect.
	Path string
	// SendBuffer, if not 0, is what SO_SNDBUF is set to, in bytes.
	SendBuffer int
	// BlockedSend, if not 0, says which of the client's writes, counted from 1,
	// finds the socket full. BlockedReads is the number of its reads in which
	// TLS has to write and finds the socket full.
	BlockedSend, BlockedReads int
}

// The file descriptors in the client of exec.Cmd.ExtraFiles: the interposer's
// pipe and, with a wrapper, where the plan and the report go.
const (
	eventsFD = 3 + iota
	planFD
	reportFD
)

// Run runs the client until it ends. If the context ends first, the client and all
// processes that it has started are killed. Waited says how the client ended, as
// exec.Cmd.Wait does: nil for exit code 0. Err is the reason why it did not run.
func (c *Client) Run(ctx context.Context) (waited, err error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the interposer: %w", err)
	}
	defer reader.Close()
	defer writer.Close() // kept until here, because the pipe would end when the client closes its end
	program := c.command()
	command := exec.CommandContext(ctx, program[0], program[1:]...)
	inherited := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(c.Unset, name)
	})
	command.Env = append(append(inherited, c.environment(pathOf(reader))...), c.Environment...)
	command.ExtraFiles = []*os.File{writer}
	command.WaitDelay = time.Second
	// A process group of its own, so that the client can be killed with all
	// processes that it has started. None of them outlives pipelab.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	finish, err := c.connect(command)
	if err != nil {
		return nil, err
	}
	err = command.Start()
	if c.Stdin != nil {
		c.Stdin.Close()
	}
	if err != nil {
		finish(0)
		return nil, fmt.Errorf("starting the client %s: %w", program[0], err)
	}
	if c.Started != nil {
		c.Started(command.Process.Pid)
	}
	read := make(chan error, 1)
	go func() {
		var err error
		if c.ReadEvents != nil {
			err = c.ReadEvents(reader)
		}
		reader.Close() // otherwise the client might wait for room in the pipe
		read <- err
	}()
	waited = command.Wait()
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // fails if no process is left
	finish(command.WaitDelay)
	writer.Close()
	// A process that has left the group might keep the pipe open for ever.
	_ = reader.SetReadDeadline(time.Now().Add(command.WaitDelay)) // fails if it is already closed
	if err := <-read; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	return waited, nil
}

// pathOf returns a path at which another process of the same user can open the
// pipe that the file is an end of, if it did not inherit the file.
func pathOf(file *os.File) string {
	path := ""
	if raw, err := file.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd) }) // it is open
	}
	return path
}

// command returns the command of the program, after the library's loader and
// after the wrapper.
func (c *Client) command() []string {
	program := c.Command
	if c.Library != nil {
		program = append(c.Library.Command(c.Command[0]), c.Command[1:]...)
	}
	return slices.Concat(c.Wrapper, program)
}

// environment makes the client use the library and the interposer, whose pipe can
// also be opened at the path.
func (c *Client) environment(pipe string) []string {
	var list, preload []string
	if c.Library != nil {
		list = append(list, "LD_LIBRARY_PATH="+c.Library.LoaderPath())
		if first := c.Library.Manifest.Preload; first != "" {
			preload = append(preload, first)
		}
	}
	if c.ReadEvents != nil {
		list = append(list, "PIPELAB_EVENTS_FD="+strconv.Itoa(eventsFD), "PIPELAB_EVENTS_PATH="+pipe)
	}
	if len(c.Wrapper) > 0 {
		list = append(list, plan.PlanFD+"="+strconv.Itoa(planFD), plan.ReportFD+"="+strconv.Itoa(reportFD))
	}
	if c.Interposer.Path != "" {
		preload = append(preload, c.Interposer.Path)
		for _, told := range []struct {
			name   string
			number int
		}{
			{"PIPELAB_SEND_BUFFER", c.Interposer.SendBuffer},
			{"PIPELAB_BLOCKED_SEND", c.Interposer.BlockedSend},
			{"PIPELAB_BLOCKED_READS", c.Interposer.BlockedReads},
		} {
			if told.number > 0 {
				list = append(list, told.name+"="+strconv.Itoa(told.number))
			}
		}
	}
	if len(preload) > 0 {
		list = append(list, "LD_PRELOAD="+strings.Join(preload, ":"))
	}
	return list
}
