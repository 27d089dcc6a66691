package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/mattn/go-shellwords"
	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/clients/launch"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/run/choice"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// selection has the arguments of run.
type selection struct {
	choice.Choice
	repeat     int
	again      bool
	seed       uint64
	outputs    outputs
	logFile    string
	outFolder  string
	capture    bool
	seedChosen bool
	wrap       string
	wrapper    []string // the words of wrap
	limit      time.Duration
}

// chooseSeed picks a random seed unless the user chose one.
func (s *selection) chooseSeed() {
	if !s.seedChosen {
		s.seed = choice.Seed()
	}
}

func runCommand() *cobra.Command {
	var s selection
	command := &cobra.Command{
		Use:   "run",
		Short: "Run clients through scenarios and judge them",
		Long: "Runs each chosen subject with each chosen libcurl through each chosen scenario, and prints a table. Exits with 0\n" +
			"exactly if every run had the result that its scenario expects: stock libcurl has to show its known defects, the\n" +
			"patched one has to pass.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			s.seedChosen = command.Flags().Changed("seed")
			return run(command, &s)
		},
	}
	flags := command.Flags()
	flags.StringVar(&s.Scenario, "scenario", "*", "`GLOB` of scenario ids")
	flags.StringSliceVar(&s.Libraries, "library", []string{"stock", "patched"},
		"`NAME`s of libcurls that scripts/build-libcurl has built, or prefixes of your own")
	flags.StringSliceVar(&s.Subjects, "subject", subjectNames(), "`NAME`s of subjects")
	flags.StringSliceVar(&s.Drivers, "driver", nil,
		"perform, socket or both (default: the first that the subject has)")
	flags.StringSliceVar(&s.TLS, "tls", nil,
		"`VERSION`s of TLS, 1.2, 1.3 or both; a scenario for one of them is n/a over the other\n"+
			"(default: the one in the scenario)")
	flags.IntVar(&s.Requests, "requests", 0,
		"`NUMBER` of requests; scenarios that depend on their own number are left out")
	flags.IntVar(&s.repeat, "repeat", 1, "number of times to make each run")
	flags.BoolVar(&s.again, "again", false,
		fmt.Sprintf("repeat a run that shows nothing, up to %d times, as matrix does: an inconclusive run, or a run of stock\n"+
			"without its known defect", outcome.Attempts))
	flags.Uint64Var(&s.seed, "seed", 0, "seed of the first run, as printed, to repeat it (default random)")
	flags.StringVar(&s.Address, "listen", "", "`HOST:PORT` for the origin (default 127.0.0.1 and a free port)")
	s.outputs.addTo(flags)
	flags.StringVar(&s.logFile, "origin-log", "", "write the origin's log of each run to `FILE`, one JSON object a line")
	flags.StringVar(&s.outFolder, "out", "", "keep the evidence of each run in `DIR`/SCENARIO/SUBJECT-DRIVER-LIBRARY")
	flags.StringVar(&s.wrap, "wrap", "", "start the subject with `COMMAND`, which uses the terminal: 'gdb --args', 'valgrind --leak-check=full'")
	flags.DurationVar(&s.limit, "time-limit", lab.DefaultLimit,
		"kill a subject after this `TIME`; with --wrap on a terminal there is no limit unless it is given")
	flags.BoolVar(&s.capture, "capture", false, "also capture the packets of each run, for --out; needs CAP_NET_RAW")
	return command
}

func subjectNames() []string {
	var names []string
	for _, s := range subject.In("").Subjects() {
		names = append(names, s.Name)
	}
	return names
}

// mostRequests limits a run to what a machine can handle.
const mostRequests = 100_000

