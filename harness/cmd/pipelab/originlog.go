package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// originLog is the file of --origin-log; nil without one.
type originLog struct {
	file *os.File
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
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--origin-log: %w", err)
	}
	return &originLog{file: file}, nil
}

func (l *originLog) add(r *outcome.Run, log *origin.Log) error {
	if l == nil {
		return nil
	}
	err := json.NewEncoder(l.file).Encode(entry{
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
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("--origin-log: %w", err)
	}
	return nil
}
