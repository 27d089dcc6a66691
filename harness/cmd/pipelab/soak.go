package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/soak"
)

// soakOptions are the arguments of soak.
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
		Long: "Picks scenarios, drivers and seeds at random until the time is over, and prints each run with an unexpected\n" +
			"result, with the command that repeats it. With the library patched-sanitize, which scripts/build-libcurl\n" +
			"--variant patched --sanitize builds, the runs use AddressSanitizer and UndefinedBehaviorSanitizer. Exits with 0\n" +
			"exactly if every run had the expected result.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			o.seedChosen = command.Flags().Changed("seed")
			return runSoak(command, &o)
		},
	}
	flags := command.Flags()
	flags.Float64Var(&o.minutes, "minutes", 1, "duration in `MINUTES`")
	flags.IntVar(&o.runs, "runs", 0, "also stop after this number of runs (default no limit)")
	flags.IntVar(&o.jobs, "jobs", 2, "number of runs at a time")
	flags.StringVar(&o.Scenario, "scenario", "*", "`GLOB` of scenario ids")
	flags.StringSliceVar(&o.Libraries, "library", []string{"patched"}, "`NAME`s of libcurls, as with run")
	flags.StringSliceVar(&o.Subjects, "subject", []string{"c-demo"}, "`NAME`s of subjects")
	flags.StringSliceVar(&o.Drivers, "driver", []string{plan.DriverPerform, plan.DriverSocket}, "perform, socket or both")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the choices (default: random, and printed)")
	return command
}

func runSoak(command *cobra.Command, o *soakOptions) error {
	if o.minutes <= 0 || o.jobs < 1 || o.runs < 0 {
		return usage(errors.New("--minutes and --jobs must be more than 0, --runs 0 or more"))
	}
	o.chooseSeed()
	setups, err := o.Setups()
	if err != nil {
		return chosen(err)
	}
	fmt.Fprintf(command.ErrOrStderr(), "pipelab: %.1f minutes, %d at a time, --seed %d\n", o.minutes, o.jobs, o.seed)
	soak := soak.Soak{
		Setups: setups, Seed: o.seed, Time: time.Duration(o.minutes * float64(time.Minute)),
		Runs: o.runs, Jobs: o.jobs, Out: command.OutOrStdout(), Progress: command.ErrOrStderr(),
	}
	count, err := soak.Run(command.Context())
	if err != nil {
		return cannotRun(err)
	}
	fmt.Fprintf(command.OutOrStdout(), "%d runs, %d not as expected\n", count.Done, count.Wrong)
	if count.Wrong > 0 {
		return errUnexpected
	}
	if count.Done == count.Skipped {
		return errNothing
	}
	return nil
}
