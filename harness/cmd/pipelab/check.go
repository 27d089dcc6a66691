package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/embedded"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/choice"
	"github.com/curlpipe/curlpipe/harness/run/lab"
)

// checkOptions are the arguments of check.
type checkOptions struct {
	check.Setup
	outputs
	capture   bool
	out       string
	scenario  string
	complaint string
	tls       []string
	repeat    int
	scenarios []*check.Scenario // a nil element is the honest origin
}

func checkCommand() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:   "check [flags] -- COMMAND ...",
		Short: "Judge any HTTP client",
		Long: "Runs a command against an origin and judges what can be observed from outside: connections, requests, how\n" +
			"connections end, what the client prints and, if it links OpenSSL dynamically, its writes. The origin is\n" +
			"honest; with --scenario it misbehaves, in one run for each scenario. In the command, {url} stands for the\n" +
			"origin's URL without a final slash, {host} and {port} for its parts, {ca} for the file with its certificate\n" +
			"authority, {file} for a file of 1 MB to upload, and {dir} for a folder to write to. The environment variables\n" +
			"that name an authority for curl, OpenSSL, Python, git, Node and Perl are set to {ca}; variables that name a\n" +
			"proxy are removed. An invariant that cannot be observed is n/a, which is not a pass. Exits with 0 exactly if\n" +
			"something was observed and nothing failed.",
		Example: "  pipelab check -- curl {url}/1 {url}/2\n" +
			"  pipelab check --scenario 'framing-*' -- curl --fail-early {url}/1 {url}/2\n" +
			"  pipelab check --stall -- curl -T {file} {url}/1\n" +
			"  pipelab check --plain --requests 100 -- ab -k -n 100 -c 1 {url}/",
		RunE: func(command *cobra.Command, arguments []string) error {
			if err := o.understand(arguments); err != nil {
				return err
			}
			return runChecks(command, &o, arguments)
		},
	}
	flags := command.Flags()
	flags.SetInterspersed(false)
	flags.StringVar(&o.scenario, "scenario", "", "run the scenarios that match `GLOB`; pipelab list names them (default: an honest origin)")
	flags.BoolVar(&o.Plain, "plain", false, "HTTP without TLS")
	flags.BoolVar(&o.HTTP2, "http2", false, "also offer HTTP/2, and misbehave in it; needs TLS")
	flags.BoolVar(&o.Stall, "stall", false, "stop reading until the client is stuck in a write, with small buffers")
	flags.StringSliceVar(&o.tls, "tls", nil, "`VERSIONS` of TLS: 1.2, 1.3 or both in turn (default: negotiated)")
	flags.StringVar(&o.Host, "host", "", "`NAME` of the origin in {url}: localhost or another name of this machine (default 127.0.0.1)")
	flags.BoolVar(&o.Gateway, "gateway", false, "the client is a proxy or a gateway, which may answer 502 where a user agent has to continue")
	flags.IntVar(&o.Connections, "connections", 1, "maximum number of connections")
	flags.IntVar(&o.Requests, "requests", 1, "minimum number of requests")
	flags.DurationVar(&o.Limit, "time-limit", lab.DefaultLimit, "kill the client after this `TIME`")
	flags.StringVar(&o.complaint, "complaint", "", "`REGEXP` for the output by which a client reports a failure although its exit code is 0")
	flags.IntVar(&o.repeat, "repeat", 1, "number of times to make each run")
	flags.BoolVar(&o.capture, "capture", false, "also judge by the packets; needs CAP_NET_RAW")
	flags.StringVar(&o.out, "out", "", "keep the evidence in `DIR`/SCENARIO/CLIENT; existing files are not overwritten")
	o.outputs.addTo(flags)
	return command
}

