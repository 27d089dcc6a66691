package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// tasks returns all runs of the matrix in the order of its axes. Everything is
// found before anything is run.
func (o *matrixOptions) tasks() ([]matrix.Task, *matrix.Axes, error) {
	missing, err := gaps(o.unavailable)
	if err != nil {
		return nil, nil, usage(err)
	}
	for option, values := range map[string][]string{
		"--openssl": o.openssl, "--libcurl": o.libraries, "--tls": o.tls, "--subject": o.subjects, "--driver": o.drivers,
	} {
		if name := twice(values); name != "" {
			return nil, nil, usage(fmt.Errorf("%s names %s twice", option, name))
		}
	}
	scenarios, err := scenario.Match(o.scenario)
	if err != nil {
		return nil, nil, usage(err)
	}
	axes := &matrix.Axes{TLS: o.tls, Subjects: o.subjects, Drivers: o.drivers, Gaps: missing}
	for i := range scenarios {
		axes.Scenarios = append(axes.Scenarios, scenarios[i].ID)
	}
	for _, name := range o.libraries {
		axes.Libraries = append(axes.Libraries, matrix.Library{Name: name, Label: name})
	}
	var list []matrix.Task
	for _, openssl := range o.openssl {
		row, found, err := o.row(openssl, axes)
		if err != nil {
			return nil, nil, err
		}
		axes.OpenSSL = append(axes.OpenSSL, *found)
		list = append(list, row...)
	}
	if len(list) == 0 {
		return nil, nil, usage(errNoCells)
	}
	return list, axes, nil
}

// twice returns a value that is there more than once; empty if none is.
func twice(values []string) string {
	for i, value := range values {
		if slices.Contains(values[:i], value) {
			return value
		}
	}
	return ""
}

// row returns the runs with one OpenSSL, and notes in the axes what its
// libcurls are labelled.
func (o *matrixOptions) row(name string, axes *matrix.Axes) ([]matrix.Task, *matrix.OpenSSL, error) {
	row := &matrix.OpenSSL{Name: name}
	s := o.selection
	s.libraries = nil
	for _, libcurl := range o.libraries {
		if axes.Gap(name, libcurl) == "" {
			s.libraries = append(s.libraries, libcurlWith(libcurl, name))
		}
	}
	if len(s.libraries) == 0 {
		return nil, row, nil
	}
	setups, err := resolve(&s)
	if err != nil {
		return nil, nil, err
	}
	for i, l := range axes.Libraries {
		at := slices.Index(s.libraries, libcurlWith(l.Name, name))
		if at >= 0 {
			axes.Libraries[i].Label = setupOf(setups, s.libraries[at]).Library.Label()
		}
	}
	first := setups[0].Library
	row.Version = first.Manifest.OpenSSL.Version
	if name != system {
		if err := describe(row, first); err != nil {
			return nil, nil, err
		}
	}
	var list []matrix.Task
	for _, setup := range setups {
		list = append(list, matrix.Task{OpenSSL: name, Setup: setup})
	}
	return list, row, nil
}

// setupOf returns the first run with the libcurl of that name.
func setupOf(setups []lab.Setup, name string) lab.Setup {
	return setups[slices.IndexFunc(setups, func(s lab.Setup) bool { return s.Library.Name == name })]
}

// describe says what an OpenSSL is that scripts/build-openssl has made. The
// libcurl has to be built against the one that now has the name.
func describe(row *matrix.OpenSSL, l *library.Library) error {
	cache, err := library.DefaultCache()
	if err != nil {
		return cannotRun(err)
	}
	prefix, err := filepath.EvalSymlinks(filepath.Join(cache, "openssl", "by-name", row.Name))
	if os.IsNotExist(err) || l.OpenSSL == nil || err == nil && prefix != l.OpenSSL.Prefix {
		return cannotRun(fmt.Errorf("the libcurl %q is built against another OpenSSL than the one that is named %s; run scripts/matrix",
			l.Name, row.Name))
	}
	if err != nil {
		return cannotRun(fmt.Errorf("finding the OpenSSL %q: %w", row.Name, err))
	}
	row.PackageVersion, row.Origin, row.Packages = l.OpenSSL.PackageVersion(), l.OpenSSL.Origin, l.OpenSSL.Packages
	return nil
}

// libcurlWith is what scripts/build-libcurl calls a libcurl that it has built
// against that OpenSSL.
func libcurlWith(libcurl, openssl string) string {
	if openssl == system {
		return libcurl
	}
	return libcurl + "-openssl-" + openssl
}
