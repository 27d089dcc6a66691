package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// known-failures.json has the runs that fail and should not: an array of
// objects with scenario, driver, library (the variant) and reason. An entry
// that passes is stale, and makes the run fail.
//
//go:embed known-failures.json
var knownFailures []byte

// known is what is in the file, by scenario, driver and variant.
var known = mustParse(knownFailures)

func mustParse(text []byte) map[[3]string]string {
	reasons, err := parseKnown(text)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	return reasons
}

func parseKnown(text []byte) (map[[3]string]string, error) {
	var entries []struct{ Scenario, Driver, Library, Reason string }
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("reading the known failures: %w", err)
	}
	reasons := make(map[[3]string]string)
	for _, e := range entries {
		if e.Scenario == "" || e.Driver == "" || e.Library == "" || e.Reason == "" {
			return nil, fmt.Errorf("reading the known failures: an entry says too little: %+v", e)
		}
		reasons[[3]string{e.Scenario, e.Driver, e.Library}] = e.Reason
	}
	return reasons, nil
}

// KnownFailure returns why a run with that variant of libcurl fails although
// it should not; empty if that is not known.
func KnownFailure(scenario, driver, variant string) string {
	return known[[3]string{scenario, driver, variant}]
}
