package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// resolve turns names into what can be run. Everything is found before
// anything is run.
func resolve(s *selection) ([]lab.Setup, error) {
	scenarios, err := scenario.Match(s.scenario)
	if err != nil {
		return nil, usage(err)
	}
	if scenarios, err = withRequests(scenarios, s.requests); err != nil {
		return nil, usage(err)
	}
	if err := checkVersions(s.tls); err != nil {
		return nil, usage(err)
	}
	found, err := checkout.Find()
	if err != nil {
		return nil, cannotRun(err)
	}
	programs := subject.In(found.Programs())
	engine, err := programs.Engine()
	if err != nil {
		return nil, cannotRun(err)
	}
	interposer, err := programs.Interposer()
	if err != nil {
		return nil, cannotRun(err)
	}
	libraries, err := findLibraries(s.libraries, found)
	if err != nil {
		return nil, cannotRun(err)
	}
	var setups []lab.Setup
	for i := range scenarios {
		for _, name := range s.subjects {
			client, err := programs.Find(name)
			if unknown := (*subject.UnknownError)(nil); errors.As(err, &unknown) {
				return nil, usage(err)
			} else if err != nil {
				return nil, cannotRun(err)
			}
			drivers, err := chooseDrivers(client, s.drivers)
			if err != nil {
				return nil, usage(err)
			}
			for _, driver := range drivers {
				for _, l := range libraries {
					for _, tls := range versions(&scenarios[i], s.tls) {
						setups = append(setups, lab.Setup{
							Scenario:   &scenarios[i],
							Subject:    client,
							Driver:     driver,
							Library:    l,
							TLS:        tls,
							Interposer: interposer,
							Engine:     engine,
							Address:    s.address,
						})
					}
				}
			}
		}
	}
	if len(setups) == 0 {
		return nil, usage(errors.New("nothing to run: none of the subjects has one of the drivers"))
	}
	return setups, nil
}

// versions returns over which versions of TLS a scenario is to be run: those
// that are wanted, and empty for its own, which it is if it is plain HTTP.
func versions(s *scenario.Scenario, wanted []string) []string {
	if len(wanted) == 0 || s.Client.TLS == plan.PlainText {
		return []string{""}
	}
	return wanted
}

// checkVersions returns an error for a version of TLS that nothing speaks.
func checkVersions(wanted []string) error {
	known := []string{plan.TLS12, plan.TLS13}
	for _, version := range wanted {
		if !slices.Contains(known, version) {
			return &subject.UnknownError{What: "version of TLS", Name: version, Known: known}
		}
	}
	return nil
}

// withRequests returns the scenarios that can be had with so many requests, as
// such; all as they are for 0.
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
		return nil, fmt.Errorf("none of the scenarios is the same with %d requests", n)
	}
	return list, nil
}

func findLibraries(names []string, c *checkout.Checkout) ([]*library.Library, error) {
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

// chooseDrivers returns those of the wanted drivers that the subject has.
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
