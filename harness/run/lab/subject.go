// Package lab carries one run out: it starts the origin of a scenario and a
// subject with the library under test, watches both, and gives everything that
// was observed to the judge.
//
// It stands between pipelab, which says what to run, and the judge. A subject
// is reached only as a process, through its standard streams and its
// environment.
package lab

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
	// Drivers that it has, the first one is what it is known for.
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

// interposer is the file name of the library that is preloaded.
const interposer = "libinterposer.so"

// engine is the file name of the origin's OpenSSL.
const engine = "tls-engine"

// fleets are the file names of the programs that are many clients each.
var fleets = []string{"c-fleet", "curlpipe-fleet"}

// buildScript is what makes everything in the folder of a Bench.
const buildScript = "scripts/build-subjects"

// Bench is the folder with the subjects and the interposer.
type Bench struct {
	// Folder is build/subjects of a checkout.
	Folder string
}

// Subjects returns all subjects, whether they are built or not.
func (b *Bench) Subjects() []Subject {
	list := append([]Subject(nil), subjects...)
	for i := range list {
		list[i].Path = filepath.Join(b.Folder, list[i].Name)
	}
	return list
}

// Find returns the subjects of that name, which have to be built. The error
// says which exist, or how to build them.
func (b *Bench) Find(name string) (*Subject, error) {
	var names []string
	for _, s := range b.Subjects() {
		if s.Name == name {
			if _, err := b.built(s.Name, "the subject "+s.Name); err != nil {
				return nil, err
			}
			return &s, nil
		}
		names = append(names, s.Name)
	}
	return nil, &UnknownError{What: "subject", Name: name, Known: names}
}

// Engine returns the path of the program that has OpenSSL for the origin,
// which has to be built.
func (b *Bench) Engine() (string, error) {
	return b.built(engine, "the origin's TLS engine")
}

// Fleet returns the path of a program that is many clients, which has to be
// built.
func (b *Bench) Fleet(name string) (string, error) {
	if !slices.Contains(fleets, name) {
		return "", &UnknownError{What: "program of clients", Name: name, Known: fleets}
	}
	return b.built(name, "the program "+name)
}

// Interposer returns the path of the library to preload, which has to be
// built.
func (b *Bench) Interposer() (string, error) {
	return b.built(interposer, "the interposer")
}

// built returns the path of a file in the folder; what names it in the error.
func (b *Bench) built(file, what string) (string, error) {
	path := filepath.Join(b.Folder, file)
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
