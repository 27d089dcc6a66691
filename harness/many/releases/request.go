package releases

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/run/choice"
)

// Request names the releases and the runs of a [Document].
type Request struct {
	// Choice of the runs. Its Libraries are those of each release.
	choice.Choice
	// Groups of the series, in order.
	Groups []Group
	// Run has the releases to run, each with the prefixes of both builds:
	// VERSION=STOCK,PATCHED.
	Run []string
	// Sample has those to run with [SampleScenario] only, in the same form.
	Sample []string
	// Missing has the releases that the series fits but that cannot be built,
	// Misfit those that it does not fit: VERSION=REASON.
	Missing, Misfit []string
	// Jobs is how many runs are made at a time, 1 or more.
	Jobs int
	// Fresh starts anew instead of resuming an interrupted call.
	Fresh bool
	// Progress receives a line for each run.
	Progress io.Writer
}

// Make makes the runs with the builds of a checkout and returns the document. The error is a
// [choice.ArgumentError] if the request makes no sense.
func (q *Request) Make(ctx context.Context, found *checkout.Checkout) (*Document, error) {
	d, tasks, err := q.document(found)
	if err != nil {
		return nil, err
	}
	return d, q.runAll(ctx, d, tasks)
}

// document returns the document without its runs, and the runs that it needs.
func (q *Request) document(found *checkout.Checkout) (*Document, []matrix.Task, error) {
	d := &Document{Groups: q.Groups}
	var tasks []matrix.Task
	runs := func(scenario string) func(*Release, string) error {
		return func(r *Release, value string) error {
			made, err := q.tasks(r, scenario, strings.Split(value, ","))
			tasks = append(tasks, made...)
			return err
		}
	}
	for _, kind := range []struct {
		flag   string
		values []string
		take   func(r *Release, value string) error
	}{
		{"release", q.Run, runs(q.Scenario)},
		{"sample", q.Sample, runs(SampleScenario)},
		{"missing", q.Missing, func(r *Release, value string) error { r.Missing = value; return nil }},
		{"misfit", q.Misfit, func(r *Release, value string) error { r.Misfit = value; return nil }},
	} {
		for _, each := range kind.values {
			version, value, cut := strings.Cut(each, "=")
			if !cut || value == "" {
				return nil, nil, &choice.ArgumentError{Err: fmt.Errorf("--%s is of the form VERSION=…, not %q", kind.flag, each)}
			}
			texts, err := textsOf(found.Folder, version)
			if err != nil {
				return nil, nil, err
			}
			r := Release{Version: version, Texts: texts}
			if err := kind.take(&r, value); err != nil {
				return nil, nil, err
			}
			d.Releases = append(d.Releases, r)
		}
	}
	d.sort()
	return d, tasks, nil
}

// textsOf asks scripts/series which files a release uses.
func textsOf(folder, version string) ([]string, error) {
	output, err := exec.Command(filepath.Join(folder, "scripts", "series"), version).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.Fields(string(output)), err
}

// SampleScenario is the only scenario of the releases in Sample.
const SampleScenario = "reported"

// tasks returns the runs of a release.
func (q *Request) tasks(r *Release, scenario string, prefixes []string) ([]matrix.Task, error) {
	if len(prefixes) != 2 {
		return nil, &choice.ArgumentError{Err: fmt.Errorf("release %s needs two prefixes, stock and patched, not %d", r.Version, len(prefixes))}
	}
	c := q.Choice
	c.Scenario, c.Libraries = scenario, prefixes
	setups, err := c.Setups()
	if err != nil {
		return nil, err
	}
	r.OpenSSL = setups[0].Library.Manifest.OpenSSL.Version
	var tasks []matrix.Task
	for _, setup := range setups {
		tasks = append(tasks, matrix.Task{OpenSSL: r.Version, Setup: setup})
	}
	return tasks, nil
}

// runAll makes the runs, and adds each to its release.
func (q *Request) runAll(ctx context.Context, d *Document, tasks []matrix.Task) error {
	cache, err := library.DefaultCache()
	if err != nil {
		return err
	}
	w := &matrix.Work{
		Tasks: tasks, Jobs: q.Jobs, Seed: choice.Seed(),
		Store:    &matrix.Store{Folder: filepath.Join(cache, "releases")},
		Progress: q.Progress,
	}
	if err := w.Prepare(q.Fresh); err != nil {
		return err
	}
	runs, err := w.Run(ctx)
	if err != nil {
		return err
	}
	for i := range runs {
		at := slices.IndexFunc(d.Releases, func(r Release) bool { return r.Version == tasks[i].OpenSSL })
		runs[i].OpenSSLName = ""
		d.Releases[at].Runs = append(d.Releases[at].Runs, runs[i])
	}
	d.measured(w.Span())
	return nil
}
