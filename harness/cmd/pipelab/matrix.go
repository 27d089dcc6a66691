package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// htmlUsage is the usage of --html.
const htmlUsage = "make `DIR`/index.html, one page with the grid and every run"

// matrixOptions are the arguments of matrix.
type matrixOptions struct {
	selection
	openssl     []string
	unavailable []string
	shard       string
	jobs        int
	fresh       bool
	html        string
}

func matrixCommand() *cobra.Command {
	var o matrixOptions
	command := &cobra.Command{
		Use:   "matrix",
		Short: "Run clients with every OpenSSL, libcurl and version of TLS, and print a grid",
		Long: "Makes a run for every combination, several at a time, and prints a grid with a row for each OpenSSL and a\n" +
			"column for each libcurl and version of TLS. Exits with 0 exactly if every run had the expected result.\n" +
			"Finished runs are kept until the matrix is complete: repeat an interrupted call to resume it. scripts/matrix\n" +
			"first builds the missing libraries.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			o.seedChosen = command.Flags().Changed("seed")
			return runMatrix(command, &o)
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&o.openssl, "openssl", []string{matrix.System},
		"`NAME`s of OpenSSLs that scripts/build-openssl has made, or system")
	flags.StringSliceVar(&o.Libraries, "libcurl", []string{library.Stock, library.Patched},
		"`NAME`s of libcurls that scripts/build-libcurl has built, without the name of the OpenSSL;\npackaged is the suite's own libcurl, over HTTP/2")
	flags.StringArrayVar(&o.unavailable, "unavailable", nil,
		"an OpenSSL, or a libcurl with it, that cannot be had: `NAME[/LIBCURL]=REASON`; its cells are n/a")
	flags.StringVar(&o.Scenario, "scenario", "*", "`GLOB` of scenario ids")
	flags.StringSliceVar(&o.Subjects, "subject", subjectNames(), "`NAME`s of subjects")
	flags.StringSliceVar(&o.Drivers, "driver", []string{plan.DriverPerform, plan.DriverSocket},
		"perform, socket or both, of those that a subject supports")
	flags.StringSliceVar(&o.TLS, "tls", []string{plan.TLS12, plan.TLS13}, "`VERSION`s of TLS")
	flags.IntVar(&o.jobs, "jobs", 2*runtime.NumCPU(), "number of runs at a time (default: twice the number of CPUs)")
	flags.Lookup("jobs").DefValue = "0" // the text has it
	flags.StringVar(&o.shard, "shard", shard.Whole.String(), "make part `I/N` of the runs; pipelab merge combines the parts")
	flags.BoolVar(&o.fresh, "fresh", false, "start anew instead of resuming an interrupted call")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of all runs (default random)")
	o.outputs.addTo(flags)
	flags.StringVar(&o.html, "html", "", htmlUsage+", and keep the evidence of the unexpected ones beside it")
	return command
}

func runMatrix(command *cobra.Command, o *matrixOptions) error {
	if o.jobs < 1 {
		return usage(fmt.Errorf("--jobs must be 1 or more, not %d", o.jobs))
	}
	part, err := shard.Parse(o.shard)
	if err != nil {
		return usage(fmt.Errorf("--shard: %w", err))
	}
	if err := o.outputs.check(); err != nil {
		return err
	}
	o.chooseSeed()
	tasks, axes, err := o.tasks()
	if err != nil {
		return err
	}
	cache, err := library.DefaultCache()
	if err != nil {
		return cannotRun(err)
	}
	w := &matrix.Work{
		Tasks: matrix.ShardOf(tasks, part), Jobs: o.jobs, Seed: o.seed, SeedChosen: o.seedChosen,
		Store:    &matrix.Store{Folder: filepath.Join(cache, "matrix")},
		Progress: command.ErrOrStderr(),
	}
	if o.html != "" {
		w.Evidence = evidenceBelow(o.html)
	}
	if err := w.Prepare(o.fresh); err != nil {
		return cannotRun(err)
	}
	runs, err := w.Run(command.Context())
	if err != nil {
		return cannotRun(err)
	}
	d := &matrix.Document{
		Schema: matrix.Schema, Date: time.Now().UTC().Format(time.DateOnly), Axes: *axes, Shard: part,
		Document: *report.NewDocument(runs),
	}
	if err := show(command, d, &o.outputs, o.html); err != nil {
		return err
	}
	if err := w.Finish(); err != nil { // only now are the results safe
		return cannotRun(err)
	}
	return sum(runs)
}

