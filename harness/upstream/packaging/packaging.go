// Package packaging makes an installable package of a patched libcurl, for dpkg
// or rpm, from a prefix that scripts/build-libcurl has made.
//
// The package does not affect the system's own libcurl: its files are below
// [Root], the loader's configuration does not change, and a program finds the
// library through the pkg-config file in the package, which sets the program's
// run path.
package packaging

import (
	"cmp"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // makes Deb
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // makes RPM

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// Root is the folder of the package's files, except for the texts that dpkg and
// rpm expect in /usr/share/doc.
const Root = "/opt/curlpipe"

// Name is the name of the package.
const Name = "curlpipe-libcurl"

// The formats of a package, as [Package.Format].
const (
	Deb = "deb"
	RPM = "rpm"
)

// Package is a package to make.
type Package struct {
	Format   string // Deb or RPM
	Prefix   string // the libcurl, with its manifest
	Series   string // the folder of the patch series, for its licence
	Release  string // what follows the version: "1"
	Packager string // "Name <address>"
	Changes  []Change
}

// Change is an entry of a package's change log.
type Change struct {
	Subject string
	Date    time.Time
}

// TakeSeries sets the fields that follow from the patch series in a folder: the
// changes, and the author of the first patch as the packager unless there is one.
func (p *Package) TakeSeries(folder string) error {
	patches, err := series.Read(folder)
	if err != nil {
		return err
	}
	p.Series, p.Packager = folder, cmp.Or(p.Packager, patches[0].Author)
	for _, patch := range patches {
		date, err := patch.Time()
		if err != nil {
			return err
		}
		p.Changes = append(p.Changes, Change{Subject: patch.Subject, Date: date})
	}
	return nil
}

// Write makes the package in a folder and returns the path of its file. It
// replaces a file of that name.
func (p *Package) Write(folder string) (string, error) {
	var finder library.Finder
	found, err := finder.Find(p.Prefix)
	if err != nil {
		return "", err
	}
	manifest := found.Manifest
	if manifest.Variant != library.Patched || manifest.Sanitize {
		return "", fmt.Errorf("%s holds libcurl %s: a package is made of a patched libcurl without sanitizers; run scripts/build-libcurl --variant patched",
			p.Prefix, manifest.LibcurlVersion)
	}
	if prefix := manifest.OpenSSL.Prefix; prefix != "" {
		return "", fmt.Errorf("%s needs the OpenSSL in %s, which is in no package; build libcurl against the system's", p.Prefix, prefix)
	}
	staging, err := os.MkdirTemp("", "curlpipe-package-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(staging)
	info, err := p.describe(manifest, staging)
	if err != nil {
		return "", err
	}
	packager, err := nfpm.Get(p.Format)
	if err != nil {
		return "", fmt.Errorf("a package is %s or %s, not %q", Deb, RPM, p.Format)
	}
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, p.Format); err != nil {
		return "", fmt.Errorf("making a package of %s: %w", p.Prefix, err)
	}
	return writePackage(packager, info, filepath.Join(folder, packager.ConventionalFileName(info)))
}

// writePackage writes the file, whole or not at all.
func writePackage(packager nfpm.Packager, info *nfpm.Info, path string) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".package-*")
	if err != nil {
		return "", fmt.Errorf("writing a package: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := packager.Package(info, file); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	if err := file.Chmod(0o644); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	if err := file.Close(); err != nil {
		return "", fmt.Errorf("writing %s: %w", path, err)
	}
	return path, os.Rename(file.Name(), path)
}

// describe returns the description and the contents of a package.
func (p *Package) describe(manifest *library.Manifest, staging string) (*nfpm.Info, error) {
	contents, err := p.contents(manifest, staging)
	if err != nil {
		return nil, err
	}
	depends, err := p.depends(staging)
	if err != nil {
		return nil, err
	}
	log, err := p.changeLog(manifest, staging)
	if err != nil {
		return nil, err
	}
	var newest time.Time
	for _, c := range p.Changes {
		if c.Date.After(newest) {
			newest = c.Date
		}
	}
	return &nfpm.Info{
		Name: Name, Arch: runtime.GOARCH, Platform: "linux",
		Version: packageVersion(manifest), VersionSchema: "none", Release: p.Release,
		Section: "libs", Priority: "optional", Maintainer: p.Packager,
		Description: "libcurl " + manifest.Version + " with HTTP/1.1 pipelining that keeps its connection\n" +
			"The patch series of curlpipe on top of libcurl, beside the system's own.\n" +
			"Build against it with PKG_CONFIG_PATH=" + Root + "/lib/pkgconfig.",
		Vendor: "curlpipe", Homepage: "https://github.com/curlpipe/curlpipe", License: "curl",
		Changelog: log, DisableGlobbing: true, MTime: newest,
		Overridables: nfpm.Overridables{Depends: depends, Contents: contents},
	}, nil
}

