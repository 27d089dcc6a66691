package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/many/releases"
	"github.com/curlpipe/curlpipe/harness/run/choice"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/readme"
	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// releasesOptions is what the arguments of releases ask for.
type releasesOptions struct {
	selection
	run, built, missing, misfit []string
	jobs                        int
	fresh                       bool
	update                      string
	json                        string
}

func releasesCommand() *cobra.Command {
	var o releasesOptions
	command := &cobra.Command{
		Use:   "releases",
		Short: "Test the series with each release of libcurl, and make its table",
		Long: "Makes the runs of each release, several at a time, and prints a row for each: the patches that it takes, by\n" +
			"group, the OpenSSL it was built with, and the results of the runs. Finished runs are kept until all are made:\n" +
			"repeat an interrupted call to resume it. Exits with 0 exactly if the series applies to every release and every\n" +
			"run with it had the expected result; runs of stock that had another are listed. scripts/releases builds the\n" +
			"libcurls and calls this command.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return runReleases(command, &o) },
	}
	flags := command.Flags()
	flags.StringArrayVar(&o.run, "release", nil, "a release to run, with the prefixes of both builds: `VERSION=STOCK,PATCHED`")
	flags.StringArrayVar(&o.built, "built", nil, "a release that was built but is not run, with its prefix: `VERSION=PATCHED`")
	flags.StringArrayVar(&o.missing, "missing", nil, "a release that the series fits but that cannot be built here: `VERSION=REASON`")
	flags.StringArrayVar(&o.misfit, "misfit", nil, "a release that the series does not fit: `VERSION=REASON`")
	flags.StringVar(&o.Scenario, "scenario", "*", "`GLOB` of scenario ids")
	flags.StringSliceVar(&o.Subjects, "subject", []string{"c-demo"}, "`NAME`s of subjects")
	flags.StringSliceVar(&o.Drivers, "driver", []string{plan.DriverPerform, plan.DriverSocket},
		"perform, socket or both, of those that a subject has")
	flags.IntVar(&o.jobs, "jobs", 2*runtime.NumCPU(), "number of runs at a time (default: twice the number of CPUs)")
	flags.Lookup("jobs").DefValue = "0" // the text has it
	flags.BoolVar(&o.fresh, "fresh", false, "start anew instead of resuming an interrupted call")
	flags.StringVar(&o.update, "update", "", "write the table into the Markdown `FILE`, after the comment that starts with releases:")
	flags.StringVar(&o.json, "json", "", "also write the releases and their runs to `FILE` as JSON")
	return command
}

