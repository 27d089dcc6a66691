package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/capture"
	"github.com/curlpipe/curlpipe/harness/check"
	"github.com/curlpipe/curlpipe/harness/checkout"
	"github.com/curlpipe/curlpipe/harness/events"
	"github.com/curlpipe/curlpipe/harness/evidence"
	"github.com/curlpipe/curlpipe/harness/judge"
	"github.com/curlpipe/curlpipe/harness/origin"
	"github.com/curlpipe/curlpipe/harness/report"
)

// checkOptions is what the arguments of check ask for.
type checkOptions struct {
	plain       bool
	http2       bool
	stall       bool
	connections int
	requests    int
	limit       time.Duration
	capture     bool
	out         string
}

// Sizes in bytes that make writes block early, with --stall.
const (
	stallReceiveBuffer = 8 << 10
	stallSendBuffer    = 16 << 10
)

// farewell bounds the wait for connections that a client left open.
const farewell = 2 * time.Second

func checkCommand() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:   "check [flags] -- COMMAND ...",
		Short: "Judge any HTTP client",
		Long: "Runs a command against an honest origin and judges what can be seen from outside: connections,\n" +
			"requests, how connections end, and, where the client links OpenSSL dynamically, its writes. In the\n" +
			"command {url} stands for the origin's URL, without a slash at its end, {ca} for the file that has its\n" +
			"authority; SSL_CERT_FILE and CURL_CA_BUNDLE name that file, too. What cannot be seen is n/a, which is\n" +
			"no pass. Exits 0 exactly when something was seen and nothing failed.",
		Example: "  pipelab check -- curl {url}/1 {url}/2\n" +
			"  pipelab check --plain --requests 100 -- ab -k -n 100 -c 1 {url}/",
		RunE: func(command *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				return usage(errors.New("check needs a command after --, with {url} in it"))
			}
			if !strings.Contains(strings.Join(arguments, " "), "{url}") {
				return usage(errors.New("the command has no {url} in it, which stands for the URL of the origin"))
			}
			if o.plain && o.http2 {
				return usage(errors.New("--http2 needs TLS, which --plain takes away"))
			}
			if o.connections < 1 || o.requests < 1 || o.limit <= 0 {
				return usage(errors.New("--connections and --requests have to be 1 or more, --time-limit more than 0"))
			}
			return runCheck(command, &o, arguments)
		},
	}
	flags := command.Flags()
	flags.SetInterspersed(false)
	flags.BoolVar(&o.plain, "plain", false, "HTTP without TLS")
	flags.BoolVar(&o.http2, "http2", false, "offer HTTP/2, too; needs TLS")
	flags.BoolVar(&o.stall, "stall", false, "stop reading until the client is stuck in a write, with small buffers")
	flags.IntVar(&o.connections, "connections", 1, "how many connections the client may make")
	flags.IntVar(&o.requests, "requests", 1, "how many requests it has to make at least")
	flags.DurationVar(&o.limit, "time-limit", time.Minute, "end the client after that `TIME`")
	flags.BoolVar(&o.capture, "capture", false, "judge by the packets, too; needs CAP_NET_RAW")
	flags.StringVar(&o.out, "out", "", "keep the evidence in `DIR`/check/CLIENT")
	return command
}

func runCheck(command *cobra.Command, o *checkOptions, arguments []string) error {
	folder, err := os.MkdirTemp("", "pipelab-check-")
	if err != nil {
		return cannotRun(fmt.Errorf("making a folder for the run: %w", err))
	}
	defer os.RemoveAll(folder)
	kept := filepath.Join(folder, "evidence")
	name := filepath.Base(arguments[0])
	if o.out != "" {
		kept = filepath.Join(o.out, "check", name)
	}
	collector := evidence.Collect(kept, o.capture)
	observation, err := observe(command.Context(), o, arguments, folder, collector)
	if err != nil {
		collector.Stop()
		return cannotRun(err)
	}
	findings := check.Findings(observation)
	r := runOf(observation, findings, name, o)
	r.Command = "build/pipelab check " + flagsOf(o) + "-- " + quoteAll(arguments)
	err = collector.Finish(evidence.Record{Run: r, Summary: "An honest origin, any client."}, observation.Origin)
	var noPackets error
	if errors.Is(err, capture.ErrNotPermitted) {
		noPackets = err
		fmt.Fprintf(command.ErrOrStderr(), "pipelab: %v; judged without them\n", err)
	} else if err != nil {
		return cannotRun(err)
	}
	if err := showFindings(command.OutOrStdout(), name, r.Verdict, findings); err != nil {
		return cannotRun(err)
	}
	switch {
	case r.Verdict != judge.Pass:
		return &failure{exitUnexpected, fmt.Errorf("%s: %s", name, r.Verdict)}
	case noPackets != nil:
		return cannotRun(errors.New("no packets were captured"))
	}
	return nil
}