// understand checks the arguments against each other, and finds what the runs
// need.
func (o *checkOptions) understand(arguments []string) error {
	text := strings.Join(arguments, " ")
	switch {
	case len(arguments) == 0:
		return usage(errors.New("check needs a command after --, with {url} in it"))
	case !strings.Contains(text, "{url}") && !strings.Contains(text, "{port}"):
		return usage(errors.New("the command has neither {url}, which stands for the URL of the origin, nor {port}"))
	case o.Plain && o.HTTP2:
		return usage(errors.New("--http2 needs TLS, which --plain takes away"))
	case o.Plain && len(o.tls) > 0:
		return usage(errors.New("--tls needs TLS, which --plain takes away"))
	case o.Limit <= 0:
		return usage(fmt.Errorf("--time-limit has to be more than 0, not %s", o.Limit))
	case o.Host != "" && !isHost(o.Host):
		return usage(fmt.Errorf("--host %q is no name of a host: give one of this machine, such as localhost", o.Host))
	}
	for _, number := range []struct {
		flag  string
		value int
	}{{"connections", o.Connections}, {"requests", o.Requests}, {"repeat", o.repeat}} {
		if number.value < 1 {
			return usage(fmt.Errorf("--%s has to be 1 or more, not %d", number.flag, number.value))
		}
	}
	if err := choice.CheckVersions(o.tls); err != nil {
		return usage(err)
	}
	if o.complaint != "" {
		var err error
		if o.Complaint, err = regexp.Compile(o.complaint); err != nil {
			return usage(fmt.Errorf("--complaint: %w", err))
		}
	}
	var err error
	if o.scenarios, err = checkScenarios(o.scenario, o.HTTP2, o.Plain); err != nil {
		return usage(err)
	}
	if err := o.outputs.check(); err != nil {
		return err
	}
	return o.findPrograms()
}

// isHost reports whether a URL and a certificate can have the name, which may be an
// address.
func isHost(name string) bool {
	u, err := url.Parse("https://" + net.JoinHostPort(name, "1"))
	beyond := func(r rune) bool { return r > unicode.MaxASCII }
	return err == nil && u.Hostname() == name && u.Path == "" && u.User == nil && !strings.ContainsFunc(name, beyond)
}

// checkScenarios returns the scenarios that match; without a pattern, one nil.
func checkScenarios(pattern string, http2, plain bool) ([]*check.Scenario, error) {
	if pattern == "" {
		return []*check.Scenario{nil}, nil
	}
	found, err := check.Match(pattern, http2)
	if err != nil {
		return nil, err
	}
	var list []*check.Scenario
	for i := range found {
		if !plain || !found[i].Secured {
			list = append(list, &found[i])
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%q needs TLS, which --plain takes away", pattern)
	}
	return list, nil
}

// findPrograms finds the interposer and the TLS engine.
func (o *checkOptions) findPrograms() error {
	interposer, err := findProgram(subject.InterposerFile, (*subject.Programs).Interposer)
	if err != nil {
		o.NoInterposer = err.Error()
	}
	if err != nil && o.Stall {
		return cannotRun(fmt.Errorf("--stall has to see when the client is stuck: %w", err))
	}
	o.Interposer = interposer
	o.Engine, err = findProgram(subject.EngineFile, (*subject.Programs).Engine)
	for _, s := range o.scenarios {
		if s != nil && err != nil && s.NeedsEngine() {
			return cannotRun(fmt.Errorf("%s has to send what only OpenSSL can: %w", s.ID, err))
		}
		if s != nil && s.NeedsInterposer() && o.Interposer == "" {
			return cannotRun(fmt.Errorf("%s has to see when the client is stuck: %s", s.ID, o.NoInterposer))
		}
	}
	return nil
}

// findProgram returns the path of a program: in the checkout, or outside of one
// the copy that pipelab contains.
func findProgram(file string, built func(*subject.Programs) (string, error)) (string, error) {
	found, err := checkout.Find()
	if err != nil {
		return embedded.Extract(file)
	}
	return built(subject.In(found.Programs()))
}

// flagsOf returns the flags that repeat the check with one scenario.
func flagsOf(o *checkOptions, s *check.Scenario, tls string) string {
	var list []string
	add := func(set bool, words ...string) {
		if set {
			list = append(list, words...)
		}
	}
	add(o.Plain, "--plain")
	add(o.HTTP2, "--http2")
	add(o.Stall, "--stall")
	if s != nil {
		add(true, "--scenario", s.ID)
	}
	add(o.Gateway, "--gateway")
	add(tls != "", "--tls", tls)
	add(o.Host != "", "--host", o.Host)
	if o.complaint != "" {
		add(true, "--complaint", outcomeQuote(o.complaint))
	}
	add(true, fmt.Sprintf("--connections %d --requests %d --time-limit %s ", o.Connections, o.Requests, o.Limit))
	return strings.Join(list, " ")
}