// packageVersion returns the version of libcurl followed by the number of
// patches: 7.53.1+doing.30.
func packageVersion(manifest *library.Manifest) string {
	return strings.Replace(manifest.LibcurlVersion, "-", "+", 1)
}

// contents are the files of the prefix and the texts beside them.
func (p *Package) contents(manifest *library.Manifest, staging string) (files.Contents, error) {
	text, err := os.ReadFile(filepath.Join(p.Prefix, "lib", "pkgconfig", "libcurl.pc"))
	if err != nil {
		return nil, fmt.Errorf("making a package: %w", err)
	}
	pc := filepath.Join(staging, "libcurl.pc")
	linked := regexp.MustCompile(`(?m)^Libs: `).ReplaceAllString(string(text), "Libs: -Wl,-rpath,$${libdir} ")
	if err := os.WriteFile(pc, []byte(linked), 0o600); err != nil {
		return nil, err
	}
	const documents = "/usr/share/doc/" + Name
	contents := files.Contents{
		file(filepath.Join(p.Prefix, "lib", "libcurl.so.4"), Root+"/lib/libcurl.so.4"),
		{Source: "libcurl.so.4", Destination: Root + "/lib/libcurl.so", Type: files.TypeSymlink},
		file(pc, Root+"/lib/pkgconfig/libcurl.pc"),
		file(filepath.Join(p.Prefix, "manifest.json"), Root+"/manifest.json"),
		file(filepath.Join(p.Series, "COPYING"), documents+"/copyright"),
	}
	headers, err := filepath.Glob(filepath.Join(p.Prefix, "include", "curl", "*.h"))
	if err != nil || len(headers) == 0 {
		return nil, fmt.Errorf("%s has no headers in include/curl: build the library again with scripts/build-libcurl", p.Prefix)
	}
	for _, header := range headers {
		contents = append(contents, file(header, Root+"/include/curl/"+filepath.Base(header)))
	}
	changes := filepath.Join(staging, "changes")
	if err := os.WriteFile(changes, []byte(p.changes(manifest)), 0o600); err != nil {
		return nil, err
	}
	return append(contents, file(changes, documents+"/changes")), nil
}

func file(source, destination string) *files.Content {
	return &files.Content{Source: source, Destination: destination, FileInfo: &files.ContentFileInfo{Mode: 0o644}}
}

// changes returns the subjects of the patches, as text.
func (p *Package) changes(manifest *library.Manifest) string {
	var text strings.Builder
	fmt.Fprintf(&text, "libcurl %s (%s) with %d patches:\n\n", manifest.Version, manifest.Source.Origin, len(manifest.Patches))
	for _, c := range p.Changes {
		fmt.Fprintf(&text, "%s  %s\n", c.Date.Format(time.DateOnly), c.Subject)
	}
	return text.String()
}

// depends returns the packages of the libraries that libcurl is linked to: for
// dpkg as dpkg-shlibdeps finds them, for rpm the names of the libraries.
func (p *Package) depends(staging string) ([]string, error) {
	shared := filepath.Join(p.Prefix, "lib", "libcurl.so.4")
	if p.Format == RPM {
		return rpmDepends(shared)
	}
	// dpkg-shlibdeps requires a source package.
	debian := filepath.Join(staging, "debian")
	if err := os.Mkdir(debian, 0o700); err != nil {
		return nil, err
	}
	control := "Source: " + Name + "\n\nPackage: " + Name + "\nArchitecture: any\n"
	if err := os.WriteFile(filepath.Join(debian, "control"), []byte(control), 0o600); err != nil {
		return nil, err
	}
	command := exec.Command("dpkg-shlibdeps", "-O", "-e"+shared)
	command.Dir = staging
	output, err := command.CombinedOutput()
	_, list, found := strings.Cut(string(output), "shlibs:Depends=")
	if err != nil || !found {
		return nil, fmt.Errorf("dpkg-shlibdeps cannot tell what %s needs (%s): install dpkg-dev, and build against packaged libraries",
			shared, strings.TrimSpace(string(output)))
	}
	list, _, _ = strings.Cut(list, "\n")
	return strings.Split(list, ", "), nil
}

// rpmDepends returns the names of the libraries in the form of rpm's own
// dependency generator.
func rpmDepends(shared string) ([]string, error) {
	library, err := elf.Open(shared)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", shared, err)
	}
	defer library.Close()
	needed, err := library.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", shared, err)
	}
	suffix := "()"
	if library.Class == elf.ELFCLASS64 {
		suffix = "()(64bit)"
	}
	for i := range needed {
		needed[i] += suffix
	}
	return needed, nil
}
