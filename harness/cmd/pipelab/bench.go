package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/clients/bench"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// benchOptions are the arguments of bench.
type benchOptions struct {
	bench.Bench
	clients []string
	rtts    []float64
	json    string
	update  string
	against string
	newest  string
}

func benchCommand() *cobra.Command {
	var o benchOptions
	var names []string
	for _, client := range bench.Clients {
		names = append(names, client.Name)
	}
	command := &cobra.Command{
		Use:   "bench",
		Short: "Compare clients: CPU time, requests a second, latency, memory",
		Long: "Starts an nginx on loopback, runs each client as a separate process in interleaved rounds, and prints\n" +
			"medians. Every combination of the lists is measured. scripts/bench builds the clients and calls this\n" +
			"command.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return measure(command, &o) },
	}
	flags := command.Flags()
	flags.IntSliceVar(&o.Depths, "depth", []int{1, 100, 1000}, "requests in flight")
	flags.IntSliceVar(&o.Bodies, "body", []int{12}, "bytes in a response")
	flags.StringSliceVar(&o.TLS, "tls", []string{"1.3"}, "1.2, 1.3 or plain")
	flags.Float64SliceVar(&o.rtts, "rtt", []float64{0}, "milliseconds of round-trip time to add")
	flags.StringSliceVar(&o.clients, "client", names, "`NAME`s of clients")
	flags.IntVar(&o.Rounds, "rounds", 5, "timed rounds of each client")
	flags.DurationVar(&o.Round, "round", 300*time.Millisecond, "approximate length of a round, in which each request in flight is followed by at least 9 others")
	flags.BoolVar(&o.Count, "count", true, "count system calls and TLS records, in untimed runs")
	flags.StringVar(&o.json, "json", "", "also write the rows to `FILE` as JSON")
	flags.StringVar(&o.update, "update", "", "write the table into a Markdown `FILE`, between its comments")
	flags.StringVar(&o.against, "against", "", "compare curlpipe with its state at revision `REV`, which scripts/bench has built, in at least 10 rounds")
	flags.StringVar(&o.newest, "newest", "", "`COMMAND` that runs a program with the newest libcurl, which scripts/bench has found")
	return command
}

// check refuses arguments that cannot be measured.
func (o *benchOptions) check() error {
	switch {
	case len(o.Depths) == 0 || slices.Min(o.Depths) < 1 || slices.Max(o.Depths) > 10_000:
		return errors.New("--depth takes numbers from 1 to 10000")
	case len(o.Bodies) == 0 || slices.Min(o.Bodies) < 1:
		return errors.New("--body takes numbers of at least 1")
	case len(o.rtts) == 0 || slices.Min(o.rtts) < 0:
		return errors.New("--rtt takes numbers of at least 0")
	case o.Rounds < 1 || o.Round <= 0:
		return errors.New("--rounds has to be at least 1, --round more than 0")
	case len(o.TLS) == 0 || len(o.clients) == 0:
		return errors.New("--tls and --client take a list of at least one")
	}
	for _, version := range o.TLS {
		if !slices.Contains([]string{"1.2", "1.3", bench.PlainText}, version) {
			return fmt.Errorf("--tls takes 1.2, 1.3 and plain, not %q", version)
		}
	}
	return nil
}

func measure(command *cobra.Command, o *benchOptions) error {
	if err := o.check(); err != nil {
		return usage(err)
	}
	var err error
	if o.Clients, err = bench.FindClients(o.clients); err != nil {
		return usage(err)
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	o.Folder = filepath.Join(found.Folder, "build", "bench")
	if o.against != "" {
		o.Clients = bench.Against(o.against)
		o.Rounds = max(o.Rounds, bench.AgainstRounds)
	}
	o.Newest = strings.Fields(o.newest)
	for _, milliseconds := range o.rtts {
		o.RTTs = append(o.RTTs, time.Duration(milliseconds*float64(time.Millisecond)))
	}
	if o.Scratch, err = bench.NewScratch(); err != nil {
		return cannotRun(err)
	}
	defer os.RemoveAll(o.Scratch)
	finish := o.showSteps(command.ErrOrStderr())
	result, err := o.Run(command.Context())
	finish()
	if err != nil {
		return cannotRun(err)
	}
	if err := result.WriteTable(command.OutOrStdout()); err != nil {
		return err
	}
	if o.json != "" {
		if err := report.WriteFile(o.json, result.WriteJSON); err != nil {
			return cannotRun(err)
		}
	}
	if o.update != "" {
		if err := updateReadme(o.update, "bench", result.WriteTable); err != nil {
			return cannotRun(err)
		}
	}
	if result.Failed {
		return &failure{exitUnexpected, errors.New("a client broke down, see below the table")}
	}
	if o.against == "" {
		return nil
	}
	return o.compare(command.OutOrStdout(), result)
}

// compare returns an error if curlpipe has become slower.
func (o *benchOptions) compare(w io.Writer, result *bench.Result) error {
	slower := false
	for _, change := range result.Changes() {
		fmt.Fprintln(w, change)
		slower = slower || change.Slower()
	}
	if slower {
		return &failure{exitUnexpected, fmt.Errorf("a request costs more CPU time than at %s", o.against)}
	}
	return nil
}

// showSteps shows each step: in a bar on a terminal, otherwise as a line.
func (o *benchOptions) showSteps(w io.Writer) (finish func()) {
	var bar *progressbar.ProgressBar
	o.Step = func(what string, done, total int) {
		if done == 0 {
			bar = newBar(w, int64(total))
		}
		if bar == nil {
			fmt.Fprintf(w, "[%d/%d] %s\n", done+1, total, what)
			return
		}
		bar.Describe(what)
		_ = bar.Set(done) // a bar that cannot be drawn must not stop the run
	}
	return func() {
		if bar != nil {
			_ = bar.Finish()
		}
	}
}
