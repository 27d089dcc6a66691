package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/launch"
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
	// Address for the origin to listen on; empty means any free port of
	// 127.0.0.1.
	Address string
	// Tap gets what the judge does not need; the zero value takes nothing.
	Tap Tap
}

// processLimit bounds the run of a subject that does not end by itself.
const processLimit = time.Minute

// farewell bounds the wait for connections that a subject left open. Its exit
// has closed them already.
const farewell = 2 * time.Second

// Run carries a run out. Only what keeps it from happening at all is an error.
func Run(ctx context.Context, setup Setup) (*judge.Observation, error) {
	if err := setup.Scenario.Check(); err != nil {
		return nil, err
	}
	why := setup.chooseTLS()
	if why == nil {
		why = setup.checkHTTP2()
	}
	if why != nil {
		return &judge.Observation{
			Scenario: setup.Scenario, Plan: &plan.Plan{TLS: setup.Scenario.Client.TLS}, Origin: &origin.Log{},
			Unimplemented: why.Error(),
		}, nil
	}
	watch, link := events.NewWatch(), &link{}
	server, err := origin.Start(originConfig(setup, watch, link))
	if err != nil {
		return nil, err
	}
	observation, err := observe(ctx, setup, server, watch, link)
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

// overHTTP2 reports whether the library is one that no longer pipelines.
func (s *Setup) overHTTP2() bool {
	return s.Library.Manifest.Multiplexing && !s.Library.Manifest.Pipelining
}

// checkHTTP2 returns why the scenario does not exist for a library that has
// nothing but HTTP/2.
func (s *Setup) checkHTTP2() error {
	if !s.overHTTP2() || s.Scenario.HTTP1Only() == "" {
		return nil
	}
	return fmt.Errorf("libcurl %s has HTTP/2 in the place of pipelining, and scenario %s is not the same over it: %s",
		s.Library.Manifest.LibcurlVersion, s.Scenario.ID, s.Scenario.HTTP1Only())
}

func originConfig(setup Setup, watch *events.Watch, link *link) origin.Config {
	s := setup.Scenario
	engine := ""
	if s.NeedsOpenSSL() {
		engine = setup.Engine
	}
	return origin.Config{
		Engine:           engine,
		Address:          setup.Address,
		TLS:              s.Client.TLS,
		HTTP2:            setup.overHTTP2(),
		Requests:         s.Client.Requests,
		ReceiveBuffer:    s.Origin.ReceiveBuffer,
		MaxSegment:       s.Origin.MaxSegment,
		StallConnections: s.Origin.StallConnections,
		StallUntilLeft:   s.Origin.StallUntilLeft,
		Answers:          s.Answers(),
		Places:           s.Origin.Places,
		Initial:          s.Initial(),
		NeedNoAnswer:     s.NeedNoAnswer(),
		Client:           watch,
		Process:          link,
		KeyLog:           setup.Tap.KeyLog,
	}
}

// observe runs the subject against the origin.
func observe(ctx context.Context, setup Setup, server *origin.Server, watch *events.Watch, link *link) (*judge.Observation, error) {
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
	if err := setup.Tap.Listen(server.URL()); err != nil {
		return nil, err
	}
	asked := setup.Scenario.Plan(setup.Seed, server.URL(), caFile, setup.Driver)
	if setup.overHTTP2() {
		asked.Pipelining = plan.Multiplex
	}
	var accountant events.Accountant
	p := process{
		Client: launch.Client{
			Command: []string{setup.Subject.Path},
			Library: setup.Library,
			Interposer: launch.Interposer{
				Path:         setup.Interposer,
				SendBuffer:   setup.Scenario.Client.SendBuffer,
				BlockedSend:  setup.Scenario.Client.BlockedSend,
				BlockedReads: setup.Scenario.Client.BlockedReads,
			},
		},
		plan: asked,
		see: func(e events.Event) {
			accountant.See(e)
			watch.See(e)
			setup.Tap.TakeEvent(e)
		},
		said: setup.Tap.TakeOutput,
		link: link,
	}
	limited, cancel := context.WithTimeout(ctx, processLimit)
	defer cancel()
	out, err := p.run(limited)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err // the user gave up, not the subject
	}
	summary := accountant.Summary()
	if out.failure == "" && out.report != nil {
		out.failure = otherLibrary(out.report, setup.Library)
	}
	if out.failure == "" {
		out.failure = otherOpenSSL(summary.OpenSSL, setup.Library)
	}
	return &judge.Observation{
		Scenario:      setup.Scenario,
		Sanitized:     setup.Library.Manifest.Sanitize,
		Plan:          p.plan,
		Report:        out.report,
		Failure:       out.failure,
		Unimplemented: out.unimplemented,
		Events:        summary,
	}, nil
}

// otherLibrary says so if the subject has not used the library under test, as
// one that is linked to its own with an rpath would; then the run says nothing
// about the one that it is for. A client without libcurl is none of it.
func otherLibrary(r *plan.Report, l *library.Library) string {
	token, _, _ := strings.Cut(r.LibcurlVersion, " ")
	used, isLibcurl := strings.CutPrefix(token, "libcurl/")
	if !isLibcurl || used == l.Manifest.LibcurlVersion {
		return ""
	}
	return fmt.Sprintf("the subject used libcurl %s instead of %s in %s", used, l.Manifest.LibcurlVersion, l.Prefix)
}

// otherOpenSSL says so if the subject has used another OpenSSL than the one
// that the library was built against. A client that was seen to use none, and
// a library that does not say, are none of it.
func otherOpenSSL(used string, l *library.Library) string {
	wanted := l.Manifest.OpenSSL.Version
	if used == "" || wanted == "" || used == wanted {
		return ""
	}
	return fmt.Sprintf("the subject used OpenSSL %s instead of %s, which the libcurl in %s was built against; "+
		"build it again with scripts/build-libcurl", used, wanted, l.Prefix)
}
