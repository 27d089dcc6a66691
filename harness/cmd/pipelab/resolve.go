package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/curlpipe/curlpipe/harness/lab"
	"github.com/curlpipe/curlpipe/harness/library"
	"github.com/curlpipe/curlpipe/harness/scenario"
	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// resolve turns names into what can be run. Everything is found before
// anything is run.
func resolve(s *selection) ([]lab.Setup, error) {
	scenarios, err := scenario.Match(s.scenario)
	if err != nil {
		return nil, usage(err)
	}
	checkout, err := findCheckout()
	if err != nil {
		return nil, cannotRun(err)
	}
	bench := &lab.Bench{Folder: filepath.Join(checkout, "build", "subjects")}
	interposer, err := bench.Interposer()
	if err != nil {
		return nil, cannotRun(err)
	}
	libraries, err := findLibraries(s.libraries, checkout)
	if err != nil {
		return nil, cannotRun(err)
	}
	var setups []lab.Setup
	for i := range scenarios {
		for _, name := range s.subjects {
			subject, err := bench.Find(name)
			if unknown := (*lab.UnknownError)(nil); errors.As(err, &unknown) {
				return nil, usage(err)
			} else if err != nil {
				return nil, cannotRun(err)
			}
			drivers, err := chooseDrivers(subject, s.drivers)
			if err != nil {
				return nil, usage(err)
			}
			for _, driver := range drivers {
				for _, l := range libraries {
					setups = append(setups, lab.Setup{
						Scenario:   &scenarios[i],
						Subject:    subject,
						Driver:     driver,
						Library:    l,
						Interposer: interposer,
						Address:    s.address,
					})
				}
			}
		}
	}
	if len(setups) == 0 {
		return nil, usage(errors.New("nothing to run: none of the subjects has one of the drivers"))
	}
	return setups, nil
}

func findLibraries(names []string, checkout string) ([]*library.Library, error) {
	if len(names) == 0 {
		return nil, errors.New("no libcurl is named")
	}
	cache, err := library.DefaultCache()
	if err != nil {
		return nil, err
	}
	finder := library.Finder{Cache: cache, Patches: filepath.Join(checkout, "patches")}
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
func chooseDrivers(subject *lab.Subject, wanted []string) ([]string, error) {
	if len(wanted) == 0 {
		return subject.Drivers[:1], nil
	}
	var list []string
	for _, driver := range wanted {
		if driver != plan.DriverPerform && driver != plan.DriverSocket {
			return nil, &lab.UnknownError{
				What: "driver", Name: driver, Known: []string{plan.DriverPerform, plan.DriverSocket},
			}
		}
		if subject.HasDriver(driver) {
			list = append(list, driver)
		}
	}
	return list, nil
}

// module is the first line of the checkout's go.mod.
const module = "module github.com/curlpipe/curlpipe"

// findCheckout returns the folder of the checkout: the one that the executable
// was built in, or else one above the working directory.
func findCheckout() (string, error) {
	var starts []string
	if executable, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(executable))
	}
	if working, err := os.Getwd(); err == nil {
		starts = append(starts, working)
	}
	for _, start := range starts {
		for folder := start; ; folder = filepath.Dir(folder) {
			text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
			if err == nil && strings.HasPrefix(string(text), module+"\n") {
				return folder, nil
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return "", fmt.Errorf("no checkout of curlpipe found above %s; run pipelab inside of one", strings.Join(starts, " or "))
}
