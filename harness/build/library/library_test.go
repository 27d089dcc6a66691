package library

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newPrefix makes a folder with a file in libcurl's place that contains a
// version as a library does, and returns its path.
func newPrefix(t *testing.T, folder, version string) string {
	t.Helper()
	lib := filepath.Join(folder, "lib")
	require.NoError(t, os.MkdirAll(lib, 0o755))
	content := "\x7fELF\x00\x00OpenSSL/3.0.19\x00libcurl/" + version + "\x00more\x00"
	require.NoError(t, os.WriteFile(filepath.Join(lib, "libcurl.so.4"), []byte(content), 0o644))
	return folder
}

// newOwn makes a prefix with a library whose curl_version() returns this text.
// The file has the text in pieces, as a compiler may store it, and another
// libcurl's version.
func newOwn(t *testing.T, text string) (*Finder, string) {
	t.Helper()
	folder := t.TempDir()
	lib := filepath.Join(folder, "own", "lib")
	require.NoError(t, os.MkdirAll(lib, 0o755))
	source := `#include <stdio.h>
const char other[] = "libcurl/7.88.1";
const char *curl_version(void);
const char *curl_version(void)
{
  static char text[64];
  snprintf(text, sizeof(text), "%s` + text[1:] + `", "` + text[:1] + `");
  return text;
}
`
	code := filepath.Join(folder, "version.c")
	require.NoError(t, os.WriteFile(code, []byte(source), 0o644))
	compile := func(out string, arguments ...string) {
		output, err := exec.Command("cc", append(arguments, "-o", out)...).CombinedOutput()
		require.NoError(t, err, string(output))
	}
	compile(filepath.Join(lib, "libcurl.so.4"), "-shared", "-fPIC", code)
	compile(filepath.Join(folder, "libcurl-version"), filepath.Join("..", "..", "..", "scripts", "data", "version", "main.c"), "-ldl")
	return &Finder{Programs: folder}, filepath.Join(folder, "own")
}

func writeManifest(t *testing.T, prefix string, m Manifest) {
	t.Helper()
	text, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(prefix, "manifest.json"), text, 0o644))
}

// newCache makes a cache with a build of this name, described by m, under a key
// of its own, and returns a Finder for it.
func newCache(t *testing.T, name string, m Manifest) *Finder {
	t.Helper()
	cache := t.TempDir()
	prefix := newPrefix(t, filepath.Join(cache, "libcurl", "0123abcd"), m.LibcurlVersion)
	writeManifest(t, prefix, m)
	names := filepath.Join(cache, "libcurl", "by-name")
	require.NoError(t, os.MkdirAll(names, 0o755))
	require.NoError(t, os.Symlink("../0123abcd", filepath.Join(names, name)))
	return &Finder{Cache: cache}
}

var stock = Manifest{
	Variant: Stock, Version: "7.53.1", LibcurlVersion: "7.53.1-stock", Pipelining: true,
	OpenSSL: OpenSSL{Version: "3.0.19"},
}

// patchedOf returns the manifest of a build whose series has this hash.
func patchedOf(series string) Manifest {
	return Manifest{
		Variant: Patched, Version: "7.53.1", LibcurlVersion: "7.53.1-doing.1", Pipelining: true, PatchSeries: series,
	}
}

func TestFindByName(t *testing.T) {
	finder := newCache(t, "stock", stock)
	found, err := finder.Find("stock")
	require.NoError(t, err)
	require.Equal(t, "stock", found.Name)
	require.Equal(t, filepath.Join(finder.Cache, "libcurl", "0123abcd"), found.Prefix, "the link is followed")
	require.Equal(t, filepath.Join(found.Prefix, "lib"), found.LoaderPath())
	require.Equal(t, &stock, found.Manifest)
	require.Equal(t, "7.53.1 stock", found.Label())
}

func TestFindByPrefix(t *testing.T) {
	folder := t.TempDir()
	prefix := newPrefix(t, filepath.Join(folder, "own"), "7.53.1-stock")
	writeManifest(t, prefix, stock)
	finder := &Finder{Cache: filepath.Join(folder, "no-cache")}
	found, err := finder.Find(prefix)
	require.NoError(t, err)
	require.Equal(t, prefix, found.Prefix)
	require.Equal(t, &stock, found.Manifest)

	t.Chdir(folder)
	found, err = finder.Find("./own")
	require.NoError(t, err)
	require.Equal(t, prefix, found.Prefix, "a relative path becomes absolute: the loader needs that")
}

