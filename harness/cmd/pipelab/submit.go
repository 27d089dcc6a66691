package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
	"github.com/curlpipe/curlpipe/harness/upstream/submission"
)

// submitted is what the arguments of submit ask for.
type submitted struct {
	addressee string
	tree      string
	base      string
	patches   string
	evidence  string
	report    string
	build     []string
	clone     string
	ref       string
}

func submitCommand() *cobra.Command {
	var s submitted
	command := &cobra.Command{
		Use:   "submit FOLDER",
		Short: "Make what is sent to curl or to a vendor: the series in its form, a text, a tarball of evidence",
		Long: "Makes FOLDER with the patch series as the addressee takes it: upstream as mails for git am, cover\n" +
			"letter included, with the text of a pull request; rpm as files for SOURCES/ with the lines for curl.spec;\n" +
			"debian as debian/patches with an entry for debian/changelog. Vendors get a report of the bug as well, and\n" +
			"all of them a tarball of the evidence. Refuses a series that does not go in, does not build at each\n" +
			"step, is not in curl's style, or has a patch that is neither proven nor says why it is not.\n" +
			"With tests, makes a mail and a pull request of the test for curl's own tests/http instead.\n" +
			"scripts/submit prepares what this needs, and calls it.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			return submit(command, &s, arguments[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&s.addressee, "for", submission.Upstream, "who gets it, `ADDRESSEE`: "+strings.Join(submission.Addressees(), ", ")+", "+submission.Tests)
	flags.StringVar(&s.tree, "tree", "", "`FOLDER` with the sources of libcurl that the series goes on top of")
	flags.StringVar(&s.base, "base", "libcurl 7.53.1", "what that is, for people: `NAME`")
	flags.StringVar(&s.patches, "patches", "", "`FOLDER` of the series (default: patches/ of the checkout)")
	flags.StringVar(&s.evidence, "evidence", "", "`FILE` of pipelab run --json, with runs of stock and patched")
	flags.StringVar(&s.report, "report", "", "`FOLDER` of pipelab run --out that goes into the tarball as well, without packets")
	flags.StringVar(&s.clone, "clone", "", "`CLONE` of curl's repository, for tests")
	flags.StringVar(&s.ref, "ref", "HEAD", "the `REF` in it that the test goes on top of")
	flags.StringSliceVar(&s.build, "build-argument", nil, "`ARGUMENT`s for scripts/build-libcurl, as --version,7.47.1")
	return command
}

func submit(command *cobra.Command, s *submitted, folder string) error {
	if s.addressee == submission.Tests {
		return submitTest(command, s, folder)
	}
	if s.tree == "" || s.evidence == "" {
		return usage(errors.New("--tree and --evidence are needed; scripts/submit gives them"))
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	if s.patches == "" {
		s.patches = filepath.Join(found.Folder, "patches")
	}
	runs, err := readRuns(s.evidence)
	if err != nil {
		return cannotRun(err)
	}
	one := submission.Submission{
		For: s.addressee, Patches: s.patches, Tree: s.tree, Base: s.base, Runs: runs, Report: s.report,
		Build: func(n int) error { return submission.BuildFirst(found.Folder, s.patches, n, s.build) },
		Progress: func(what string) {
			fmt.Fprintln(command.ErrOrStderr(), "pipelab: "+what)
		},
	}
	if err := one.Write(folder); err != nil {
		return &failure{exitUnexpected, err}
	}
	tellMade(command, folder, one.Made())
	return nil
}

// submitTest makes what goes to curl of the test for its tests/http.
func submitTest(command *cobra.Command, s *submitted, folder string) error {
	if s.clone == "" {
		return usage(errors.New("--for tests needs a clone of curl's repository: --clone, or --source of scripts/submit"))
	}
	found, err := checkout.Find()
	if err != nil {
		return cannotRun(err)
	}
	test := submission.HTTPTest{Folder: filepath.Join(found.Folder, "patches", "tests-http"), Clone: s.clone, Ref: s.ref}
	if err := test.Write(folder); err != nil {
		return cannotRun(err)
	}
	tellMade(command, folder, test.Made())
	return nil
}

func tellMade(command *cobra.Command, folder string, list []submission.Made) {
	for _, made := range list {
		fmt.Fprintf(command.OutOrStdout(), "%s: %s\n", filepath.Join(folder, made.Name), made.What)
	}
}

// readRuns reads what pipelab run --json has written.
func readRuns(path string) ([]outcome.Run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the evidence: %w", err)
	}
	var document report.Document
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s is not what pipelab run --json writes: %w", path, err)
	}
	return document.Runs, nil
}
