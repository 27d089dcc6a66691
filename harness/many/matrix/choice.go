package matrix

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/choice"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// System is the name of the machine's own OpenSSL.
const System = "system"

// Choice selects what a matrix is made of. Its Libraries are names without the
// OpenSSL.
type Choice struct {
	choice.Choice
	// OpenSSL has names of builds of scripts/build-openssl, and System.
	OpenSSL []string
	// Gaps are what is not available.
	Gaps []Gap
}

// Tasks returns all runs of the matrix in the order of its axes. Everything is
// found before anything is run. An error about the choice is a
// *choice.ArgumentError.
func (c *Choice) Tasks() ([]Task, *Axes, error) {
	scenarios, err := scenario.Match(c.Scenario)
	if err != nil {
		return nil, nil, &choice.ArgumentError{Err: err}
	}
	axes := &Axes{TLS: c.TLS, Subjects: c.Subjects, Drivers: c.Drivers, Gaps: c.Gaps}
	for i := range scenarios {
		axes.Scenarios = append(axes.Scenarios, scenarios[i].ID)
	}
	for _, name := range c.Libraries {
		axes.Libraries = append(axes.Libraries, Library{Name: name, Label: name})
	}
	var list []Task
	for _, openssl := range c.OpenSSL {
		row, found, err := c.row(openssl, axes)
		if err != nil {
			return nil, nil, err
		}
		axes.OpenSSL = append(axes.OpenSSL, *found)
		list = append(list, row...)
	}
	if len(list) == 0 {
		return nil, nil, &choice.ArgumentError{Err: errNoCells}
	}
	return list, axes, nil
}

// row returns the runs with one OpenSSL, and adds the labels of its libcurls to
// the axes.
func (c *Choice) row(name string, axes *Axes) ([]Task, *OpenSSL, error) {
	row := &OpenSSL{Name: name}
	s := c.Choice
	s.Libraries = nil
	for _, libcurl := range c.Libraries {
		if axes.Gap(name, libcurl) == "" {
			s.Libraries = append(s.Libraries, libcurlWith(libcurl, name))
		}
	}
	if len(s.Libraries) == 0 {
		return nil, row, nil
	}
	setups, err := s.Setups()
	if err != nil {
		return nil, nil, err
	}
	for i, l := range axes.Libraries {
		at := slices.Index(s.Libraries, libcurlWith(l.Name, name))
		if at >= 0 {
			axes.Libraries[i].Label = setupOf(setups, s.Libraries[at]).Library.Label()
		}
	}
	first := setups[0].Library
	row.Version = first.Manifest.OpenSSL.Version
	if name != System {
		if err := describe(row, first); err != nil {
			return nil, nil, err
		}
	}
	var list []Task
	for _, setup := range setups {
		list = append(list, Task{OpenSSL: name, Setup: setup})
	}
	return list, row, nil
}

// setupOf returns the first run with the named libcurl.
func setupOf(setups []lab.Setup, name string) lab.Setup {
	return setups[slices.IndexFunc(setups, func(s lab.Setup) bool { return s.Library.Name == name })]
}

// describe describes an OpenSSL that scripts/build-openssl has made. The
// libcurl must have been built against the one that has the name now.
func describe(row *OpenSSL, l *library.Library) error {
	cache, err := library.DefaultCache()
	if err != nil {
		return err
	}
	prefix, err := filepath.EvalSymlinks(filepath.Join(cache, "openssl", "by-name", row.Name))
	if os.IsNotExist(err) || l.OpenSSL == nil || err == nil && prefix != l.OpenSSL.Prefix {
		return fmt.Errorf("the libcurl %q is built against another OpenSSL than the one that is called %s; run scripts/matrix",
			l.Name, row.Name)
	}
	if err != nil {
		return fmt.Errorf("finding the OpenSSL %q: %w", row.Name, err)
	}
	row.PackageVersion, row.Origin, row.Packages = l.OpenSSL.PackageVersion(), l.OpenSSL.Origin, l.OpenSSL.Packages
	return nil
}

// libcurlWith returns the name that scripts/build-libcurl gives a libcurl built
// against an OpenSSL.
func libcurlWith(libcurl, openssl string) string {
	if openssl == System {
		return libcurl
	}
	return libcurl + "-openssl-" + openssl
}

var errNoCells = errors.New("nothing to run: everything that is asked for is unavailable, or no subject has the driver")
