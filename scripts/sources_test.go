package scripts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tool runs a program that the test needs, in a folder.
func tool(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	said, err := command.CombinedOutput()
	require.NoError(t, err, string(said))
	return strings.TrimSpace(string(said))
}

// clone makes a repository with libcurl 7.53.1 and, behind it, 7.61.1 and a
// branch for the next. Its work tree has the last.
func (w *world) clone() string {
	w.t.Helper()
	folder := w.tree(nil)
	git := func(args ...string) { tool(w.t, folder, "git", args...) }
	git("init", "-q", "-b", "master")
	for _, release := range []string{"7.53.1", "7.61.1", "7.61.2"} {
		w.write(filepath.Join(folder, "include/curl/curlver.h"), tinyVersion(release))
		git("add", "-A")
		git("commit", "-q", "-m", release)
		if release != "7.61.2" {
			git("tag", "curl-"+strings.ReplaceAll(release, ".", "_"))
		}
	}
	return folder
}

// A clone gives what its tags and branches have; its work tree stays as it is.
func TestCloneOfCurlsRepository(t *testing.T) {
	w := newWorld(t)
	clone := w.clone()
	before := treeHash(t, clone)
	for _, test := range []struct{ option, value, version, origin string }{
		{"--version", "7.53.1", "7.53.1-stock", "curl-7_53_1"},
		{"--version", "7.61.1", "7.61.1-stock", "curl-7_61_1"},
		{"--ref", "curl-7_53_1", "7.53.1-stock", "curl-7_53_1"},
		{"--ref", "master", "7.61.2-stock", "master"},
	} {
		prefix, _ := w.build("--source", clone, test.option, test.value)
		got := w.manifest(prefix)
		require.Equal(t, test.version, got.LibcurlVersion)
		commit := tool(t, clone, "git", "rev-parse", "--short=12", test.origin)
		require.Equal(t, "clone "+clone+", "+test.origin+" (commit "+commit+")", got.Source.Origin)
	}
	require.Equal(t, before, treeHash(t, clone))
	require.Equal(t, []string{"stock-7.53.1", "stock-7.61.1"}, names(t, filepath.Join(w.cache, "libcurl/by-name")),
		"what a tag names goes by the release, a branch by nothing")

	bare := filepath.Join(t.TempDir(), "curl.git")
	tool(t, "/", "git", "clone", "-q", "--bare", clone, bare)
	prefix, _ := w.build("--source", bare, "--version", "7.53.1")
	require.Equal(t, "7.53.1-stock", w.manifest(prefix).LibcurlVersion)
	prefix, _ = w.build("--source", clone)
	require.Equal(t, "folder "+clone, w.manifest(prefix).Source.Origin, "without either, its work tree counts")
}

// Some releases were tagged when the tree still went by another number, which
// the archive of the release does not have.
func TestTagWithTheNumberBeforeIt(t *testing.T) {
	w := newWorld(t)
	clone := w.clone()
	tool(t, clone, "git", "tag", "curl-7_61_3", "curl-7_61_1")
	for _, option := range [][]string{{"--version", "7.61.3"}, {"--ref", "curl-7_61_3"}} {
		prefix, _ := w.build(append([]string{"--source", clone}, option...)...)
		got := w.manifest(prefix)
		require.Equal(t, "7.61.3-stock", got.LibcurlVersion)
		require.Equal(t, "7.61.3", got.Version)
	}
	prefix, _ := w.build("--source", clone, "--version", "7.61.1")
	require.Equal(t, "7.61.1", w.manifest(prefix).Version, "it is another one with the same files")
}

func TestCloneThatHasNoSuchRelease(t *testing.T) {
	w := newWorld(t)
	clone := w.clone()
	requireRefused(t, w.run("build-libcurl", "--source", clone, "--version", "7.47.1"), 1,
		"the clone "+clone+" has no curl-7_47_1", "fetch --tags")
	requireRefused(t, w.run("build-libcurl", "--source", clone, "--ref", "nonsense"), 1, "has no nonsense")
	requireRefused(t, w.run("build-libcurl", "--source", w.tree(nil), "--ref", "master"), 2, "need a clone of curl's repository")
	w.requireNothingLeft()
}

// change is a patch to lib/version.c of tinyTree, from one word to another.
func change(from, to string) string {
	return strings.NewReplacer(`"libcurl/`, `"`+from+`libcurl/`, `"hello libcurl/`, `"`+to+`libcurl/`).Replace(goodPatch)
}

