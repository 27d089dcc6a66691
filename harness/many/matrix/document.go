// Package matrix puts runs with many OpenSSLs, libcurls and versions of TLS
// together: what belongs to a matrix, what is left of it, and the grid that it
// makes.
//
// It stands beside package report: a [Document] is one of that package with
// the axes of the matrix added, so that whatever reads runs reads these. The
// runs themselves are made by pipelab.
package matrix

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Schema is the number of the document's schema. It grows when fields change their
// meaning, not when there are more of them.
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
	// Gaps are what cannot be had.
	Gaps []Gap `json:"gaps,omitempty"`
}

// OpenSSL is one of the OpenSSLs.
type OpenSSL struct {
	Name           string            `json:"name"`    // "trixie"
	Version        string            `json:"version"` // "3.5.9"; empty if it cannot be had
	PackageVersion string            `json:"package_version,omitempty"`
	Origin         string            `json:"origin,omitempty"`
	Packages       []library.Package `json:"packages,omitempty"`
}

// Library is one of the libcurls.
type Library struct {
	Name  string `json:"name"`  // "stock"
	Label string `json:"label"` // "7.53.1 stock", as in the runs
}

// Gap is a cell, or a row, that is n/a because something cannot be had.
type Gap struct {
	OpenSSL string `json:"openssl"`
	Library string `json:"library,omitempty"` // its name; empty for all
	Reason  string `json:"reason"`
}

// Gap returns why the combination cannot be had; empty if it can.
func (a *Axes) Gap(openssl, libcurl string) string {
	for _, g := range a.Gaps {
		if g.OpenSSL == openssl && (g.Library == "" || g.Library == libcurl) {
			return g.Reason
		}
	}
	return ""
}

// Read reads a document. The error says so if it is of another form.
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
