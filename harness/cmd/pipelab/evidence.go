package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// keeper writes the folder of --out; nil without that flag.
type keeper struct {
	folder  string
	capture bool
	warn    io.Writer
	warned  bool
	failed  error // the first reason why packets are missing
}

// openKeeper returns nil without an error if path is empty.
func openKeeper(s *selection, setups []lab.Setup, warn io.Writer) (*keeper, error) {
	if s.outFolder == "" {
		if s.capture {
			return nil, usage(errors.New("--capture needs --out DIR to put the packets into"))
		}
		return nil, nil
	}
	taken := make(map[string]string)
	for i := range setups {
		name, prefix := filepath.Join(setups[i].Scenario.ID, runName(&setups[i], 1)), setups[i].Library.Name
		if other, known := taken[name]; known {
			return nil, usage(fmt.Errorf("--out would have two runs in the folder %s, with %s and %s: name each once, and prefixes by different last parts",
				name, other, prefix))
		}
		taken[name] = prefix
	}
	if err := os.MkdirAll(s.outFolder, 0o755); err != nil {
		return nil, cannotRun(fmt.Errorf("--out %s: %w", s.outFolder, err))
	}
	return &keeper{folder: s.outFolder, capture: s.capture, warn: warn}, nil
}

// begin prepares a run whose evidence is kept.
func (k *keeper) begin(setup *lab.Setup, repetition int) *evidence.Collector {
	if k == nil {
		return nil
	}
	c := evidence.Collect(filepath.Join(k.folder, setup.Scenario.ID, runName(setup, repetition)), k.capture)
	setup.Tap = c.Tap()
	return c
}

// runName returns the name of a run's folder.
func runName(setup *lab.Setup, repetition int) string {
	// The last part of a prefix is its name.
	name := setup.Subject.Name + "-" + setup.Driver + "-" + filepath.Base(setup.Library.Name)
	if setup.TLS != "" {
		name += "-tls" + setup.TLS
	}
	if repetition > 1 {
		name += fmt.Sprintf("-%d", repetition)
	}
	return name
}

// end writes the folder of a run. If packets cannot be captured, it says so
// once, and the runs continue.
func (k *keeper) end(c *evidence.Collector, setup *lab.Setup, r *outcome.Run, o *judge.Observation) error {
	if k == nil {
		return nil
	}
	err := keepRun(c, setup, r, o)
	if !errors.Is(err, evidence.ErrNoPackets) {
		return err
	}
	if !k.warned {
		k.warned, k.failed = true, err
		fmt.Fprintf(k.warn, "pipelab: %v; the rest is written\n", err)
	}
	return nil
}

// keepRun writes the folder of a run.
func keepRun(c *evidence.Collector, setup *lab.Setup, r *outcome.Run, o *judge.Observation) error {
	return c.Finish(evidence.Record{
		Run:      *r,
		Manifest: setup.Library.Manifest,
		Programs: evidence.Programs(setup.Subject.Path, setup.Library.File(), setup.Interposer),
		Summary:  setup.Scenario.Summary,
	}, o.Origin)
}

// problem returns the error for the exit code, at the end.
func (k *keeper) problem() error {
	if k == nil || k.failed == nil {
		return nil
	}
	return cannotRun(fmt.Errorf("there are no packets in %s, the rest is there", k.folder))
}