// binary is a patch to a test that patch(1) does not know how to apply, as git
// writes it.
const binary = `diff --git a/tests/data/test1 b/tests/data/test1
new file mode 100644
index 0000000000000000000000000000000000000000..a94a8fe5ccb19ba61c4c0873d391e987982fbbd3
GIT binary patch
literal 4
Lc$}p~SxTy%7#9Kn

literal 0
HcmV?d00001

`

// upstream is an archive of tinyTree.
func (w *world) upstream(name string) string {
	w.t.Helper()
	folder := filepath.Join(w.t.TempDir(), "curl-7.53.1")
	w.writeTree(folder, nil)
	archive := filepath.Join(w.t.TempDir(), name)
	tool(w.t, "/", "tar", "-C", filepath.Dir(folder), "-cf", archive, "curl-7.53.1")
	return archive
}

const spec = `%global with_fixes 1
Name: curl
Version: 7.53.1
Release: 34%{?dist}.2
Source: https://example.com/%{name}-%{version}.tar

# declared in another order than they are applied in
Patch2: 0002-second.patch
Patch1: 0001-first.patch
%if 0%{?nowhere}
Patch9: 0009-not-here.patch
%endif
Patch101: %{name}-tests.patch

%prep
%setup -q
%patch1 -p1
%if %{with_fixes} && ! 0%{?nowhere}
%patch -P 2 -p1
%else
%patch9 -p1
%endif
%patch101 -p1

%build
%patch9 -p1
`

// rpmTree writes the source tree of an RPM package.
func (w *world) rpmTree(patches map[string]string) string {
	w.t.Helper()
	folder := w.t.TempDir()
	w.write(filepath.Join(folder, "SPECS/curl.spec"), spec)
	for name, text := range map[string]string{
		"0001-first.patch": change("", "first "), "0002-second.patch": change("first ", "second "), "curl-tests.patch": binary,
	} {
		if other, given := patches[name]; given {
			text = other
		}
		w.write(filepath.Join(folder, "SOURCES", name), text)
	}
	tool(w.t, "/", "cp", w.upstream("curl-7.53.1.tar"), filepath.Join(folder, "SOURCES"))
	return folder
}

// The vendor's patches come first, in the order of the spec, then the series.
// What cannot be applied to a test is named and passed over.
func TestRPMSourceTree(t *testing.T) {
	w := newWorld(t)
	folder := w.rpmTree(nil)
	prefix, got := w.build("--source", folder, "--variant", "patched", "--patches",
		w.series("0001-own.patch", change("second ", "own second ")))
	require.Contains(t, got.stderr, "build-libcurl: libcurl 7.53.1, release 34.2 of the vendor, 3 patches\n")
	require.Contains(t, got.stderr, "skipped what does not apply in the vendor's curl-tests.patch: tests/data/test1\n")
	require.Contains(t, w.library(prefix), "own second libcurl/7.53.1-doing.1")
	require.Equal(t, "RPM source of libcurl 7.53.1, release 34.2 of the vendor, 3 patches, on archive curl-7.53.1.tar",
		w.manifest(prefix).Source.Origin)
	again, second := w.build("--source", folder, "--variant", "patched", "--patches",
		w.series("0001-own.patch", change("second ", "own second ")))
	require.NotEqual(t, prefix, again, "another folder of patches is another series")
	require.NotEmpty(t, second.stderr)

	w.write(filepath.Join(folder, "SOURCES/0002-second.patch"), change("first ", "second and more "))
	changed, _ := w.build("--source", folder)
	require.Contains(t, w.library(changed), "second and more libcurl/7.53.1-stock")
}

func TestRPMSourceWithoutTheArchive(t *testing.T) {
	w := newWorld(t)
	folder := w.rpmTree(nil)
	require.NoError(t, os.Remove(filepath.Join(folder, "SOURCES/curl-7.53.1.tar")))
	requireRefused(t, w.run("build-libcurl", "--source", folder), 1, "SOURCES has no curl-7.53.1.tar", "--archive")
	for _, archive := range []string{w.upstream("mine.tar"), w.clone()} {
		prefix, _ := w.build("--source", folder, "--archive", archive)
		require.Contains(t, w.library(prefix), "second libcurl/7.53.1-stock")
	}
}