func TestFindByPrefixWithoutManifest(t *testing.T) {
	for version, label := range map[string]string{
		"7.47.1": "7.47.1 own", "7.53.1-mine.2": "7.53.1 own", "7.16.0": "7.16.0 own", "7.61.1": "7.61.1 own", "7.58.0-DEV": "7.58.0 own",
	} {
		finder, prefix := newOwn(t, "libcurl/"+version+" OpenSSL/3.0.19 zlib/1.2.13")
		found, err := finder.Find(prefix)
		require.NoError(t, err, version)
		require.Equal(t, label, found.Label())
		require.Equal(t, version, found.Manifest.LibcurlVersion)
	}
}

func TestFindRefusesWhatCannotPipeline(t *testing.T) {
	for _, version := range []string{"7.15.5", "7.62.0", "7.88.1", "8.5.0"} {
		finder, prefix := newOwn(t, "libcurl/"+version)
		_, err := finder.Find(prefix)
		require.ErrorContains(t, err, "libcurl "+version)
		require.ErrorContains(t, err, "cannot pipeline: only 7.16.0 to 7.61.1 can")
	}

	m := stock
	m.Version, m.Pipelining = "7.88.1", false
	_, err := newCache(t, "stock-7.88.1", m).Find("stock-7.88.1")
	require.ErrorContains(t, err, "cannot pipeline", "and what the manifest says counts")
}

func TestFindNamesTheCallThatBuilds(t *testing.T) {
	for name, command := range map[string]string{
		"stock":                         "scripts/build-libcurl --variant stock",
		"patched":                       "scripts/build-libcurl --variant patched",
		"stock-7.47.1":                  "scripts/build-libcurl --variant stock --version 7.47.1",
		"patched-full":                  "scripts/build-libcurl --variant patched --features full",
		"stock-7.61.1-full-sanitize":    "scripts/build-libcurl --variant stock --version 7.61.1 --features full --sanitize",
		"patched-sanitize":              "scripts/build-libcurl --variant patched --sanitize",
		"patched-7.47.1-sanitize":       "scripts/build-libcurl --variant patched --version 7.47.1 --sanitize",
		"stock-openssl-3.5.7":           "scripts/build-libcurl --variant stock --openssl PREFIX, with the prefix that scripts/build-openssl prints",
		"patched-7.47.1-openssl-1.0.1m": "scripts/build-libcurl --variant patched --version 7.47.1 --openssl PREFIX, with the prefix that scripts/build-openssl prints",
	} {
		_, err := (&Finder{Cache: t.TempDir()}).Find(name)
		require.EqualError(t, err, `the libcurl "`+name+`" is not built yet; run `+command)
	}
}

func TestFindByNameOfABuildThatIsGone(t *testing.T) {
	finder := newCache(t, "stock", stock)
	require.NoError(t, os.RemoveAll(filepath.Join(finder.Cache, "libcurl", "0123abcd")))
	_, err := finder.Find("stock")
	require.ErrorContains(t, err, "run scripts/build-libcurl --variant stock", "the link alone is no build")
}

func TestFindByUnknownNameTellsWhatIsBuilt(t *testing.T) {
	for _, name := range []string{"stick", "stock-", "stock-new", "patched-7.53"} {
		_, err := newCache(t, "stock", stock).Find(name)
		require.EqualError(t, err, `there is no libcurl named "`+name+`"; built so far: stock; `+
			`a prefix of your own needs a slash in its path`)
	}
	_, err := (&Finder{Cache: t.TempDir()}).Find("stick")
	require.ErrorContains(t, err, "built so far: none;")
}

func TestFindRefusesAPrefixWithoutLibcurl(t *testing.T) {
	folder := t.TempDir()
	_, err := (&Finder{}).Find(folder)
	require.EqualError(t, err, `"`+folder+`" is no prefix of a libcurl: it has no lib/libcurl.so.4`)

	_, err = (&Finder{}).Find(filepath.Join(folder, "nowhere"))
	require.ErrorContains(t, err, "nowhere")
	require.ErrorContains(t, err, "no such file")
}

func TestFindRefusesALibraryWithoutVersion(t *testing.T) {
	finder, prefix := newOwn(t, "of our own making")
	_, err := finder.Find(prefix)
	file := prefix + "/lib/libcurl.so.4"
	require.EqualError(t, err, file+" does not say which version of libcurl it is: exit status 1 ("+file+": no libcurl)")

	_, err = finder.Find(newPrefix(t, t.TempDir(), "7.53.1"))
	require.ErrorContains(t, err, "does not say which version of libcurl it is: exit status 1 (", "it cannot be loaded")
	require.NotContains(t, err.Error(), "\n")
	_, err = (&Finder{}).Find(prefix)
	require.ErrorContains(t, err, "run scripts/build-subjects")
}

