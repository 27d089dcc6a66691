package outcome

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/curlpipe/curlpipe/harness/build/library"
)

// known-failures.json lists the runs that fail and should not: an array of
// objects with scenario, driver, library (the variant), reason and, for one that
// Debian packages, its version. An entry whose run passes is stale, and makes
// the run fail.
//
//go:embed known-failures.json
var knownFailures []byte

// known has the file's entries by scenario, driver, variant and version, which is empty
// for our own builds.
var known = mustParse(knownFailures)

func mustParse(text []byte) map[[4]string]string {
	reasons, err := parseKnown(text)
	if err != nil {
		panic(err) // the file is part of the program, and a test checks it
	}
	return reasons
}

func parseKnown(text []byte) (map[[4]string]string, error) {
	var entries []struct{ Scenario, Driver, Library, Version, Reason string }
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("reading the known failures: %w", err)
	}
	reasons := make(map[[4]string]string)
	for _, e := range entries {
		if e.Scenario == "" || e.Driver == "" || e.Library == "" || e.Reason == "" {
			return nil, fmt.Errorf("reading the known failures: an entry says too little: %+v", e)
		}
		reasons[[4]string{e.Scenario, e.Driver, e.Library, e.Version}] = e.Reason
	}
	return reasons, nil
}

// KnownFailure returns the reason why a run with this libcurl is known to fail;
// empty if it is not known to.
func KnownFailure(scenario, driver string, l *library.Manifest) string {
	version := ""
	if l.Variant == library.Packaged {
		version = l.Version
	}
	return known[[4]string{scenario, driver, l.Variant, version}]
}