func run(command *cobra.Command, s *selection) error {
	if s.repeat < 1 {
		return usage(fmt.Errorf("--repeat must be 1 or more, not %d", s.repeat))
	}
	if command.Flags().Changed("requests") && (s.Requests < 1 || s.Requests > mostRequests) {
		return usage(fmt.Errorf("--requests must be 1 to %d, not %d", mostRequests, s.Requests))
	}
	for _, list := range []struct {
		flag   string
		values []string
	}{{"library", s.Libraries}, {"subject", s.Subjects}, {"driver", s.Drivers}, {"tls", s.TLS}} {
		if again := twice(list.values); again != "" {
			return usage(fmt.Errorf("--%s has %q twice", list.flag, again))
		}
	}
	if err := s.understandWrap(command.Flags().Changed("time-limit"), launch.OnTerminal()); err != nil {
		return usage(err)
	}
	s.chooseSeed()
	if err := s.outputs.check(); err != nil { // not after all the runs
		return err
	}
	setups, err := s.Setups()
	if err != nil {
		return chosen(err)
	}
	keep, err := openKeeper(s, setups, command.ErrOrStderr())
	if err != nil {
		return err
	}
	log, err := openLog(s.logFile)
	if err != nil {
		return cannotRun(err)
	}
	progress := newProgress(command.ErrOrStderr(), len(setups)*s.repeat)
	if len(s.wrapper) > 0 {
		progress.bar = nil // the wrapper has the terminal
	}
	runs, err := runAll(command.Context(), setups, s, log, keep, progress)
	if closed := log.close(); err == nil && closed != nil {
		err = cannotRun(closed)
	}
	if err != nil {
		return err
	}
	if err := report.Table(command.OutOrStdout(), runs); err != nil {
		return cannotRun(err)
	}
	fmt.Fprintf(command.OutOrStdout(), "\n%s\n", report.Summary(runs))
	if err := s.outputs.write(runs); err != nil {
		return err
	}
	return cmp.Or(sum(runs), keep.problem())
}

// understandWrap splits the wrapper into words. It lifts the time limit if a
// user is in front of the wrapper, unless the user chose a limit.
func (s *selection) understandWrap(limitChosen, onTerminal bool) error {
	if s.limit <= 0 {
		return fmt.Errorf("--time-limit must be more than 0, not %v", s.limit)
	}
	words, err := shellwords.Parse(s.wrap)
	if err != nil {
		return fmt.Errorf("--wrap %q: %w", s.wrap, err)
	}
	if len(words) == 0 {
		if s.wrap != "" {
			return fmt.Errorf("--wrap %q names no command", s.wrap)
		}
		return nil
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Errorf("--wrap %q: %w", s.wrap, err)
	}
	s.wrapper = words
	if !limitChosen && onTerminal {
		s.limit = lab.NoLimit
	}
	return nil
}

// chosen adds the exit code to an error of package choice.
func chosen(err error) error {
	var argument *choice.ArgumentError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &argument):
		return usage(err)
	}
	return cannotRun(err)
}

// twice returns a value that occurs more than once; empty if none does.
func twice(values []string) string {
	for i, value := range values {
		if slices.Contains(values[:i], value) {
			return value
		}
	}
	return ""
}

// sum returns the error for all runs. If none could be made, because no subject
// supports the scenarios, nothing has been shown.
func sum(runs []outcome.Run) error {
	applicable := false
	for i := range runs {
		if !runs[i].AsExpected() {
			return errUnexpected
		}
		applicable = applicable || runs[i].Verdict != judge.NotApplicable
	}
	if !applicable {
		return errNothing
	}
	return nil
}

// make makes one run, and repeats it if requested. It calls begin before each.
func (s *selection) make(ctx context.Context, setup *lab.Setup, begin func(*lab.Setup)) (outcome.Run, *judge.Observation, error) {
	if s.again {
		r, seen, _, err := outcome.MakeShown(ctx, setup, begin)
		return r, seen, err
	}
	begin(setup)
	return outcome.Make(ctx, setup)
}

// runAll makes all runs, one after the other, because they measure CPU time.
func runAll(ctx context.Context, setups []lab.Setup, s *selection, log *originLog, keep *keeper, progress *progress) ([]outcome.Run, error) {
	defer progress.finish()
	var runs []outcome.Run
	for repetition := range s.repeat {
		for _, setup := range setups {
			setup.Seed, setup.Wrapper, setup.Limit = s.seed+uint64(repetition), s.wrapper, s.limit
			progress.begin(setup)
			var collector *evidence.Collector
			begin := func(one *lab.Setup) { collector = keep.begin(one, repetition+1) }
			r, seen, err := s.make(ctx, &setup, begin)
			if err != nil {
				return nil, cannotRun(err)
			}
			r.Repetition = repetition + 1
			runs = append(runs, r)
			if err := log.add(&r, seen.Origin); err != nil {
				return nil, cannotRun(err)
			}
			if err := keep.end(collector, &setup, &r, seen); err != nil {
				return nil, cannotRun(err)
			}
			progress.end(&r)
		}
	}
	return runs, nil
}
