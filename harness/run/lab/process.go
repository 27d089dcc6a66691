package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
)

// DefaultLimit is when a subject that does not end by itself is killed. NoLimit
// is for one that a person holds in a debugger.
const (
	DefaultLimit = time.Minute
	NoLimit      = time.Duration(-1)
)

// process is a subject to be run.
type process struct {
	launch.Client // run sets its standard streams and callbacks
	plan          *plan.Plan
	see           func(events.Event)
	said          func(stdout, stderr []byte) // told what it printed
	link          *link                       // gets the process while it runs
}

// ending is the outcome of a process: a report, or the reason why there is
// none.
type ending struct {
	report        *plan.Report
	failure       string
	unimplemented string
}

// run runs the subject to its end. Only what prevents the run is an error;
// failures of the subject are part of the ending.
func (p *process) run(ctx context.Context) (*ending, error) {
	document, err := json.Marshal(p.plan)
	if err != nil {
		return nil, fmt.Errorf("writing the plan for %s: %w", p.Command[0], err)
	}
	input, stdin, err := newInput()
	if err != nil {
		return nil, err
	}
	defer input.close()
	var stdout, stderr output
	p.Stdin, p.Stdout, p.Stderr = stdin, &stdout, &stderr
	p.Started = func(pid int) {
		p.link.set(&running{pid: pid, input: input})
		go input.send(document, hasSignals(p.plan))
	}
	p.ReadEvents = func(pipe io.Reader) error { return events.Read(pipe, p.see) }
	waited, err := p.Run(ctx)
	if err != nil {
		return nil, err
	}
	p.said(stdout.text.Bytes(), stderr.text.Bytes())
	if stdout.full || stderr.full {
		return &ending{failure: errTooMuch.Error()}, nil
	}
	if len(p.Wrapper) > 0 && stdout.text.Len() > 0 && ctx.Err() == nil {
		waited = nil // a wrapper has its own exit codes, and there is a report
	}
	return understand(ctx, waited, stdout.text.Bytes(), stderr.text.String()), nil
}

// limited is the context of the subject's run.
func (r *run) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if r.Limit == NoLimit {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, cmp.Or(r.Limit, DefaultLimit))
}

// understand makes an ending from how the process ended and its output.
func understand(ctx context.Context, waited error, stdout []byte, stderr string) *ending {
	said := strings.TrimSpace(stderr)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return &ending{failure: "the subject did not end and was killed" + quote(said)}
	case errors.As(waited, &exit) && exit.ExitCode() == plan.ExitUnimplemented:
		if said == "" {
			said = "the subject cannot do this, and does not say what"
		}
		return &ending{unimplemented: said}
	case errors.As(waited, &exit) && exit.ExitCode() == plan.ExitBadPlan:
		return &ending{failure: "the subject refused the plan" + quote(said)}
	case errors.Is(waited, exec.ErrWaitDelay):
		return &ending{failure: "the subject ended, but a process that it started kept its output open" + quote(said)}
	case waited != nil:
		return &ending{failure: fmt.Sprintf("the subject failed: %v%s", waited, quote(said))}
	}
	var report plan.Report
	if err := json.Unmarshal(stdout, &report); err != nil {
		return &ending{failure: fmt.Sprintf("the subject printed no report: %v%s", err, quote(said))}
	}
	o := &ending{report: &report}
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
