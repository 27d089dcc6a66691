package launch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// connect connects the client's standard streams, or the wrapper's in its place.
// finish is called when the client has ended, and waits this long for the rest
// of its output.
func (c *Client) connect(command *exec.Cmd) (finish func(time.Duration), err error) {
	if len(c.Wrapper) == 0 {
		if c.Stdin != nil {
			command.Stdin = c.Stdin
		}
		command.Stdout, command.Stderr = c.Stdout, c.Stderr
		return func(time.Duration) {}, nil
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the report: %w", err)
	}
	command.ExtraFiles = append(command.ExtraFiles, c.Stdin, writer)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stderr, os.Stderr
	leave := enterForeground(command)
	read := make(chan struct{})
	go func() {
		// An error of Stdout ends the copy, and the client gets a broken pipe.
		_, _ = io.Copy(c.Stdout, reader)
		reader.Close()
		close(read)
	}()
	return func(delay time.Duration) {
		leave()
		writer.Close()
		_ = reader.SetReadDeadline(time.Now().Add(delay)) // fails if it is already closed
		<-read
	}, nil
}

// OnTerminal reports whether a user can use a wrapper: whether standard input
// is a terminal with pipelab in its foreground.
func OnTerminal() bool {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false
	}
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// enterForeground makes a command start in the foreground of the terminal,
// where it may read and gets the interrupts that a user types. leave brings
// pipelab back to the foreground, and restores the terminal.
func enterForeground(command *exec.Cmd) (leave func()) {
	if !OnTerminal() {
		return func() {}
	}
	fd := int(os.Stdin.Fd())
	state, err := term.GetState(fd)
	command.SysProcAttr.Foreground, command.SysProcAttr.Ctty = true, fd
	return func() {
		// pipelab is in the background now, and must not stop when it writes to
		// the terminal.
		signal.Ignore(syscall.SIGTTOU)
		defer signal.Reset(syscall.SIGTTOU)
		_ = unix.IoctlSetPointerInt(fd, unix.TIOCSPGRP, unix.Getpgrp()) // fails if the terminal is gone
		if err == nil {
			_ = term.Restore(fd, state)
		}
	}
}
