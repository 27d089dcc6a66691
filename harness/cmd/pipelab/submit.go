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

// submitted has the arguments of submit.
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
		Short: "Make a submission of the series for curl or a vendor",
		Long: "Makes FOLDER with the patch series in the form that the addressee uses. upstream: mails for git am with a cover\n" +
			"letter, and the text of a pull request. rpm: files for SOURCES/ and the lines for curl.spec. debian:\n" +
			"debian/patches and an entry for debian/changelog. Vendors also get a report of the bug. All forms include a\n" +
			"tarball of the evidence. Fails if the series does not apply, does not build at each step or is not in curl's\n" +
			"style, or if a patch has neither a proof nor a reason for its absence. tests: a mail and the text of a pull\n" +
			"request with the test for curl's own tests/http, without the series. scripts/submit prepares the inputs and\n" +
			"calls this command.",
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			return submit(command, &s, arguments[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&s.addressee, "for", submission.Upstream, "`ADDRESSEE`: "+strings.Join(submission.Addressees(), ", ")+", "+submission.Tests)
	flags.StringVar(&s.tree, "tree", "", "`FOLDER` with the sources of libcurl to apply the series to")
	flags.StringVar(&s.base, "base", "libcurl 7.53.1", "`NAME` of the sources in --tree, for the mails and other texts")
	flags.StringVar(&s.patches, "patches", "", "`FOLDER` of the series (default: patches/ of the checkout)")
	flags.StringVar(&s.evidence, "evidence", "", "`FILE` of pipelab run --json, with runs of stock and patched")
	flags.StringVar(&s.report, "report", "", "`FOLDER` of pipelab run --out to add to the tarball, without packets")
	flags.StringVar(&s.clone, "clone", "", "`CLONE` of curl's repository, for tests")
	flags.StringVar(&s.ref, "ref", "HEAD", "`REF` in the clone to apply the test to")
	flags.StringSliceVar(&s.build, "build-argument", nil, "`ARGUMENT`s for scripts/build-libcurl, such as --version,7.47.1")
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

// submitTest makes the mail with the test for curl's tests/http.
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

// readRuns reads a file of pipelab run --json.
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
