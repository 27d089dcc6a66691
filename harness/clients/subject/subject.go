// Package subject knows the programs under test by name, and finds them where
// scripts/build-subjects has put them.
//
// The folders in it have the programs themselves, and package plan, the language
// between them and pipelab.
package subject

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Subject is a program under test.
type Subject struct {
	// Name as on the command line.
	Name string
	// Drivers are the subject's drivers; the first one is its default.
	Drivers []string
	// Summary says in one sentence what it is.
	Summary string
	// Path of the executable.
	Path string
}

// HasDriver reports whether the subject can run the multi interface that way.
func (s *Subject) HasDriver(driver string) bool {
	return slices.Contains(s.Drivers, driver)
}

var subjects = []Subject{
	{
		Name:    "c-demo",
		Drivers: []string{plan.DriverPerform, plan.DriverSocket},
		Summary: "the report's demo client in C, with the report's settings",
	},
	{
		Name:    "go-curl",
		Drivers: []string{plan.DriverPerform},
		Summary: "the same over the multi API of github.com/andelf/go-curl",
	},
	{
		Name:    "curlpipe",
		Drivers: []string{plan.DriverSocket},
		Summary: "the same over this project's Go library",
	},
}

// File names of the library that is preloaded, and of the origin's OpenSSL.
const (
	InterposerFile = "libinterposer.so"
	EngineFile     = "tls-engine"
)

// fleets are the file names of the programs that run many clients each.
var fleets = []string{"c-fleet", "curlpipe-fleet"}

// buildScript is the script that builds everything in the folder of Programs.
const buildScript = "scripts/build-subjects"

// Programs is the folder with the subjects, the interposer and the origin's TLS
// engine.
type Programs struct {
	// Folder is build/subjects in a checkout.
	Folder string
}

// In returns the programs in a folder, which need not be there.
func In(folder string) *Programs { return &Programs{Folder: folder} }

// Subjects returns all subjects, whether they are built or not.
func (p *Programs) Subjects() []Subject {
	list := append([]Subject(nil), subjects...)
	for i := range list {
		list[i].Path = filepath.Join(p.Folder, list[i].Name)
	}
	return list
}

// Find returns the subject of that name. If there is none or it is not built, the
// error names the subjects that exist, or the script that builds them.
func (p *Programs) Find(name string) (*Subject, error) {
	var names []string
	for _, s := range p.Subjects() {
		if s.Name == name {
			if _, err := p.built(s.Name, "the subject "+s.Name); err != nil {
				return nil, err
			}
			return &s, nil
		}
		names = append(names, s.Name)
	}
	return nil, &UnknownError{What: "subject", Name: name, Known: names}
}

// Engine returns the path of the origin's TLS engine, which must have been built.
func (p *Programs) Engine() (string, error) {
	return p.built(EngineFile, "the origin's TLS engine")
}

// Fleet returns the path of a program of many clients, which must have been
// built.
func (p *Programs) Fleet(name string) (string, error) {
	if !slices.Contains(fleets, name) {
		return "", &UnknownError{What: "program of clients", Name: name, Known: fleets}
	}
	return p.built(name, "the program "+name)
}

// Interposer returns the path of the library to preload, which must have been
// built.
func (p *Programs) Interposer() (string, error) {
	return p.built(InterposerFile, "the interposer")
}

// built returns the path of a file in the folder; what names it in the error.
func (p *Programs) built(file, what string) (string, error) {
	path := filepath.Join(p.Folder, file)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not built (%w); run %s", what, err, buildScript)
	}
	return path, nil
}

// UnknownError is the error for a name that does not exist.
type UnknownError struct {
	What  string   // what kind of thing
	Name  string   // that was asked for
	Known []string // that exist
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no %s %q; there are: %s", e.What, e.Name, strings.Join(e.Known, ", "))
}
