package library

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenSSLBuild is the description that scripts/build-openssl writes into a
// prefix.
type OpenSSLBuild struct {
	// Name is the name of the build, such as "trixie".
	Name string `json:"name"`
	// Version is the version in the headers, "3.5.9".
	Version string `json:"version"`
	// Origin tells people where it came from.
	Origin string `json:"origin"`
	// Packages are the inputs of the build.
	Packages []Package `json:"packages"`
	// Loader is the path, within the prefix, of the dynamic loader that starts
	// programs with this OpenSSL if it needs a newer libc than this machine has.
	// That libc is beside the loader. Empty if no loader is needed.
	Loader string `json:"loader"`

	// Prefix is where it is.
	Prefix string `json:"-"`
}

// Package is an input of a build: a binary package of Debian, or an archive of
// sources.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// PackageVersion returns the exact version of the package with the library,
// which in Debian is more precise than the version of OpenSSL.
func (b *OpenSSLBuild) PackageVersion() string {
	for _, p := range b.Packages {
		if p.Name != "libc6" {
			return p.Version
		}
	}
	return b.Version
}

// ReadOpenSSL returns the description in an OpenSSL's prefix; nil if
// scripts/build-openssl has not made the prefix.
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

// Command returns the command that starts a program with the library: the
// program itself, or the loader of the OpenSSL's libc with the program as its
// argument.
func (l *Library) Command(program string) []string {
	if l.OpenSSL == nil || l.OpenSSL.Loader == "" {
		return []string{program}
	}
	loader := filepath.Join(l.OpenSSL.Prefix, l.OpenSSL.Loader)
	path := l.LoaderPath() + ":" + filepath.Dir(loader) + ":" + filepath.Join(l.OpenSSL.Prefix, "lib")
	return []string{loader, "--library-path", path, program}
}
