package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
)

// eventsFD is the file descriptor of the interposer's pipe in the subject:
// the first one of exec.Cmd.ExtraFiles.
const eventsFD = 3

// process is a subject that is to be run.
type process struct {
	command     []string // the program and its arguments
	environment []string
	plan        *plan.Plan
	see         func(events.Event)
	said        func(stdout, stderr []byte) // told what it printed
	link        *link                       // told about the process while it runs
}

// name is the program's, whatever it is started through.
func (p *process) name() string { return p.command[len(p.command)-1] }

// outcome is what became of it: a report, or why there is none.
type outcome struct {
	report        *plan.Report
	failure       string
	unimplemented string
}

// run runs the subject to its end. Only what keeps it from running at all is
// an error; what goes wrong in it is part of the outcome.
func (p *process) run(ctx context.Context) (*outcome, error) {
	document, err := json.Marshal(p.plan)
	if err != nil {
		return nil, fmt.Errorf("writing the plan for %s: %w", p.name(), err)
	}
	input, stdin, err := newInput()
	if err != nil {
		return nil, err
	}
	defer input.close()
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the interposer: %w", err)
	}
	defer reader.Close()

	var stdout, stderr output
	command := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	command.Stdin = stdin
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Env = append(os.Environ(), p.environment...)
	command.ExtraFiles = []*os.File{writer}
	command.WaitDelay = time.Second
	// A group of its own, so that whom the subject starts can be ended with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	err = command.Start()
	writer.Close()
	stdin.Close()
	if err != nil {
		return nil, fmt.Errorf("starting the subject %s: %w", p.name(), err)
	}
	p.link.set(&running{pid: command.Process.Pid, input: input})
	go input.send(document, hasSignals(p.plan))
	read := make(chan error, 1)
	go func() {
		err := events.Read(reader, p.see)
		reader.Close() // or the subject would wait for room in the pipe
		read <- err
	}()
	waited := command.Wait()
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // fails when nobody is left behind
	// Who has left the group may keep the pipe open for ever.
	_ = reader.SetReadDeadline(time.Now().Add(command.WaitDelay)) // fails when it is closed already
	if err := <-read; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	p.said(stdout.text.Bytes(), stderr.text.Bytes())
	if stdout.full || stderr.full {
		return &outcome{failure: errTooMuch.Error()}, nil
	}
	return understand(ctx, waited, stdout.text.Bytes(), stderr.text.String()), nil
}

// understand makes an outcome of how the process ended and what it printed.
func understand(ctx context.Context, waited error, stdout []byte, stderr string) *outcome {
	said := strings.TrimSpace(stderr)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return &outcome{failure: "the subject did not end and was killed" + quote(said)}
	case errors.As(waited, &exit) && exit.ExitCode() == plan.ExitUnimplemented:
		if said == "" {
			said = "the subject cannot do this, and does not say what"
		}
		return &outcome{unimplemented: said}
	case errors.As(waited, &exit) && exit.ExitCode() == plan.ExitBadPlan:
		return &outcome{failure: "the subject refused the plan" + quote(said)}
	case errors.Is(waited, exec.ErrWaitDelay):
		return &outcome{failure: "the subject ended, but a process that it started kept its output open" + quote(said)}
	case waited != nil:
		return &outcome{failure: fmt.Sprintf("the subject failed: %v%s", waited, quote(said))}
	}
	var report plan.Report
	if err := json.Unmarshal(stdout, &report); err != nil {
		return &outcome{failure: fmt.Sprintf("the subject printed no report: %v%s", err, quote(said))}
	}
	o := &outcome{report: &report}
	if said != "" {
		o.failure = "the subject printed to standard error" + quote(said)
	}
	return o
}

func quote(said string) string {
	const most = 2000
	if said == "" {
		return ""
	}
	if len(said) > most {
		said = said[:most] + "…"
	}
	return ": " + said
}
