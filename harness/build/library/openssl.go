package library

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenSSLBuild is what scripts/build-openssl writes into a prefix that it
// made.
type OpenSSLBuild struct {
	// Name that the build goes by, as "trixie".
	Name string `json:"name"`
	// Version as in the headers, "3.5.9".
	Version string `json:"version"`
	// Origin tells people where it came from.
	Origin string `json:"origin"`
	// Packages are what was put together.
	Packages []Package `json:"packages"`
	// Loader is the path, within the prefix, of the program through which
	// others have to be started to use it, where it needs a newer libc than
	// this machine has; that libc is beside the loader. Empty for none.
	Loader string `json:"loader"`

	// Prefix is where it is.
	Prefix string `json:"-"`
}

// Package is one that a build was put together of: a binary package of Debian,
// or an archive of sources.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// PackageVersion is the exact version of the package with the library, which
// for a Debian package says more than the version of OpenSSL.
func (b *OpenSSLBuild) PackageVersion() string {
	for _, p := range b.Packages {
		if p.Name != "libc6" {
			return p.Version
		}
	}
	return b.Version
}

// ReadOpenSSL returns what the prefix of an OpenSSL says of itself. One that
// was not made by scripts/build-openssl says nothing: then it is nil.
func ReadOpenSSL(prefix string) (*OpenSSLBuild, error) {
	file := filepath.Join(prefix, "manifest.json")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest of an OpenSSL: %w", err)
	}
	b := OpenSSLBuild{Prefix: prefix}
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s is no manifest (%w); make it again with scripts/build-openssl --refresh", file, err)
	}
	if b.Version == "" {
		return nil, fmt.Errorf("%s is no manifest (it names no version); make it again with scripts/build-openssl --refresh", file)
	}
	return &b, nil
}

// Command returns how a program is started so that it uses the library: the
// program itself, or the loader of the OpenSSL's libc with its arguments.
func (l *Library) Command(program string) []string {
	if l.OpenSSL == nil || l.OpenSSL.Loader == "" {
		return []string{program}
	}
	loader := filepath.Join(l.OpenSSL.Prefix, l.OpenSSL.Loader)
	path := l.LoaderPath() + ":" + filepath.Dir(loader) + ":" + filepath.Join(l.OpenSSL.Prefix, "lib")
	return []string{loader, "--library-path", path, program}
}
