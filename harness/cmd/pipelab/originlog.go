package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// originLog is the file of --origin-log, which is written when it is closed; nil
// without that flag.
type originLog struct {
	path string
	text bytes.Buffer
}

// entry is one line of it.
type entry struct {
	Scenario   string      `json:"scenario"`
	Subject    string      `json:"subject"`
	Driver     string      `json:"driver"`
	Library    string      `json:"library"`
	Seed       uint64      `json:"seed"`
	Repetition int         `json:"repetition"`
	Origin     *origin.Log `json:"origin"`
}

// openLog returns nil without an error if path is empty.
func openLog(path string) (*originLog, error) {
	if path == "" {
		return nil, nil
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil { // checked before the runs, not after them
		return nil, fmt.Errorf("--origin-log: %w", err)
	}
	return &originLog{path: path}, nil
}

func (l *originLog) add(r *outcome.Run, log *origin.Log) error {
	if l == nil {
		return nil
	}
	err := json.NewEncoder(&l.text).Encode(entry{
		Scenario: r.Scenario, Subject: r.Subject, Driver: r.Driver, Library: r.Library,
		Seed: r.Seed, Repetition: r.Repetition, Origin: log,
	})
	if err != nil {
		return fmt.Errorf("--origin-log: %w", err)
	}
	return nil
}

func (l *originLog) close() error {
	if l == nil {
		return nil
	}
	err := report.WriteFile(l.path, func(w io.Writer) error {
		_, err := l.text.WriteTo(w)
		return err
	})
	if err != nil {
		return fmt.Errorf("--origin-log: %w", err)
	}
	return nil
}
