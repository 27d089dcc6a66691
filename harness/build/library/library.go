package library

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// soname is the file that the loader looks for.
const soname = "libcurl.so.4"

// Library is a libcurl that a run can use.
type Library struct {
	// Name is how the user named it.
	Name string
	// Prefix is the absolute path of the folder that has lib/libcurl.so.4.
	Prefix string
	// Manifest describes the build.
	Manifest *Manifest
	// OpenSSL is the OpenSSL that it was built against; nil for the system's own,
	// and for one that scripts/build-openssl did not make.
	OpenSSL *OpenSSLBuild
}

// Label is the library's name in a table: "7.53.1 stock", "7.53.1 patched full",
// "7.53.1 patched (series mine)" with the patches of a folder of that name. The
// libcurls of Debian's suites share one label, "packaged HTTP/2", whatever their
// releases.
func (l *Library) Label() string {
	m := l.Manifest
	if m.Variant == Packaged {
		return Packaged + " HTTP/2"
	}
	label := m.Version + " " + m.Variant
	if m.Features == full {
		label += " " + full
	}
	if m.OwnSeries != "" {
		label += " (series " + filepath.Base(m.OwnSeries) + ")"
	}
	return label
}

// LoaderPath returns the LD_LIBRARY_PATH with which a subject loads the
// library.
func (l *Library) LoaderPath() string {
	return filepath.Join(l.Prefix, "lib")
}

// File is the path of the shared library.
func (l *Library) File() string {
	return filepath.Join(l.LoaderPath(), soname)
}

// Finder finds libraries. Each folder may be missing.
type Finder struct {
	// Cache is the folder that scripts/build-libcurl builds into.
	Cache string
	// Patches is the folder of the patch series. A patched library that was built
	// from another version of the series is refused. Empty means no check.
	Patches string
	// Programs is the folder that has libcurl-version, for libraries that
	// scripts/build-libcurl has not made.
	Programs string
}

// DefaultCache returns the absolute path of $CURLPIPE_CACHE, or else of the
// folder curlpipe in the user's cache folder, as scripts/lib/common.sh does.
func DefaultCache() (string, error) {
	if dir := os.Getenv("CURLPIPE_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w; set CURLPIPE_CACHE", err)
	}
	return filepath.Join(dir, "curlpipe"), nil
}

// Find returns the library of that name: a build of scripts/build-libcurl, such
// as "stock" or "patched", or the path of a prefix. The error says what to do.
func (f *Finder) Find(name string) (*Library, error) {
	prefix := name
	if !strings.ContainsRune(name, filepath.Separator) {
		prefix = filepath.Join(f.Cache, "libcurl", "by-name", name)
		if _, err := os.Stat(prefix); errors.Is(err, fs.ErrNotExist) {
			return nil, f.unknown(name)
		}
	}
	prefix, err := filepath.EvalSymlinks(prefix)
	if err != nil {
		return nil, fmt.Errorf("finding the libcurl %q: %w", name, err)
	}
	if prefix, err = filepath.Abs(prefix); err != nil {
		return nil, fmt.Errorf("finding the libcurl %q: %w", name, err)
	}
	if _, err := os.Stat(filepath.Join(prefix, "lib", soname)); err != nil {
		return nil, fmt.Errorf("%q is no prefix of a libcurl: it has no lib/%s", name, soname)
	}
	manifest, err := f.readManifest(prefix)
	if err != nil {
		return nil, err
	}
	l := &Library{Name: name, Prefix: prefix, Manifest: manifest}
	if manifest.OpenSSL.Prefix != "" {
		if l.OpenSSL, err = ReadOpenSSL(manifest.OpenSSL.Prefix); err != nil {
			return nil, err
		}
	}
	if err := f.check(l); err != nil {
		return nil, err
	}
	return l, nil
}

func (f *Finder) unknown(name string) error {
	if command := buildCommand(name); command != "" {
		return fmt.Errorf("the libcurl %q is not built yet; run %s", name, command)
	}
	var built []string
	entries, _ := os.ReadDir(filepath.Join(f.Cache, "libcurl", "by-name"))
	for _, e := range entries {
		built = append(built, e.Name())
	}
	return fmt.Errorf("there is no libcurl named %q; built so far: %s; a prefix of your own needs a slash in its path",
		name, cmp.Or(strings.Join(built, ", "), "none"))
}