func TestFindRefusesABrokenManifest(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":    "variant: stock",
		"cut off":    `{"variant": "stock", "vers`,
		"empty":      "",
		"no variant": `{"version": "7.53.1", "pipelining": true}`,
		"no version": `{"variant": "stock", "pipelining": true}`,
	} {
		t.Run(name, func(t *testing.T) {
			prefix := newPrefix(t, t.TempDir(), "7.53.1")
			require.NoError(t, os.WriteFile(filepath.Join(prefix, "manifest.json"), []byte(text), 0o644))
			_, err := (&Finder{}).Find(prefix)
			require.ErrorContains(t, err, prefix+"/manifest.json is no manifest")
			require.ErrorContains(t, err, "scripts/build-libcurl")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// TestDefaultCache compares the folder with the one that the scripts fill.
func TestDefaultCache(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	for _, set := range []struct{ cache, xdg, home, want string }{
		{"/elsewhere", "/xdg", "/home/somebody", "/elsewhere"},
		{"here", "/xdg", "/home/somebody", filepath.Join(here, "here")},
		{"", "/xdg", "/home/somebody", "/xdg/curlpipe"},
		{"", "", "/home/somebody", "/home/somebody/.cache/curlpipe"},
	} {
		t.Setenv("CURLPIPE_CACHE", set.cache)
		t.Setenv("XDG_CACHE_HOME", set.xdg)
		t.Setenv("HOME", set.home)
		dir, err := DefaultCache()
		require.NoError(t, err)
		require.Equal(t, set.want, dir)
		require.Equal(t, set.want, shell(t, `source "$0/common.sh"; printf %s "$cache"`))
	}

	t.Setenv("HOME", "")
	_, err = DefaultCache()
	require.ErrorContains(t, err, "set CURLPIPE_CACHE")
}

// shell returns what a piece of bash prints in which $0 is the folder scripts/lib.
func shell(t *testing.T, text string, arguments ...string) string {
	t.Helper()
	scripts, err := filepath.Abs("../../../scripts/lib")
	require.NoError(t, err)
	output, err := exec.Command("bash", append([]string{"-euc", text, scripts}, arguments...)...).Output()
	require.NoError(t, err)
	return string(output)
}

// TestReleasesThatPipeline compares this package's answer for each official
// release with the scripts' answer, and the last release that pipelines with
// the series' last.
func TestReleasesThatPipeline(t *testing.T) {
	table, err := os.ReadFile("../../../scripts/data/curl-releases.tsv")
	require.NoError(t, err)
	var releases []string
	for line := range strings.Lines(string(table)) {
		if release, _, _ := strings.Cut(line, "\t"); !strings.HasPrefix(line, "#") {
			releases = append(releases, release)
		}
	}
	pipeline := strings.Fields(shell(t, `source "$0/series.sh"; source "$0/prefix.sh"
for release; do if can_pipeline "$release"; then echo "$release"; fi; done`, releases...))
	require.NotEmpty(t, pipeline)
	for _, release := range releases {
		require.Equal(t, slices.Contains(pipeline, release), pipelines(release), release)
	}
	groups, err := os.ReadFile("../../../patches/groups")
	require.NoError(t, err)
	require.Contains(t, string(groups), " "+pipeline[len(pipeline)-1]+" ")
}

// TestPatchedMark requires that the mark is the one that the patch writes.
func TestPatchedMark(t *testing.T) {
	text, err := os.ReadFile("../../../scripts/lib/prefix.sh")
	require.NoError(t, err)
	require.Contains(t, string(text), "$number"+PatchedMark+"$")
}

// TestALibraryThatWasAlteredIsRefused requires the file that the manifest
// describes.
func TestALibraryThatWasAlteredIsRefused(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" // SHA-256 of nothing
	for name, m := range map[string]Manifest{
		"built":   {Variant: Stock, Version: "7.53.1", Pipelining: true, LibrarySHA256: empty},
		"fetched": {Variant: Packaged, Version: "7.88.1", Multiplexing: true, Source: Source{SHA256: empty}},
	} {
		t.Run(name, func(t *testing.T) {
			prefix := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(prefix, "lib"), 0o755))
			file := filepath.Join(prefix, "lib", "libcurl.so.4")
			require.NoError(t, os.WriteFile(file, nil, 0o644))
			writeManifest(t, prefix, m)
			_, err := (&Finder{}).Find(prefix)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, []byte("x"), 0o644))
			_, err = (&Finder{}).Find(prefix)
			require.ErrorContains(t, err, file+" is not what was built: its SHA-256 is 2d711642b726b044")
		})
	}
}
