package lab

import (
	"fmt"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// run is a resolved setup: the scenario as it will run, with the versions of
// TLS and HTTP in use. Both halves of a run are made from it.
type run struct {
	Setup
	// http2 is true for a scenario that needs HTTP/2, and for a library that no
	// longer pipelines.
	http2 bool
}

// resolve resolves a setup. why says why there is no such run: the library does
// not support what the scenario needs. err says that a scenario contradicts
// itself.
func (s Setup) resolve() (r *run, why, err error) {
	if err := s.Scenario.Check(); err != nil {
		return nil, nil, err
	}
	manifest := s.Library.Manifest
	r = &run{Setup: s, http2: s.Scenario.HTTP2 || manifest.Multiplexing && !manifest.Pipelining}
	if s.TLS != "" {
		var other scenario.Scenario
		other, why = s.Scenario.WithTLS(s.TLS)
		other.Client.TLS = s.TLS
		r.Scenario = &other
	}
	switch {
	case why != nil:
	case r.Scenario.Client.TLS == plan.TLS13 && beforeTLS13(manifest.OpenSSL.Version):
		why = fmt.Errorf("OpenSSL %s has no TLS 1.3", manifest.OpenSSL.Version)
	case r.http2 && !manifest.Multiplexing:
		why = fmt.Errorf("libcurl %s has no HTTP/2, as far as is known; scripts/build-libcurl --features full builds one that has",
			manifest.LibcurlVersion)
	case r.http2 && r.Scenario.HTTP1Only() != "":
		why = fmt.Errorf("libcurl %s has HTTP/2 instead of pipelining, and scenario %s is different over HTTP/2: %s",
			manifest.LibcurlVersion, r.Scenario.ID, r.Scenario.HTTP1Only())
	}
	return r, why, nil
}

// beforeTLS13 reports whether that release of OpenSSL is older than 1.1.1, the
// first that has TLS 1.3.
func beforeTLS13(version string) bool {
	for _, series := range []string{"0.", "1.0.", "1.1.0"} {
		if strings.HasPrefix(version, series) {
			return true
		}
	}
	return false
}

// origin returns the server's half.
func (r *run) origin(watch *events.Watch, link *link) origin.Config {
	config := origin.Config{
		Origin:       r.Scenario.Origin,
		Address:      r.Address,
		TLS:          r.Scenario.Client.TLS,
		HTTP2:        r.http2,
		Requests:     r.Scenario.Client.Requests,
		Initial:      r.Scenario.Initial(),
		NeedNoAnswer: r.Scenario.NeedNoAnswer(),
		Client:       watch,
		Process:      link,
		KeyLog:       r.Tap.KeyLog,
	}
	if r.Scenario.NeedsOpenSSL() {
		config.Engine = r.Engine
	}
	return config
}

// plan returns the client's half, for a listening origin.
func (r *run) plan(url, caFile string) *plan.Plan {
	asked := r.Scenario.Plan(r.Seed, url, caFile, r.Driver)
	asked.FirstAlone = !r.http2 && r.Scenario.FirstAlone(r.Library.Manifest.Version)
	if r.http2 {
		asked.Pipelining = plan.Multiplex
	}
	if len(r.Wrapper) > 0 {
		// A wrapper may slow the subject down or stop it, and the subject must
		// not give up meanwhile.
		asked.StallLimitMS = int(wrappedStallLimit.Milliseconds())
	}
	return asked
}

// wrappedStallLimit is how long a subject in a wrapper waits without progress
// before it gives up. The limit of the run ends it earlier.
const wrappedStallLimit = 24 * time.Hour

// client returns the process that carries out the plan.
func (r *run) client() launch.Client {
	client := &r.Scenario.Client
	return launch.Client{
		Command: []string{r.Subject.Path},
		Wrapper: r.Wrapper,
		Library: r.Library,
		Interposer: launch.Interposer{
			Path:         r.Interposer,
			SendBuffer:   client.SendBuffer,
			BlockedSend:  client.BlockedSend,
			BlockedReads: client.BlockedReads,
		},
	}
}
