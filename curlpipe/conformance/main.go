// Command conformance runs the tests of other projects, net/http's own included,
// with http.Transport as it is and with this library in its place, and prints
// what came out differently; see scripts/conformance.
package main

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// suite is one project's tests.
type suite struct {
	Name     string   `json:"name"`
	Module   string   `json:"module"`   // of the Go module proxy
	Version  string   `json:"version"`  // of that
	Packages []string `json:"packages"` // of the module, as arguments of go test
	Std      string   `json:"std"`      // or a package of the standard library
	Files    []string `json:"files"`    // its test files that count
	Top      bool     `json:"top"`      // count a test and all of its subtests as one
	HTTP2    string   `json:"http2"`    // regular expression for its subtests over HTTP/2
}

//go:embed suites.json
var suitesText []byte

func main() {
	b := &bench{}
	flag.StringVar(&b.work, "work", "", "folder for copies and what is generated")
	flag.StringVar(&b.source, "source", "", "root of this repository")
	flag.StringVar(&b.libcurl, "libcurl", "patched", "which libcurl this is, for reasons that hold for one: patched or system")
	flag.BoolVar(&b.race, "race", false, "with the race detector")
	readme := flag.String("readme", "", "file whose table is brought up to date")
	flag.Parse()
	if err := run(b, *readme, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "conformance: "+err.Error())
		os.Exit(1)
	}
}

func run(b *bench, readme string, names []string) error {
	var suites []suite
	if err := json.Unmarshal(suitesText, &suites); err != nil {
		return fmt.Errorf("suites.json: %w", err)
	}
	chosen, err := choose(suites, names)
	if err != nil {
		return err
	}
	known, err := parseReasons(reasonsText, suites)
	if err != nil {
		return err
	}
	bench, err := newBench(b)
	if err != nil {
		return err
	}
	var reports []*report
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "conformance: %s\n", s.Name)
		r, err := bench.compare(s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.explain(known, b.libcurl)
		reports = append(reports, r)
	}
	rows := make(map[string]string)
	fmt.Print(tableHead)
	for _, r := range reports {
		rows[r.suite.Name] = r.row(runtime.Version(), time.Now())
		fmt.Print(rows[r.suite.Name])
	}
	unknown := 0
	for _, r := range reports {
		for _, name := range slices.Sorted(maps.Keys(r.inside)) {
			fmt.Printf("%s\t%s\tnot run\t%s\n", r.suite.Name, name, r.inside[name])
		}
		for _, d := range r.differences {
			fmt.Printf("%s\t%s\t%s with net/http, %s with curlpipe\t%s\n", r.suite.Name, d.test, d.theirs, d.ours, d.reason)
			if d.reason == "" {
				unknown++
			}
		}
	}
	if unknown > 0 {
		return fmt.Errorf("%d differences without a reason: mend them, or give each one in differences.tsv", unknown)
	}
	if readme == "" {
		return nil
	}
	return replaceRows(readme, b.libcurl, suites, rows)
}

// choose returns the suites with these names; without names all.
func choose(suites []suite, names []string) ([]suite, error) {
	if len(names) == 0 {
		return suites, nil
	}
	var chosen []suite
	var known []string
	for _, s := range suites {
		known = append(known, s.Name)
	}
	for _, name := range names {
		found := false
		for _, s := range suites {
			if s.Name == name {
				chosen = append(chosen, s)
				found = true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no suite %q: give of %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}
