package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Setup says what to run.
type Setup struct {
	Scenario *scenario.Scenario
	Subject  *subject.Subject
	// Driver is one of the subject's drivers.
	Driver  string
	Library *library.Library
	// TLS is the version to speak, "1.2" or "1.3"; empty for the scenario's
	// own. A scenario that does not exist over it is not run.
	TLS string
	// Interposer is the path of the library to preload.
	Interposer string
	// Engine is the path of the origin's OpenSSL, for the scenarios that need
	// it.
	Engine string
	// Seed picks the sizes within the scenario's ranges.
	Seed uint64
	// Wrapper, if not empty, is a command that the subject is started by, such as
	// gdb --args.
	Wrapper []string
	// Limit bounds the subject's run; 0 stands for DefaultLimit, NoLimit for none.
	Limit time.Duration
	// Address for the origin to listen on; empty means any free port of
	// 127.0.0.1.
	Address string
	// Tap gets what the judge does not need; the zero value takes nothing.
	Tap Tap
}

// farewell limits the wait for connections that a subject left open. Its exit
// has already closed them.
const farewell = 2 * time.Second

// Run makes a run. It returns an error only if the run could not be made.
func Run(ctx context.Context, setup Setup) (*judge.Observation, error) {
	r, why, err := setup.resolve()
	if err != nil {
		return nil, err
	}
	if why != nil {
		return &judge.Observation{
			Scenario: r.Scenario, Plan: &plan.Plan{TLS: r.Scenario.Client.TLS}, Origin: &origin.Log{},
			Unimplemented: why.Error(),
		}, nil
	}
	watch, link := events.NewWatch(), &link{}
	server, err := origin.Start(r.origin(watch, link))
	if err != nil {
		return nil, err
	}
	observation, err := r.observe(ctx, server, watch, link)
	bound, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	log := server.Stop(bound)
	packets := setup.Tap.StopPackets()
	if err != nil {
		return nil, err
	}
	if log.Problem != "" {
		return nil, fmt.Errorf("the origin broke down: %s", log.Problem)
	}
	observation.Origin, observation.Packets = log, packets
	return observation, nil
}

// observe runs the subject against the origin.
func (r *run) observe(ctx context.Context, server *origin.Server, watch *events.Watch, link *link) (*judge.Observation, error) {
	folder, err := os.MkdirTemp("", "pipelab-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the run: %w", err)
	}
	defer os.RemoveAll(folder)
	caFile := ""
	if authority := server.Authority(); authority != nil {
		caFile = filepath.Join(folder, "ca.pem")
		if err := os.WriteFile(caFile, authority, 0o600); err != nil {
			return nil, fmt.Errorf("writing the origin's authority: %w", err)
		}
	}
	if err := r.Tap.Listen(server.URL()); err != nil {
		return nil, err
	}
	var accountant events.Accountant
	p := process{
		Client: r.client(),
		plan:   r.plan(server.URL(), caFile),
		see: func(e events.Event) {
			accountant.See(e)
			watch.See(e)
			r.Tap.TakeEvent(e)
		},
		said: r.Tap.TakeOutput,
		link: link,
	}
	limited, cancel := r.limited(ctx)
	defer cancel()
	out, err := p.run(limited)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // the user stopped the run, not the subject
	}
	summary := accountant.Summary()
	if out.failure == "" && out.report != nil {
		out.failure = otherLibrary(out.report, r.Library)
	}
	if out.failure == "" {
		out.failure = otherOpenSSL(summary.OpenSSL, r.Library)
	}
	return &judge.Observation{
		Scenario:      r.Scenario,
		Sanitized:     r.Library.Manifest.Sanitize,
		Plan:          p.plan,
		Report:        out.report,
		Failure:       out.failure,
		Unimplemented: out.unimplemented,
		Events:        summary,
	}, nil
}

// otherLibrary returns an error if the subject did not use the library under
// test, for example because an rpath names another. The run would say nothing
// about the library. A client without libcurl is accepted.
func otherLibrary(r *plan.Report, l *library.Library) string {
	token, _, _ := strings.Cut(r.LibcurlVersion, " ")
	used, isLibcurl := strings.CutPrefix(token, "libcurl/")
	if !isLibcurl || used == l.Manifest.LibcurlVersion {
		return ""
	}
	return fmt.Sprintf("the subject used libcurl %s instead of %s in %s", used, l.Manifest.LibcurlVersion, l.Prefix)
}

// otherOpenSSL returns an error if the subject used another OpenSSL than the one
// that its library was built against. A subject that was seen to use none, and a
// library that does not say, are accepted.
func otherOpenSSL(used string, l *library.Library) string {
	wanted := l.Manifest.OpenSSL.Version
	if used == "" || wanted == "" || used == wanted {
		return ""
	}
	return fmt.Sprintf("the subject used OpenSSL %s instead of %s, which the libcurl in %s was built against; "+
		"build it again with scripts/build-libcurl", used, wanted, l.Prefix)
}
