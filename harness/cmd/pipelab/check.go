package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// checkOptions is what the arguments of check ask for.
type checkOptions struct {
	check.Setup
	capture bool
	out     string
}

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
			if o.Plain && o.HTTP2 {
				return usage(errors.New("--http2 needs TLS, which --plain takes away"))
			}
			if o.Connections < 1 || o.Requests < 1 || o.Limit <= 0 {
				return usage(errors.New("--connections and --requests have to be 1 or more, --time-limit more than 0"))
			}
			return runCheck(command, &o, arguments)
		},
	}
	flags := command.Flags()
	flags.SetInterspersed(false)
	flags.BoolVar(&o.Plain, "plain", false, "HTTP without TLS")
	flags.BoolVar(&o.HTTP2, "http2", false, "offer HTTP/2, too; needs TLS")
	flags.BoolVar(&o.Stall, "stall", false, "stop reading until the client is stuck in a write, with small buffers")
	flags.IntVar(&o.Connections, "connections", 1, "how many connections the client may make")
	flags.IntVar(&o.Requests, "requests", 1, "how many requests it has to make at least")
	flags.DurationVar(&o.Limit, "time-limit", time.Minute, "end the client after that `TIME`")
	flags.BoolVar(&o.capture, "capture", false, "judge by the packets, too; needs CAP_NET_RAW")
	flags.StringVar(&o.out, "out", "", "keep the evidence in `DIR`/check/CLIENT")
	return command
}

func runCheck(command *cobra.Command, o *checkOptions, arguments []string) error {
	name := filepath.Base(arguments[0])
	out := o.out
	if out == "" { // the packets are judged all the same
		folder, err := os.MkdirTemp("", "pipelab-check-")
		if err != nil {
			return cannotRun(fmt.Errorf("making a folder for the evidence: %w", err))
		}
		defer os.RemoveAll(folder)
		out = folder
	}
	collector := evidence.Collect(filepath.Join(out, "check", name), o.capture)
	o.Command, o.Tap = arguments, collector.Tap()
	var err error
	if o.Interposer, err = findInterposer(); err != nil {
		o.NoInterposer = err.Error()
	}
	if err != nil && o.Stall {
		return cannotRun(fmt.Errorf("--stall has to see when the client is stuck: %w", err))
	}
	observation, err := check.Examine(command.Context(), o.Setup)
	if err != nil {
		return cannotRun(err)
	}
	r := outcome.OfClient(observation, name)
	r.Command = "build/pipelab check " + flagsOf(o) + "-- " + outcome.Quote(arguments)
	executable, _ := exec.LookPath(arguments[0]) // which has run, so it is there
	err = collector.Finish(evidence.Record{
		Run: r, Programs: evidence.Programs(executable, o.Interposer), Summary: "An honest origin, any client.",
	}, observation.Origin)
	var noPackets error
	if errors.Is(err, evidence.ErrNoPackets) {
		noPackets = err
		fmt.Fprintf(command.ErrOrStderr(), "pipelab: %v; judged without them\n", err)
	} else if err != nil {
		return cannotRun(err)
	}
	if err := showFindings(command.OutOrStdout(), &r); err != nil {
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

func findInterposer() (string, error) {
	found, err := checkout.Find()
	if err != nil {
		return "", err
	}
	return subject.In(found.Programs()).Interposer()
}

func showFindings(w io.Writer, r *outcome.Run) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "invariant\tverdict\tseen\texpected")
	for _, f := range r.Invariants {
		expected := f.Expected
		if f.Verdict == judge.NotApplicable {
			expected = ""
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", f.ID, f.Verdict, f.Actual, expected)
	}
	fmt.Fprintf(table, "\n%s: %s\n", r.Subject, r.Verdict)
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
	}{{"--plain", o.Plain}, {"--http2", o.HTTP2}, {"--stall", o.Stall}} {
		if flag.set {
			list = append(list, flag.name)
		}
	}
	list = append(list, fmt.Sprintf("--connections %d --requests %d --time-limit %s ", o.Connections, o.Requests, o.Limit))
	return strings.Join(list, " ")
}
