// Package matrix combines runs with many OpenSSLs, libcurls and versions of TLS:
// which runs a matrix has, which of them remain to be made, and the grid of the
// results.
//
// It stands beside package report: a [Document] is that package's document with
// the axes of the matrix added, so that a reader of runs can read it. [Work]
// makes the runs.
package matrix

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Schema is the version of the document. It grows when a field changes its
// meaning, not when a field is added.
const Schema = 1

// Document is a matrix, or a shard of one.
type Document struct {
	// Schema is the constant of that name.
	Schema int `json:"form"`
	// Date on which the last run was made, as 2006-01-02, in UTC.
	Date string `json:"date"`
	// Axes of the whole matrix.
	Axes Axes `json:"axes"`
	// Shard that the runs are of.
	Shard shard.Shard `json:"shard"`
	// Document has the runs, in the order of the axes.
	report.Document
}

// Axes are what a matrix is made of.
type Axes struct {
	OpenSSL   []OpenSSL `json:"openssl"`   // rows
	Libraries []Library `json:"libraries"` // columns, for each version of TLS
	TLS       []string  `json:"tls"`
	Scenarios []string  `json:"scenarios"`
	Subjects  []string  `json:"subjects"`
	Drivers   []string  `json:"drivers"`
	// Gaps are what is not available.
	Gaps []Gap `json:"gaps,omitempty"`
}

// OpenSSL is one of the OpenSSLs.
type OpenSSL struct {
	Name           string            `json:"name"`    // "trixie"
	Version        string            `json:"version"` // "3.5.9"; empty if it is not available
	PackageVersion string            `json:"package_version,omitempty"`
	Origin         string            `json:"origin,omitempty"`
	Packages       []library.Package `json:"packages,omitempty"`
}

// Library is one of the libcurls.
type Library struct {
	Name  string `json:"name"`  // "stock"
	Label string `json:"label"` // "7.53.1 stock", as in the runs
}

// Gap is a cell or a row that is n/a because something is not available.
type Gap struct {
	OpenSSL string `json:"openssl"`
	Library string `json:"library,omitempty"` // its name; empty for all
	Reason  string `json:"reason"`
}

// Gap returns why the combination is not available; empty if it is.
func (a *Axes) Gap(openssl, libcurl string) string {
	for _, g := range a.Gaps {
		if g.OpenSSL == openssl && (g.Library == "" || g.Library == libcurl) {
			return g.Reason
		}
	}
	return ""
}

// Read reads a document. The error says so if it has another schema.
func Read(path string) (*Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a matrix: %w", err)
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s is not the JSON of a matrix: %w", path, err)
	}
	if d.Schema == 0 {
		return nil, fmt.Errorf("%s is not the JSON of a matrix: it has no form; pipelab matrix --json makes one", path)
	}
	if d.Schema != Schema {
		return nil, fmt.Errorf("%s has schema %d, and this pipelab knows schema %d; make it again", path, d.Schema, Schema)
	}
	return &d, nil
}

// WriteFile writes the document as JSON, whole or not at all.
func (d *Document) WriteFile(path string) error { return report.WriteJSON(path, d) }
