// Package stack finds out which implementation of TLS a process uses, from the
// libraries that it has loaded and from its executable.
//
// Package check calls it if the interposer saw no write over TLS, to say why.
package stack

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// OpenSSL is the Name of the stack that the interposer can watch, if it is a
// shared library.
const OpenSSL = "OpenSSL"

// goTLS is the Name of Go's own TLS library.
const goTLS = "crypto/tls"

// Stack is an implementation of TLS.
type Stack struct {
	// Name is the implementation's own name: "OpenSSL", "GnuTLS", "crypto/tls".
	Name string
	// Version, if it can be determined: "3.0.19", "go1.24.1".
	Version string
	// Library is the file name of the shared library; empty if it is part of the
	// executable.
	Library string
}

// String describes the stack: "GnuTLS (libgnutls.so.30)", or "OpenSSL 3.0.13,
// linked statically".
func (s Stack) String() string {
	switch {
	case s.Library != "":
		return fmt.Sprintf("%s (%s)", s.Name, s.Library)
	case s.Name == goTLS:
		return fmt.Sprintf("Go's %s (%s)", s.Name, s.Version)
	}
	return strings.TrimSpace(s.Name+" "+s.Version) + ", linked statically"
}

// libraries are the beginnings of the names of shared libraries.
var libraries = []struct{ prefix, name string }{
	{"libgnutls.so", "GnuTLS"},
	{"libssl3.so", "NSS"},
	{"libmbedtls.so", "Mbed TLS"},
	{"libwolfssl.so", "wolfSSL"},
	{"librustls.so", "rustls"},
	{"libssl.so", OpenSSL},
}

// signs are texts in executables that were linked with a stack. The first match
// counts, but one without a version only if no other matches.
var signs = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"rustls", regexp.MustCompile(`/rustls-(\d+\.\d+\.\d+)[^/\x00]*/`)},
	{"BoringSSL", regexp.MustCompile(`BoringSSL()`)},
	{"LibreSSL", regexp.MustCompile(`LibreSSL (\d+\.\d+\.\d+)`)},
	{OpenSSL, regexp.MustCompile(`OpenSSL (\d+\.\d+\.\d+[a-z]*)[^\x00\n]{0,20} \d{1,2} [A-Z][a-z][a-z] \d{4}`)},
	{OpenSSL, regexp.MustCompile(`ssl/statem/statem_clnt\.c()`)}, // without a version, if the program never asks for it
	{"Mbed TLS", regexp.MustCompile(`bed TLS (\d+\.\d+\.\d+)`)},
}

// Process is what was recorded about a process while it ran.
type Process struct {
	maps       string   // its libraries
	executable *os.File // stays readable after the process has ended
}

// Look records the information that Stacks needs. The caller must close the
// Process.
func Look(pid int) (*Process, error) {
	folder := filepath.Join("/proc", strconv.Itoa(pid))
	maps, err := os.ReadFile(filepath.Join(folder, "maps"))
	if err != nil {
		return nil, fmt.Errorf("looking at the libraries of the client: %w", err)
	}
	executable, err := os.Open(filepath.Join(folder, "exe"))
	if err != nil {
		return nil, fmt.Errorf("looking into the client's program: %w", err)
	}
	return &Process{maps: string(maps), executable: executable}, nil
}

// Stacks returns the TLS stacks in the process, those linked into its
// executable first. The process may not use all of them: Debian's libcurl loads
// GnuTLS beside OpenSSL.
func (p *Process) Stacks() ([]Stack, error) {
	found, err := within(p.executable)
	return append(found, loaded(p.maps)...), err
}

// Loads reports whether the process has loaded the file at that path.
func (p *Process) Loads(path string) bool {
	for line := range strings.Lines(p.maps) {
		if strings.HasSuffix(strings.TrimSuffix(line, "\n"), " "+path) {
			return true
		}
	}
	return false
}

// Close releases the resources of the Process.
func (p *Process) Close() error { return p.executable.Close() }

// loaded returns the stacks among the libraries in /proc/PID/maps.
func loaded(maps string) []Stack {
	var found []Stack
	for _, known := range libraries {
		for line := range strings.Lines(maps) {
			fields := strings.Fields(line)
			if len(fields) < 6 {
				continue
			}
			if name := filepath.Base(fields[5]); strings.HasPrefix(name, known.prefix) {
				found = append(found, Stack{Name: known.name, Library: name})
				break
			}
		}
	}
	return found
}

// How much of an executable is read at a time, in bytes, and how much the
// pieces overlap: more than the longest of the signs.
const (
	pieceBytes   = 4 << 20
	overlapBytes = 4 << 10
)

// within returns the stack that is linked into an executable, if any.
func within(executable io.ReaderAt) ([]Stack, error) {
	if info, err := buildinfo.Read(executable); err == nil {
		return []Stack{{Name: goTLS, Version: info.GoVersion}}, nil
	}
	var unversioned []Stack
	piece := make([]byte, pieceBytes)
	for offset := int64(0); ; offset += pieceBytes - overlapBytes {
		n, err := executable.ReadAt(piece, offset)
		for _, known := range signs {
			found := known.pattern.FindSubmatch(piece[:n])
			if found != nil && len(found[1]) > 0 {
				return []Stack{{Name: known.name, Version: string(found[1])}}, nil
			}
			if found != nil && unversioned == nil {
				unversioned = []Stack{{Name: known.name}}
			}
		}
		if errors.Is(err, io.EOF) {
			return unversioned, nil
		}
		if err != nil {
			return nil, fmt.Errorf("looking into the client's program: %w", err)
		}
	}
}
