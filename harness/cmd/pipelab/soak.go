package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// soakOptions is what the arguments of soak ask for.
type soakOptions struct {
	selection
	minutes float64
	runs    int
	jobs    int
}

func soakCommand() *cobra.Command {
	var o soakOptions
	command := &cobra.Command{
		Use:   "soak",
		Short: "Run scenarios at random, with random seeds, for a time",
		Long: "Picks scenarios, drivers and seeds at random until the time is over, and prints each run that does\n" +
			"not come out as expected, with the call that makes it again. With the library patched-sanitize,\n" +
			"which scripts/build-libcurl --variant patched --sanitize builds, AddressSanitizer and\n" +
			"UndefinedBehaviorSanitizer watch. Exits 0 exactly when every run came out as expected.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			o.seedChosen = command.Flags().Changed("seed")
			return soak(command, &o)
		},
	}
	flags := command.Flags()
	flags.Float64Var(&o.minutes, "minutes", 1, "for how many `MINUTES`")
	flags.IntVar(&o.runs, "runs", 0, "stop after so many runs, too (default no limit)")
	flags.IntVar(&o.jobs, "jobs", 2, "how many runs are made at a time")
	flags.StringVar(&o.scenario, "scenario", "*", "`GLOB` of scenario ids")
	flags.StringSliceVar(&o.libraries, "library", []string{"patched"}, "libcurls, as with run")
	flags.StringSliceVar(&o.subjects, "subject", []string{"c-demo"}, "`NAME`s of subjects")
	flags.StringSliceVar(&o.drivers, "driver", []string{"perform", "socket"}, "perform, socket or both")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the choices (default random, and printed)")
	return command
}

func soak(command *cobra.Command, o *soakOptions) error {
	if o.minutes <= 0 || o.jobs < 1 || o.runs < 0 {
		return usage(errors.New("--minutes and --jobs must be more than 0, --runs not less"))
	}
	o.chooseSeed()
	setups, err := resolve(&o.selection)
	if err != nil {
		return err
	}
	fmt.Fprintf(command.ErrOrStderr(), "pipelab: %.1f minutes, %d at a time, --seed %d\n", o.minutes, o.jobs, o.seed)
	s := &soaking{
		setups: setups, most: o.runs, random: rand.New(rand.NewPCG(o.seed, 1)),
		until: time.Now().Add(time.Duration(o.minutes * float64(time.Minute))),
		out:   command.OutOrStdout(), progress: command.ErrOrStderr(),
	}
	group, ctx := errgroup.WithContext(command.Context())
	for range o.jobs {
		group.Go(func() error { return s.work(ctx) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%d runs, %d not as expected\n", s.done, s.wrong)
	if s.wrong > 0 {
		return errUnexpected
	}
	if s.done == s.skipped {
		return errNothing
	}
	return nil
}

// soaking is the state that the jobs share.
type soaking struct {
	setups   []lab.Setup
	most     int // runs; 0 for no limit
	until    time.Time
	out      io.Writer
	progress io.Writer

	mutex   sync.Mutex
	random  *rand.Rand
	begun   int
	done    int
	wrong   int
	skipped int // n/a
	told    time.Time
}

// tellEvery is how often the number of runs is printed.
const tellEvery = 10 * time.Second

func (s *soaking) work(ctx context.Context) error {
	for {
		setup, more := s.next()
		if !more {
			return nil
		}
		r, _, err := runOne(ctx, setup)
		if err != nil {
			return err
		}
		if err := s.note(r); err != nil {
			return err
		}
	}
}

// next picks a run; false when there has been enough.
func (s *soaking) next() (lab.Setup, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if time.Now().After(s.until) || s.most > 0 && s.begun >= s.most {
		return lab.Setup{}, false
	}
	s.begun++
	setup := s.setups[s.random.IntN(len(s.setups))]
	setup.Seed = s.random.Uint64N(1 << 32)
	return setup, true
}

func (s *soaking) note(r outcome.Run) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.done++
	if r.Verdict == judge.NotApplicable {
		s.skipped++
	}
	if time.Since(s.told) > tellEvery {
		s.told = time.Now()
		fmt.Fprintf(s.progress, "%d runs, %d not as expected, %s left\n", s.done, s.wrong,
			max(0, time.Until(s.until)).Round(time.Second))
	}
	if r.AsExpected() {
		return nil
	}
	s.wrong++
	if err := report.Table(s.out, []outcome.Run{r}); err != nil {
		return cannotRun(err)
	}
	if r.SubjectError != "" {
		fmt.Fprintf(s.out, "  %s\n", r.SubjectError)
	}
	fmt.Fprintf(s.out, "again: %s\n\n", r.Command)
	return nil
}