// builtName is the name that scripts/build-libcurl gives a build of official
// sources.
var builtName = regexp.MustCompile(`^(` + Stock + `|` + Patched + `|` + MovingBuffer + `|` + Packaged + `)(?:-([0-9]+\.[0-9]+\.[0-9]+))?(-` + full + `)?(-sanitize)?(-openssl-.+)?$`)

// buildCommand returns the command that makes the build with this name, or
// nothing if there is none.
func buildCommand(name string) string {
	part := builtName.FindStringSubmatch(name)
	if part == nil {
		return ""
	}
	command := "scripts/build-libcurl --variant " + part[1]
	if part[1] == Packaged {
		command = "scripts/fetch-libcurl"
	}
	if part[2] != "" {
		command += " --version " + part[2]
	}
	if part[3] != "" {
		command += " --features " + full
	}
	if part[4] != "" {
		command += " --sanitize"
	}
	if part[5] != "" {
		command += " --openssl PREFIX, with the prefix that scripts/build-openssl prints"
	}
	return command
}

func (f *Finder) check(l *Library) error {
	m := l.Manifest
	if err := l.checkFile(); err != nil {
		return err
	}
	if !m.Pipelining && !m.Multiplexing {
		return fmt.Errorf("libcurl %s in %s cannot pipeline: only 7.16.0 to 7.61.1 can", m.LibcurlVersion, l.Prefix)
	}
	if m.Variant != Patched || f.Patches == "" || m.OwnSeries != "" {
		return nil
	}
	series, err := SeriesHash(f.Patches)
	if err != nil {
		return err
	}
	if m.PatchSeries != series {
		command := cmp.Or(buildCommand(l.Name), buildCommand(Patched))
		return fmt.Errorf("the libcurl %q was built from another patch series than the one in %s; run %s",
			l.Name, f.Patches, command)
	}
	return nil
}

// checkFile refuses a library that differs from the one that the manifest
// describes, because it is incomplete or was changed.
func (l *Library) checkFile() error {
	expected, command := l.Manifest.LibrarySHA256, "scripts/build-libcurl"
	if l.Manifest.Variant == Packaged {
		expected, command = l.Manifest.Source.SHA256, "scripts/fetch-libcurl"
	}
	if expected == "" { // made by another program
		return nil
	}
	text, err := os.ReadFile(l.File())
	if err != nil {
		return fmt.Errorf("reading the libcurl %q: %w", l.Name, err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != expected {
		return fmt.Errorf("%s is not what was built: its SHA-256 is %x, and manifest.json says %s; run %s again", l.File(), sum, expected, command)
	}
	return nil
}

// SeriesHash returns the SHA-256, in hexadecimal, of the patch series in a
// folder, as scripts/lib/series.sh computes it: of a line "sha256  name" for each
// file of the series.
func SeriesHash(folder string) (string, error) {
	names, err := seriesFiles(folder)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return "", fmt.Errorf("reading the patch series: %w", err)
		}
		fmt.Fprintf(sum, "%x  %s\n", sha256.Sum256(text), name)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// seriesFiles returns the files of a patch series: "series", "groups" where
// there is one, and the patches, each followed by its texts for other
// releases.
func seriesFiles(folder string) ([]string, error) {
	series, err := os.ReadFile(filepath.Join(folder, "series"))
	if err != nil {
		return nil, fmt.Errorf("reading the patch series: %w", err)
	}
	names := []string{"series"}
	if _, err := os.Stat(filepath.Join(folder, "groups")); err == nil {
		names = append(names, "groups")
	}
	for line := range strings.Lines(string(series)) {
		entry, _, _ := strings.Cut(line, "#")
		words := strings.Fields(entry) // the name, perhaps followed by options for quilt
		if len(words) == 0 {
			continue
		}
		names = append(names, words[0])
		others, err := filepath.Glob(filepath.Join(folder, strings.TrimSuffix(words[0], ".patch")+"@*"))
		if err != nil {
			return nil, fmt.Errorf("reading the patch series: %w", err)
		}
		for _, other := range others { // Glob sorts
			names = append(names, filepath.Base(other))
		}
	}
	return names, nil
}
