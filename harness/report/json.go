package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// NewDocument puts runs together.
func NewDocument(runs []Run) *Document {
	var versions []string
	for _, r := range runs {
		if r.OpenSSL != "" && !slices.Contains(versions, r.OpenSSL) {
			versions = append(versions, r.OpenSSL)
		}
	}
	return &Document{OpenSSL: strings.Join(versions, ", "), Runs: append([]Run{}, runs...)}
}

// WriteFile writes the document as JSON. The file appears whole or not at all:
// what was there before stays until then.
func (d *Document) WriteFile(path string) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(text, '\n'))
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(file.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
