// Package evidence writes the evidence of a run into a folder, and reads it again.
//
// It stands behind the lab and before the report. The folder of a run,
// SCENARIO/SUBJECT-DRIVER-LIBRARY, holds
//
//	run.json        a [Record]: figures and verdicts, versions, the command that repeats it
//	events.json     the interposer's events, with the clock that they count by
//	origin.json     what the origin saw
//	packets.json    what the packets tell, absent without them
//	capture.pcapng  the packets with the secrets of TLS, absent without them
//	subject.out, subject.err  what the subject printed
package evidence

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/capture"
)

// Format is the version of the folder's layout. A folder of another version is
// not read.
const Format = 2

// Names of the files in a run's folder.
const (
	RunFile     = "run.json"
	EventsFile  = "events.json"
	OriginFile  = "origin.json"
	PacketsFile = "packets.json"
	CaptureFile = "capture.pcapng"
	OutputFile  = "subject.out"
	ErrorFile   = "subject.err"
)

// Record is the content of run.json.
type Record struct {
	Format int       `json:"format"`
	Made   time.Time `json:"made"`
	// Run has figures and verdicts, and the command that repeats it.
	Run outcome.Run `json:"run"`
	// Manifest describes the library's build.
	Manifest *library.Manifest `json:"library_manifest,omitempty"`
	// Programs are the client, its libcurl and the interposer.
	Programs []Program `json:"programs,omitempty"`
	// Summary says what the scenario is about.
	Summary string `json:"summary"`
	// NoPackets says why there are none; empty if there are.
	NoPackets string `json:"no_packets,omitempty"`
}

// Stock reports whether the run used stock libcurl.
func (r *Record) Stock() bool {
	return r.Manifest != nil && r.Manifest.Variant == library.Stock
}

// Clock relates the interposer's clock to the clock of the packets and the origin.
type Clock struct {
	// Monotonic is a time of CLOCK_MONOTONIC in nanoseconds, Time the same
	// moment.
	Monotonic int64     `json:"monotonic_ns"`
	Time      time.Time `json:"time"`
}

// At returns the moment at which CLOCK_MONOTONIC had that many nanoseconds.
func (c Clock) At(monotonic int64) time.Time {
	return c.Time.Add(time.Duration(monotonic - c.Monotonic))
}

// Events is the content of events.json.
type Events struct {
	Clock  Clock          `json:"clock"`
	Events []events.Event `json:"events"`
}

// Evidence is all that was kept of a run.
type Evidence struct {
	// Path of the folder.
	Path   string
	Record Record
	Events Events
	Origin *origin.Log
	// Queued is when the client was given each request, by its id, by the
	// interposer's clock. Only the client's report has it.
	Queued  map[string]int64
	Packets *flow.Traffic // the content of packets.json, nil without packets
}

// Write writes the JSON files into the folder, which it creates if necessary.
func (e *Evidence) Write() error {
	if err := os.MkdirAll(e.Path, 0o755); err != nil {
		return fmt.Errorf("making the folder of a run: %w", err)
	}
	e.Record.Format = Format
	files := []struct {
		name    string
		content any
	}{{EventsFile, e.Events}, {OriginFile, e.Origin}, {PacketsFile, e.Packets}, {RunFile, e.Record}}
	for _, f := range files {
		path := filepath.Join(e.Path, f.name)
		if f.name == PacketsFile && e.Packets == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("removing what an earlier run left: %w", err)
			}
			continue
		}
		text, err := json.MarshalIndent(f.content, "", " ")
		if err == nil {
			err = os.WriteFile(path, append(text, '\n'), 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
	}
	return nil
}

// Read reads the folder of one run. If only the packets cannot be read, the
// rest is returned with the error.
func Read(path string) (*Evidence, error) {
	e := &Evidence{Path: path}
	if err := readJSON(filepath.Join(path, RunFile), &e.Record); err != nil {
		return nil, err
	}
	if e.Record.Format != Format {
		return nil, fmt.Errorf("%s has format %d, this pipelab reads format %d; make the run again: %s",
			filepath.Join(path, RunFile), e.Record.Format, Format, e.Record.Run.Command)
	}
	if err := readJSON(filepath.Join(path, EventsFile), &e.Events); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(path, OriginFile), &e.Origin); err != nil {
		return nil, err
	}
	if e.Origin == nil {
		return nil, fmt.Errorf("%s says nothing", filepath.Join(path, OriginFile))
	}
	e.readReport()
	err := readJSON(filepath.Join(path, PacketsFile), &e.Packets)
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	// Other programs open this file, so it must be complete.
	if _, err := capture.ReadFile(filepath.Join(path, CaptureFile)); err != nil {
		return e, fmt.Errorf("%w; make the run again: %s", err, e.Record.Run.Command)
	}
	return e, nil
}

// readReport parses a subject's output. A client that is not a subject prints
// something else.
func (e *Evidence) readReport() {
	var report plan.Report
	text, err := os.ReadFile(filepath.Join(e.Path, OutputFile))
	if err != nil || json.Unmarshal(text, &report) != nil {
		return
	}
	e.Queued = make(map[string]int64)
	for _, r := range report.Results {
		e.Queued[r.ID] = r.QueuedNS
	}
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the evidence of a run: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s is damaged or of another version (%w); make the run again", path, err)
	}
	return nil
}

// ReadAll reads the folders of all runs below a folder, ordered by path. It
// returns every run that can be read, even if it also returns an error about
// others.
func ReadAll(folder string) ([]*Evidence, error) {
	paths, err := filepath.Glob(filepath.Join(escape(folder), "*", "*", RunFile))
	if err != nil {
		return nil, fmt.Errorf("looking for runs in %s: %w", folder, err)
	}
	for i := range paths {
		paths[i] = filepath.Dir(paths[i])
	}
	// by scenario and then by name: as paths, "a-b/" would precede "a/"
	slices.SortFunc(paths, func(a, b string) int {
		return cmp.Or(cmp.Compare(filepath.Dir(a), filepath.Dir(b)), cmp.Compare(a, b))
	})
	var list []*Evidence
	var problems []error
	for _, path := range paths {
		e, err := Read(path)
		if err != nil {
			problems = append(problems, err)
		}
		if e != nil {
			list = append(list, e)
		}
	}
	if len(paths) == 0 {
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("looking for runs: %w", err)
		}
		return nil, fmt.Errorf("there are no runs in %s; make some with pipelab run --out %s", folder, folder)
	}
	return list, errors.Join(problems...)
}

// escape makes Glob take a path literally.
func escape(path string) string {
	var out []rune
	for _, r := range path {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
