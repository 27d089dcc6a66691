package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/releases"
	"github.com/curlpipe/curlpipe/harness/show/readme"
	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// releasesOptions are the arguments of releases.
type releasesOptions struct {
	releases.Request
	update, json string
}

func releasesCommand() *cobra.Command {
	var o releasesOptions
	command := &cobra.Command{
		Use:   "releases",
		Short: "Test the series with each release of libcurl, and make its table",
		Long: "Makes the runs of each release, several at a time, and prints a row for each: the patches that it takes, by\n" +
			"group, the OpenSSL it was built with, and the results of the runs. Finished runs are kept until all are made:\n" +
			"repeat an interrupted call to resume it. Exits with 0 exactly if the series applies to every release and every\n" +
			"run with it had the expected result; runs of stock with another result are listed. scripts/releases builds the\n" +
			"libcurls and calls this command.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runReleases(command, &o) },
	}
	flags := command.Flags()
	flags.StringArrayVar(&o.Run, "release", nil, "a release to run, with the prefixes of both builds: `VERSION=STOCK,PATCHED`")
	flags.StringArrayVar(&o.Sample, "sample", nil,
		"a release to run only with the scenario "+releases.SampleScenario+", with the prefixes of both builds: `VERSION=STOCK,PATCHED`")
	flags.StringArrayVar(&o.Missing, "missing", nil, "a release that the series fits but that cannot be built here: `VERSION=REASON`")
	flags.StringArrayVar(&o.Misfit, "misfit", nil, "a release that the series does not fit: `VERSION=REASON`")
	flags.StringVar(&o.Scenario, "scenario", "*", "`GLOB` of scenario ids")
	flags.StringSliceVar(&o.Subjects, "subject", []string{"c-demo"}, "`NAME`s of subjects")
	flags.StringSliceVar(&o.Drivers, "driver", []string{plan.DriverPerform, plan.DriverSocket},
		"perform, socket or both, of those that a subject supports")
	flags.IntVar(&o.Jobs, "jobs", 2*runtime.NumCPU(), "number of runs at a time (default: twice the number of CPUs)")
	flags.Lookup("jobs").DefValue = "0" // the text has it
	flags.BoolVar(&o.Fresh, "fresh", false, "start anew instead of resuming an interrupted call")
	flags.StringVar(&o.update, "update", "", "write the table into the Markdown `FILE`, after the comment that starts with releases:")
	flags.StringVar(&o.json, "json", "", "also write the releases and their runs to `FILE` as JSON")
	return command
}

func runReleases(command *cobra.Command, o *releasesOptions) error {
	if o.Jobs < 1 {
		return usage(fmt.Errorf("--jobs must be 1 or more, not %d", o.Jobs))
	}
	for flag, file := range map[string]string{"json": o.json, "update": o.update} {
		if err := checkFolder(flag, file); err != nil {
			return err
		}
	}
	if len(o.Run)+len(o.Sample)+len(o.Missing)+len(o.Misfit) == 0 {
		return usage(errors.New("no release is named; scripts/releases names them"))
	}
	o.Progress = command.ErrOrStderr()
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	groups, err := series.Groups(filepath.Join(found.Folder, "patches"))
	if err != nil {
		return cannotRun(err)
	}
	for _, g := range groups {
		o.Groups = append(o.Groups, releases.Group{Number: g.Number, Name: g.Name})
	}
	d, err := o.Make(command.Context(), found)
	if err != nil {
		return chosen(err)
	}
	fmt.Fprint(command.OutOrStdout(), d.Markdown())
	if o.json != "" {
		if err := report.WriteJSON(o.json, d); err != nil {
			return cannotRun(err)
		}
	}
	if o.update != "" {
		if err := readme.Replace(o.update, "releases", d.Markdown()); err != nil {
			return cannotRun(err)
		}
	}
	return judgeReleases(command, d)
}

// judgeReleases returns an error that describes what is wrong.
func judgeReleases(command *cobra.Command, d *releases.Document) error {
	for i := range d.Releases {
		if r := &d.Releases[i]; r.Misfit != "" {
			fmt.Fprintf(command.ErrOrStderr(), "%s: %s\n", r.Version, r.Misfit) // the table has only the numbers
		}
	}
	bad, unexpected := d.Bad()
	if len(unexpected) > 0 {
		fmt.Fprintln(command.OutOrStdout())
		if err := report.Table(command.OutOrStdout(), unexpected); err != nil {
			return cannotRun(err)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &failure{exitUnexpected, fmt.Errorf("not as it should be: %s", strings.Join(bad, ", "))}
}