func TestRPMSourceThatDoesNotApply(t *testing.T) {
	w := newWorld(t)
	folder := w.rpmTree(map[string]string{"0002-second.patch": change("nothing ", "second ")})
	got := w.run("build-libcurl", "--source", folder)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "the vendor's patch 0002-second.patch does not apply to libcurl 7.53.1: lib/version.c hunk #1")

	folder = w.rpmTree(nil)
	w.write(filepath.Join(folder, "SPECS/curl.spec"), strings.Replace(spec, "%patch1 ", "%patch7 ", 1))
	got = w.run("build-libcurl", "--source", folder)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "%prep applies a patch 7 that is not declared")
	w.requireNothingLeft()
}

// A .src.rpm is the same tree in one file.
func TestSourceRPM(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		t.Skip("cpio is not installed")
	}
	w := newWorld(t)
	folder := w.rpmTree(nil)
	sources := filepath.Join(folder, "SOURCES")
	tool(t, "/", "cp", filepath.Join(folder, "SPECS/curl.spec"), sources)
	file := filepath.Join(t.TempDir(), "curl-7.53.1-34.2.src.rpm")
	tool(t, sources, "sh", "-c", "ls | cpio -o --quiet >"+file)
	w.stub("rpm2cpio", `cat "$1"`)
	prefix, got := w.build("--source", file)
	require.Contains(t, got.stderr, "libcurl 7.53.1, release 34.2 of the vendor, 3 patches\n")
	require.Contains(t, w.library(prefix), "second libcurl/7.53.1-stock")
}

// debianTree writes an unpacked Debian source package, its patches not applied.
func (w *world) debianTree() string {
	w.t.Helper()
	folder := filepath.Join(w.t.TempDir(), "curl-7.53.1")
	w.writeTree(folder, map[string]string{
		"debian/changelog": "curl (7.53.1-5+deb9u2) stretch; urgency=medium\n\n  * Mend.\n\n" +
			" -- A <a@example.com>  Mon, 01 Jan 2018 00:00:00 +0000\n",
		"debian/control":                   "Source: curl\nMaintainer: A <a@example.com>\n\nPackage: curl\nArchitecture: any\nDescription: x\n",
		"debian/source/format":             "3.0 (quilt)\n",
		"debian/patches/series":            "# in order\nfirst.patch\n\nmore/second.patch -p0\n",
		"debian/patches/first.patch":       change("", "first "),
		"debian/patches/more/second.patch": strings.NewReplacer("a/lib", "lib", "b/lib", "lib").Replace(change("first ", "second ")),
	})
	return folder
}

func TestDebianSourceTree(t *testing.T) {
	w := newWorld(t)
	folder := w.debianTree()
	prefix, got := w.build("--source", folder)
	require.Contains(t, got.stderr, "build-libcurl: libcurl 7.53.1, release 5+deb9u2 of the vendor, 2 patches\n")
	require.Contains(t, w.library(prefix), "second libcurl/7.53.1-stock")

	// What quilt has applied is not applied once more.
	tool(t, folder, "patch", "-s", "-p1", "-i", "debian/patches/first.patch")
	w.write(filepath.Join(folder, ".pc/applied-patches"), "first.patch\n")
	prefix, _ = w.build("--source", folder)
	require.Contains(t, w.library(prefix), "second libcurl/7.53.1-stock")
}

func TestDebianSourcePackage(t *testing.T) {
	if _, err := exec.LookPath("dpkg-source"); err != nil {
		t.Skip("dpkg-source is not installed")
	}
	w := newWorld(t)
	folder := w.debianTree()
	// dpkg-source knows no -p0.
	w.write(filepath.Join(folder, "debian/patches/series"), "first.patch\n")
	parent := filepath.Dir(folder)
	tool(t, parent, "tar", "--exclude=debian", "-czf", "curl_7.53.1.orig.tar.gz", filepath.Base(folder))
	tool(t, parent, "dpkg-source", "-b", filepath.Base(folder))
	prefix, got := w.build("--source", filepath.Join(parent, "curl_7.53.1-5+deb9u2.dsc"))
	require.Contains(t, got.stderr, "libcurl 7.53.1, release 5+deb9u2 of the vendor, 1 patch\n")
	require.Contains(t, w.library(prefix), "first libcurl/7.53.1-stock")
}
