// Package library finds the libcurl for a run.
//
// It stands before a run. The user names a build in the cache or a prefix; the
// package returns it as a [Library], whose loader path the lab gives to the
// subject. If the library cannot be used, the error says why.
package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Manifest is the description that scripts/build-libcurl writes into a prefix.
type Manifest struct {
	LibrarySHA256  string   `json:"library_sha256"` // of lib/libcurl.so.4
	Variant        string   `json:"variant"`
	Version        string   `json:"version"`
	LibcurlVersion string   `json:"libcurl_version"`
	Source         Source   `json:"source"`
	OpenSSL        OpenSSL  `json:"openssl"`
	PatchSeries    string   `json:"patch_series_sha256"`
	OwnSeries      string   `json:"patch_series"` // the folder of the series, if it is not the checkout's
	Features       string   `json:"features"`     // minimal or full
	Patches        []string `json:"patches"`
	Sanitize       bool     `json:"sanitize"`
	Preload        string   `json:"preload"` // libraries that a program without sanitizers must preload; empty if none
	Flags          []string `json:"flags"`
	Pipelining     bool     `json:"pipelining"`
	Multiplexing   bool     `json:"multiplexing"` // HTTP/2; without Pipelining, HTTP/2 only
}

// Source describes where the source of a build came from.
type Source struct {
	Origin string `json:"origin"`
	SHA256 string `json:"sha256"`
}

// OpenSSL is the OpenSSL that a build was linked to. Prefix is empty for the
// system's own.
type OpenSSL struct {
	Version string `json:"version"`
	Prefix  string `json:"prefix"`
}

// variants that the build script makes; anything else is the user's own.
const (
	Stock   = "stock"
	Patched = "patched"
	// MovingBuffer is the negative control: stock whose only change is
	// SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER.
	MovingBuffer = "moving-buffer"
	// Packaged is a Debian suite's own libcurl, which has HTTP/2 and no longer
	// pipelines.
	Packaged = "packaged"
	own      = "own"

	// full is what scripts/build-libcurl builds with --features full.
	full = "full"
)

// PatchedMark stands in the version of a patched libcurl, as "7.53.1-doing.30",
// before the number of its patches: DOING is the phase that they add, in which
// a request keeps the connection until every byte of it is accepted.
const PatchedMark = "-doing."

// readManifest returns the manifest of a prefix. For a prefix without one,
// which the user built, it makes one from the library's version.
func (f *Finder) readManifest(prefix string) (*Manifest, error) {
	file := filepath.Join(prefix, "manifest.json")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return f.inspect(prefix)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of a libcurl: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s is no manifest (%w); build the library again with scripts/build-libcurl", file, err)
	}
	if m.Variant == "" || m.Version == "" {
		return nil, fmt.Errorf("%s is no manifest (it names no variant or no version); "+
			"build the library again with scripts/build-libcurl", file)
	}
	m.Multiplexing = m.Multiplexing || m.Features == full
	return &m, nil
}

// inspect makes the manifest of a prefix that the user built.
func (f *Finder) inspect(prefix string) (*Manifest, error) {
	file := filepath.Join(prefix, "lib", soname)
	version, err := f.version(file)
	if err != nil {
		return nil, fmt.Errorf("%s does not say which version of libcurl it is: %w", file, err)
	}
	plain, _, _ := strings.Cut(version, "-")
	return &Manifest{
		Variant:        own,
		Version:        plain,
		LibcurlVersion: version,
		Source:         Source{Origin: prefix},
		Pipelining:     pipelines(plain),
	}, nil
}

// version returns the result of curl_version() of the library in a file. It
// asks a program that loads the library, because the text may not be in the
// file in one piece, and the file may contain other libraries' versions.
func (f *Finder) version(file string) (string, error) {
	program := filepath.Join(f.Programs, "libcurl-version")
	if _, err := os.Stat(program); err != nil {
		return "", errors.New("libcurl-version is not built; run scripts/build-subjects")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, file)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Dir(file))
	var said, complained bytes.Buffer
	command.Stdout, command.Stderr = &said, &complained
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%w (%s)", err, strings.Join(strings.Fields(complained.String()), " "))
	}
	return strings.TrimSpace(said.String()), nil
}

var versionNumber = regexp.MustCompile(`^([0-9]+)\.([0-9]+)`)

// pipelines reports whether a release can pipeline: HTTP/1.1 pipelining came
// with 7.16.0 and is ignored from 7.62.0 on [CURLMOPT_PIPELINING(3)].
func pipelines(version string) bool {
	found := versionNumber.FindStringSubmatch(version)
	if found == nil {
		return false
	}
	major, _ := strconv.Atoi(found[1])
	minor, _ := strconv.Atoi(found[2])
	return major == 7 && minor >= 16 && minor <= 61
}
