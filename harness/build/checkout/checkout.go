// Package checkout finds the builds of a checkout of curlpipe.
//
// It stands before a run. It finds the checkout from the place of the program
// or from the working directory, and in it the subjects (see package subject)
// and the libcurls (see package library).
package checkout

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/curlpipe/curlpipe/harness/build/library"
)

// Checkout is a checkout of curlpipe.
type Checkout struct {
	// Folder is its absolute path.
	Folder string
}

// module is the first line of the checkout's go.mod.
const module = "module github.com/curlpipe/curlpipe"

// Find returns the checkout that the executable was built in, or else the one
// that the working directory is in.
func Find() (*Checkout, error) {
	var starts []string
	if executable, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(executable))
	}
	if working, err := os.Getwd(); err == nil {
		starts = append(starts, working)
	}
	for _, start := range starts {
		for folder := start; ; folder = filepath.Dir(folder) {
			text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
			if err == nil && strings.HasPrefix(string(text), module+"\n") {
				return &Checkout{Folder: folder}, nil
			}
			if folder == filepath.Dir(folder) {
				break
			}
		}
	}
	return nil, fmt.Errorf("no checkout of curlpipe found above %s; start it inside of one", strings.Join(starts, " or "))
}

// Programs returns the folder that scripts/build-subjects builds into, which
// need not be there.
func (c *Checkout) Programs() string {
	return filepath.Join(c.Folder, "build", "subjects")
}

// Finder returns a finder of libcurls, in the cache by name and anywhere by
// prefix. A patched libcurl must have the patches of the checkout.
func (c *Checkout) Finder() (*library.Finder, error) {
	cache, err := library.DefaultCache()
	if err != nil {
		return nil, err
	}
	return &library.Finder{Cache: cache, Patches: filepath.Join(c.Folder, "patches"), Programs: c.Programs()}, nil
}
