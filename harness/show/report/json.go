// Package report writes the results of runs, as a table for people and as JSON for
// programs.
//
// The JSON of a [Document] is documented in harness/docs/run.md, and fields are
// only ever added to it.
package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// Document has all runs of one call of pipelab.
type Document struct {
	// OpenSSL is the version that the libraries of the runs are linked to;
	// several are separated by ", ".
	OpenSSL string `json:"openssl"`
	// Runs in the order in which they were made.
	Runs []outcome.Run `json:"runs"`
}

// NewDocument makes a document of runs.
func NewDocument(runs []outcome.Run) *Document {
	var versions []string
	for _, r := range runs {
		if r.OpenSSL != "" && !slices.Contains(versions, r.OpenSSL) {
			versions = append(versions, r.OpenSSL)
		}
	}
	return &Document{OpenSSL: strings.Join(versions, ", "), Runs: append([]outcome.Run{}, runs...)}
}

// WriteFile writes the document as JSON, see the function [WriteFile].
func (d *Document) WriteFile(path string) error {
	return WriteFile(path, d.Write)
}

// Write writes the document as JSON.
func (d *Document) Write(w io.Writer) error {
	return writeJSON(w, d)
}

func writeJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// WriteJSON writes a value as a file of JSON, see the function [WriteFile].
func WriteJSON(path string, value any) error {
	return WriteFile(path, func(w io.Writer) error { return writeJSON(w, value) })
}

// WriteFile writes a file atomically: until the new content is complete, the old file
// stays. If the path is not a regular file, such as a pipe or a terminal, it is
// written to and not replaced.
func WriteFile(path string, write func(io.Writer) error) error {
	var content bytes.Buffer
	err := write(&content)
	if err == nil {
		if info, failed := os.Stat(path); failed == nil && !info.Mode().IsRegular() {
			err = os.WriteFile(path, content.Bytes(), 0)
		} else {
			err = replace(path, content.Bytes())
		}
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// replace replaces the file at a path by one with this content.
func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // unless it was renamed
	_, err = file.Write(content)
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(file.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	return err
}