// evidenceBelow keeps the evidence of runs with unexpected results below the folder
// of the page.
func evidenceBelow(page string) func(string, *lab.Setup) func(*outcome.Run, *judge.Observation) (string, error) {
	return func(openssl string, setup *lab.Setup) func(*outcome.Run, *judge.Observation) (string, error) {
		name := filepath.Join("evidence", openssl, setup.Scenario.ID, runName(setup, 1))
		folder := filepath.Join(page, name)
		collector := evidence.Collect(folder, false)
		setup.Tap = collector.Tap()
		return func(r *outcome.Run, seen *judge.Observation) (string, error) {
			if r.AsExpected() {
				return "", os.RemoveAll(folder)
			}
			return filepath.ToSlash(name), keepRun(collector, setup, r, seen)
		}
	}
}

// show prints the grid and the unexpected results, and writes the requested
// files.
func show(command *cobra.Command, d *matrix.Document, files *outputs, html string) error {
	out := command.OutOrStdout()
	if err := d.Text(out); err != nil {
		return cannotRun(err)
	}
	var unexpected []outcome.Run
	for i := range d.Runs {
		if !d.Runs[i].AsExpected() {
			unexpected = append(unexpected, d.Runs[i])
		}
	}
	if len(unexpected) > 0 {
		fmt.Fprintln(out)
		if err := report.Table(out, unexpected); err != nil {
			return cannotRun(err)
		}
	}
	fmt.Fprintf(out, "\n%s\n", report.Summary(d.Runs))
	if files.json != "" { // includes the axes, which the runs do not have
		if err := d.WriteFile(files.json); err != nil {
			return cannotRun(err)
		}
	}
	if html != "" {
		if err := os.MkdirAll(html, 0o755); err != nil {
			return cannotRun(fmt.Errorf("--html %s: %w", html, err))
		}
		for i := range d.Runs { // a shard's evidence may be elsewhere
			if _, err := os.Stat(filepath.Join(html, d.Runs[i].Evidence)); err != nil {
				d.Runs[i].Evidence = ""
			}
		}
		if err := report.WriteFile(filepath.Join(html, "index.html"), d.Page); err != nil {
			return cannotRun(err)
		}
	}
	others := *files
	others.json = ""
	return others.write(d.Runs)
}

// gaps parses the values of --unavailable.
func gaps(values []string) ([]matrix.Gap, error) {
	var list []matrix.Gap
	for _, value := range values {
		what, reason, found := strings.Cut(value, "=")
		if !found || what == "" || reason == "" {
			return nil, fmt.Errorf("--unavailable is of the form NAME=REASON or NAME/LIBCURL=REASON, not %q", value)
		}
		openssl, libcurl, _ := strings.Cut(what, "/")
		list = append(list, matrix.Gap{OpenSSL: openssl, Library: libcurl, Reason: reason})
	}
	return list, nil
}

// tasks returns the runs of the matrix and its axes.
func (o *matrixOptions) tasks() ([]matrix.Task, *matrix.Axes, error) {
	missing, err := gaps(o.unavailable)
	if err != nil {
		return nil, nil, usage(err)
	}
	for option, values := range map[string][]string{
		"--openssl": o.openssl, "--libcurl": o.Libraries, "--tls": o.TLS, "--subject": o.Subjects, "--driver": o.Drivers,
	} {
		if name := twice(values); name != "" {
			return nil, nil, usage(fmt.Errorf("%s names %s twice", option, name))
		}
	}
	c := matrix.Choice{Choice: o.Choice, OpenSSL: o.openssl, Gaps: missing}
	tasks, axes, err := c.Tasks()
	return tasks, axes, chosen(err)
}