func runReleases(command *cobra.Command, o *releasesOptions) error {
	if o.jobs < 1 {
		return usage(fmt.Errorf("--jobs must be 1 or more, not %d", o.jobs))
	}
	for flag, file := range map[string]string{"json": o.json, "update": o.update} {
		if err := checkFolder(flag, file); err != nil {
			return err
		}
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	d, tasks, err := o.document(found)
	if err != nil {
		return err
	}
	if err := o.runAll(command, d, tasks); err != nil {
		return err
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
	return o.judge(command, d)
}

// judge says what is not as it should be.
func (o *releasesOptions) judge(command *cobra.Command, d *releases.Document) error {
	var bad []string
	var unexpected []outcome.Run
	for i := range d.Releases {
		r := &d.Releases[i]
		if !r.Good() {
			bad = append(bad, r.Version)
		}
		if r.Misfit != "" {
			fmt.Fprintf(command.ErrOrStderr(), "%s: %s\n", r.Version, r.Misfit) // the table has the numbers only
		}
		for j := range r.Runs {
			if !r.Runs[j].AsExpected() {
				unexpected = append(unexpected, r.Runs[j])
			}
		}
	}
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

// document is the table without its runs, and the runs that it needs.
func (o *releasesOptions) document(found *checkout.Checkout) (*releases.Document, []matrix.Task, error) {
	d := &releases.Document{Date: time.Now().UTC().Format(time.DateOnly)}
	groups, err := series.Groups(filepath.Join(found.Folder, "patches"))
	if err != nil {
		return nil, nil, cannotRun(err)
	}
	for _, g := range groups {
		d.Groups = append(d.Groups, releases.Group{Number: g.Number, Name: g.Name})
	}
	var tasks []matrix.Task
	for _, kind := range []struct {
		flag   string
		values []string
		take   func(r *releases.Release, value string) error
	}{
		{"release", o.run, func(r *releases.Release, value string) error {
			made, err := o.tasksOf(r, strings.Split(value, ","))
			tasks = append(tasks, made...)
			return err
		}},
		{"built", o.built, func(r *releases.Release, value string) error {
			built, err := choice.FindLibraries([]string{value}, found)
			if err != nil {
				return cannotRun(err)
			}
			r.OpenSSL = built[0].Manifest.OpenSSL.Version
			return nil
		}},
		{"missing", o.missing, func(r *releases.Release, value string) error { r.Missing = value; return nil }},
		{"misfit", o.misfit, func(r *releases.Release, value string) error { r.Misfit = value; return nil }},
	} {
		for _, each := range kind.values {
			version, value, cut := strings.Cut(each, "=")
			if !cut || value == "" {
				return nil, nil, usage(fmt.Errorf("--%s is of the form VERSION=…, not %q", kind.flag, each))
			}
			r := releases.Release{Version: version}
			if r.Texts, err = textsOf(found.Folder, version); err != nil {
				return nil, nil, cannotRun(err)
			}
			if err := kind.take(&r, value); err != nil {
				return nil, nil, err
			}
			d.Releases = append(d.Releases, r)
		}
	}
	if len(d.Releases) == 0 {
		return nil, nil, usage(errors.New("no release is named; scripts/releases names them"))
	}
	d.Sort()
	return d, tasks, nil
}

// textsOf asks scripts/series which files a release takes.
func textsOf(folder, version string) ([]string, error) {
	output, err := exec.Command(filepath.Join(folder, "scripts", "series"), version).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.Fields(string(output)), err
}

// tasksOf are the runs of a release.
func (o *releasesOptions) tasksOf(r *releases.Release, prefixes []string) ([]matrix.Task, error) {
	if len(prefixes) != 2 {
		return nil, usage(fmt.Errorf("--release names two prefixes, stock and patched, not %d", len(prefixes)))
	}
	s := o.selection
	s.Libraries = prefixes
	setups, err := s.Setups()
	if err != nil {
		return nil, chosen(err)
	}
	r.OpenSSL = setups[0].Library.Manifest.OpenSSL.Version
	var tasks []matrix.Task
	for _, setup := range setups {
		tasks = append(tasks, matrix.Task{OpenSSL: r.Version, Setup: setup})
	}
	return tasks, nil
}

// runAll makes the runs, and puts each to its release.
func (o *releasesOptions) runAll(command *cobra.Command, d *releases.Document, tasks []matrix.Task) error {
	cache, err := library.DefaultCache()
	if err != nil {
		return cannotRun(err)
	}
	o.chooseSeed()
	w := &matrix.Work{
		Tasks: tasks, Jobs: o.jobs, Seed: o.seed,
		Store:    &matrix.Store{Folder: filepath.Join(cache, "releases")},
		Progress: command.ErrOrStderr(),
	}
	if err := w.Prepare(o.fresh); err != nil {
		return cannotRun(err)
	}
	runs, err := w.Run(command.Context())
	if err != nil {
		return cannotRun(err)
	}
	for i := range runs {
		at := slices.IndexFunc(d.Releases, func(r releases.Release) bool { return r.Version == tasks[i].OpenSSL })
		runs[i].OpenSSLName = ""
		d.Releases[at].Runs = append(d.Releases[at].Runs, runs[i])
	}
	return nil
}