// observe runs the client against the origin.
func observe(ctx context.Context, o *checkOptions, arguments []string, folder string, collector *evidence.Collector) (*check.Observation, error) {
	watch := events.NewWatch()
	config := check.Config{Plain: o.plain, HTTP2: o.http2, KeyLog: collector}
	if o.stall {
		config.Client, config.ReceiveBuffer = watch, stallReceiveBuffer
	}
	server, err := check.Start(config)
	if err != nil {
		return nil, err
	}
	stop := func() *origin.Log {
		bound, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		return server.Stop(bound)
	}
	var accountant events.Accountant
	var tlsWrites int64
	client := check.Client{
		Command: arguments, URL: server.URL(), Limit: o.limit,
		See: func(e events.Event) {
			accountant.See(e)
			watch.See(e)
			if e.IsTLSWrite() {
				tlsWrites++
			}
			collector.Event(e)
		},
	}
	noEvents := ""
	if client.Interposer, err = findInterposer(); err != nil {
		noEvents = err.Error()
	} else if o.stall {
		client.SendBuffer = stallSendBuffer
	}
	if authority := server.Authority(); authority != nil {
		client.Authority = filepath.Join(folder, "ca.pem")
		if err := os.WriteFile(client.Authority, authority, 0o600); err != nil {
			stop()
			return nil, fmt.Errorf("writing the origin's authority: %w", err)
		}
	}
	if err := collector.Listen(server.URL()); err != nil {
		stop()
		return nil, err
	}
	ending, err := client.Run(ctx)
	log := stop()
	if err != nil {
		return nil, err
	}
	collector.Output(ending.Stdout, ending.Stderr)
	return &check.Observation{
		Connections: o.connections, Requests: o.requests, Failure: ending.Failure, Origin: log, Protocols: server.Protocols(),
		Packets: collector.Stop(), Events: accountant.Summary(), NoEvents: noEvents, TLSWrites: tlsWrites,
	}, nil
}

func findInterposer() (string, error) {
	found, err := checkout.Find()
	if err != nil {
		return "", err
	}
	return found.Bench().Interposer()
}

// runOf makes of a check what the report shows.
func runOf(o *check.Observation, findings []judge.Finding, name string, options *checkOptions) report.Run {
	r := report.Run{
		Scenario: "check", Subject: name, Driver: "command", Verdict: check.Sum(findings), Expected: judge.Pass,
		Connections: len(o.Origin.Connections), Resets: o.Origin.EarlyEnds(), Repetition: 1,
		WantWrite: o.Events.WantWrite, WantRead: o.Events.WantRead, BadWriteRetry: len(o.Events.BadRetries),
		SubjectError: o.Failure, Invariants: findings,
	}
	for _, c := range o.Origin.Connections {
		if !options.plain && r.TLS == "" {
			r.TLS = strings.TrimPrefix(c.TLS, "TLS ")
		}
		for _, request := range c.Requests {
			r.Requests++
			if request.Answered {
				r.Answered++
			}
		}
	}
	return r
}

func showFindings(w io.Writer, name string, verdict judge.Verdict, findings []judge.Finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "invariant\tverdict\tseen\texpected")
	for _, f := range findings {
		expected := f.Expected
		if f.Verdict == judge.NotApplicable {
			expected = ""
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.ID, f.Verdict, f.Actual, expected)
	}
	fmt.Fprintf(table, "\n%s: %s\n", name, verdict)
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the verdicts: %w", err)
	}
	return nil
}

// flagsOf are the flags that make the same check again.
func flagsOf(o *checkOptions) string {
	var list []string
	for _, flag := range []struct {
		name string
		set  bool
	}{{"--plain", o.plain}, {"--http2", o.http2}, {"--stall", o.stall}} {
		if flag.set {
			list = append(list, flag.name)
		}
	}
	list = append(list, fmt.Sprintf("--connections %d --requests %d ", o.connections, o.requests))
	return strings.Join(list, " ")
}
