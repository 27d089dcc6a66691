// Package choice turns names of scenarios, libcurls, subjects and drivers into
// runs that can be made.
//
// It stands between the command line and package lab. It finds everything before
// the first run begins.
package choice

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Choice is what a user asks for, by name.
type Choice struct {
	// Scenario is a glob of ids.
	Scenario string
	// Libraries are names of builds, or prefixes.
	Libraries []string
	// Subjects are names of clients.
	Subjects []string
	// Drivers are the drivers to use, where a subject has them; empty for each
	// subject's first.
	Drivers []string
	// TLS has the versions to speak; empty for each scenario's own.
	TLS []string
	// Requests, if not 0, is the number of requests in a run. Scenarios that
	// depend on their own number are left out.
	Requests int
	// Address is where the origin listens; see lab.Setup.
	Address string
}

// ArgumentError is an error about a name or a number that does not exist. All
// other errors are about something that is missing.
type ArgumentError struct{ Err error }

func (e *ArgumentError) Error() string { return e.Err.Error() }
func (e *ArgumentError) Unwrap() error { return e.Err }

func wrong(err error) error { return &ArgumentError{err} }

// Setups returns the runs, by scenario, subject, driver, library and version of
// TLS.
func (c *Choice) Setups() ([]lab.Setup, error) {
	scenarios, err := scenario.Match(c.Scenario)
	if err != nil {
		return nil, wrong(err)
	}
	if scenarios, err = withRequests(scenarios, c.Requests); err != nil {
		return nil, wrong(err)
	}
	if err := CheckVersions(c.TLS); err != nil {
		return nil, wrong(err)
	}
	found, err := checkout.Find()
	if err != nil {
		return nil, err
	}
	programs := subject.In(found.Programs())
	engine, err := programs.Engine()
	if err != nil {
		return nil, err
	}
	interposer, err := programs.Interposer()
	if err != nil {
		return nil, err
	}
	libraries, err := FindLibraries(c.Libraries, found)
	if err != nil {
		return nil, err
	}
	var setups []lab.Setup
	for i := range scenarios {
		for _, name := range c.Subjects {
			client, err := programs.Find(name)
			if unknown := (*subject.UnknownError)(nil); errors.As(err, &unknown) {
				return nil, wrong(err)
			} else if err != nil {
				return nil, err
			}
			drivers, err := chooseDrivers(client, c.Drivers)
			if err != nil {
				return nil, wrong(err)
			}
			for _, driver := range drivers {
				for _, l := range libraries {
					for _, tls := range versions(&scenarios[i], c.TLS) {
						setups = append(setups, lab.Setup{
							Scenario:   &scenarios[i],
							Subject:    client,
							Driver:     driver,
							Library:    l,
							TLS:        tls,
							Interposer: interposer,
							Engine:     engine,
							Address:    c.Address,
						})
					}
				}
			}
		}
	}
	if len(setups) == 0 {
		return nil, wrong(errors.New("nothing to run: none of the subjects has one of the drivers"))
	}
	return setups, nil
}

// Seed returns a random seed for runs. It has at most ten digits, so that users
// can type it.
func Seed() uint64 { return rand.Uint64N(1 << 32) }

// versions returns the versions of TLS for a scenario: the wanted ones. Empty,
// which means the scenario's own, is returned for plain HTTP.
func versions(s *scenario.Scenario, wanted []string) []string {
	if len(wanted) == 0 || s.Client.TLS == plan.PlainText {
		return []string{""}
	}
	return wanted
}

// CheckVersions returns an error if one of the versions of TLS does not exist.
func CheckVersions(wanted []string) error {
	known := []string{plan.TLS12, plan.TLS13}
	for _, version := range wanted {
		if !slices.Contains(known, version) {
			return &subject.UnknownError{What: "version of TLS", Name: version, Known: known}
		}
	}
	return nil
}

// withRequests returns the scenarios that can run with this number of requests,
// changed to that number; for 0, all of them unchanged.
func withRequests(scenarios []scenario.Scenario, n int) ([]scenario.Scenario, error) {
	if n == 0 {
		return scenarios, nil
	}
	var list []scenario.Scenario
	for _, s := range scenarios {
		if other, same := s.WithRequests(n); same {
			list = append(list, other)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no scenario can be run with %d requests", n)
	}
	return list, nil
}

// FindLibraries returns the libcurls with these names, among them the builds of
// a checkout.
func FindLibraries(names []string, c *checkout.Checkout) ([]*library.Library, error) {
	if len(names) == 0 {
		return nil, errors.New("no libcurl is named")
	}
	finder, err := c.Finder()
	if err != nil {
		return nil, err
	}
	var list []*library.Library
	for _, name := range names {
		l, err := finder.Find(name)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// chooseDrivers returns the wanted drivers that the subject has.
func chooseDrivers(client *subject.Subject, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return client.Drivers[:1], nil
	}
	var list []string
	for _, driver := range wanted {
		if driver != plan.DriverPerform && driver != plan.DriverSocket {
			return nil, &subject.UnknownError{
				What: "driver", Name: driver, Known: []string{plan.DriverPerform, plan.DriverSocket},
			}
		}
		if client.HasDriver(driver) {
			list = append(list, driver)
		}
	}
	return list, nil
}
