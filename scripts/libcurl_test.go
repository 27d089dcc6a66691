package scripts_test

import (
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// manifest is manifest.json as the rest of the project parses it.
type manifest struct {
	Variant        string `json:"variant"`
	Version        string `json:"version"`
	LibcurlVersion string `json:"libcurl_version"`
	Source         struct {
		Origin string `json:"origin"`
		SHA256 string `json:"sha256"`
	} `json:"source"`
	OpenSSL struct {
		Version string `json:"version"`
		Prefix  string `json:"prefix"`
	} `json:"openssl"`
	PatchSeriesSHA256 string   `json:"patch_series_sha256"`
	Patches           []string `json:"patches"`
	Sanitize          bool     `json:"sanitize"`
	Flags             []string `json:"flags"`
	Pipelining        bool     `json:"pipelining"`
}

// tinyTree is the smallest tree that build-libcurl accepts as a libcurl.
var tinyTree = map[string]string{
	"include/curl/curlver.h": tinyVersion("7.53.1"),
	"lib/version.c": `#include <curl/curlver.h>
#include "curl_config.h"

CURL_EXTERN_SYMBOL const char *curl_version(void);

const char *curl_version(void)
{
  return "libcurl/" LIBCURL_VERSION;
}
`,
}

// tinyVersion returns include/curl/curlver.h of a release.
func tinyVersion(release string) string {
	number := strings.Split(release, ".")
	return fmt.Sprintf(`#define LIBCURL_VERSION "%s-DEV"
#define LIBCURL_VERSION_MAJOR %s
#define LIBCURL_VERSION_MINOR %s
#define LIBCURL_VERSION_PATCH %s
`, release, number[0], number[1], number[2])
}

// goodPatch fits tinyTree exactly.
const goodPatch = `Description: say hello

--- a/lib/version.c
+++ b/lib/version.c
@@ -5,5 +5,5 @@

 const char *curl_version(void)
 {
-  return "libcurl/" LIBCURL_VERSION;
+  return "hello libcurl/" LIBCURL_VERSION;
 }
`

// tree writes tinyTree to disk, with changes: a path maps to other content.
func (w *world) tree(changes map[string]string) string {
	w.t.Helper()
	directory := filepath.Join(w.t.TempDir(), "curl-tree")
	w.writeTree(directory, changes)
	return directory
}

func (w *world) writeTree(directory string, changes map[string]string) {
	w.t.Helper()
	for path, content := range tinyTree {
		w.write(filepath.Join(directory, path), content)
	}
	for path, content := range changes {
		w.write(filepath.Join(directory, path), content)
	}
}

// series writes a patch folder; patches alternates names and contents.
func (w *world) series(patches ...string) string {
	w.t.Helper()
	directory := w.t.TempDir()
	list := "# in this order\n\n"
	for pair := range slices.Chunk(patches, 2) {
		list += pair[0] + "\n"
		w.write(filepath.Join(directory, pair[0]), pair[1])
	}
	w.write(filepath.Join(directory, "series"), list)
	return directory
}

// build runs build-libcurl and requires that stdout is just a prefix.
func (w *world) build(args ...string) (string, outcome) {
	w.t.Helper()
	got := w.run("build-libcurl", args...)
	require.Zero(w.t, got.code, got.stderr)
	prefix := strings.TrimSuffix(got.stdout, "\n")
	require.Equal(w.t, filepath.Join(w.cache, "libcurl"), filepath.Dir(prefix))
	require.DirExists(w.t, prefix)
	require.Empty(w.t, names(w.t, filepath.Join(w.cache, "tmp")))
	return prefix, got
}

func (w *world) manifest(prefix string) manifest {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(prefix, "manifest.json"))
	require.NoError(w.t, err)
	var read manifest
	require.NoError(w.t, json.Unmarshal(text, &read))
	return read
}

// treeHash is an independent implementation of the hash in lib/hash.sh.
func treeHash(t *testing.T, directory string) string {
	t.Helper()
	var paths []string
	require.NoError(t, filepath.WalkDir(directory,
		func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				paths = append(paths, path)
			}
			return err
		}))
	slices.Sort(paths)
	total := sha256.New()
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		relative, err := filepath.Rel(directory, path)
		require.NoError(t, err)
		_, err = fmt.Fprintf(total, "%x  %s\n", sha256.Sum256(content), relative)
		require.NoError(t, err)
	}
	return hex.EncodeToString(total.Sum(nil))
}

func TestPrefixHoldsWhatItsUsersNeed(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	prefix, _ := w.build("--source", tree)

	library, err := elf.Open(filepath.Join(prefix, "lib/libcurl.so.4"))
	require.NoError(t, err)
	defer func() { require.NoError(t, library.Close()) }()
	soname, err := library.DynString(elf.DT_SONAME)
	require.NoError(t, err)
	require.Equal(t, []string{"libcurl.so.4"}, soname)
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := library.DynString(tag)
		require.NoError(t, err)
		require.Empty(t, paths)
	}
	require.FileExists(t, filepath.Join(prefix, "include/curl/curlver.h"))

	command := exec.Command("pkg-config", "--cflags", "--libs", "libcurl")
	command.Env = append(os.Environ(),
		"PKG_CONFIG_PATH="+filepath.Join(prefix, "lib/pkgconfig"))
	flags, err := command.Output()
	require.NoError(t, err)
	for _, flag := range strings.Fields(string(flags)) {
		if flag != "-lcurl" {
			require.DirExists(t, flag[2:])
			require.Equal(t, prefix, filepath.Dir(filepath.Clean(flag[2:])))
		}
	}
}

func TestManifestSaysWhatWentIn(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	prefix, _ := w.build("--source", tree)

	got := w.manifest(prefix)
	require.Equal(t, "stock", got.Variant)
	require.Equal(t, "7.53.1", got.Version)
	require.Equal(t, "7.53.1-stock", got.LibcurlVersion)
	require.Equal(t, "folder "+tree, got.Source.Origin)
	require.Equal(t, treeHash(t, tree), got.Source.SHA256)
	require.Regexp(t, `^[0-9]+\.[0-9]+\.[0-9]+[a-z]*$`, got.OpenSSL.Version)
	require.Empty(t, got.OpenSSL.Prefix)
	require.Empty(t, got.PatchSeriesSHA256)
	require.NotNil(t, got.Patches)
	require.Empty(t, got.Patches)
	require.False(t, got.Sanitize)
	require.Contains(t, got.Flags, "-O2")
	require.True(t, got.Pipelining)
	require.Contains(t, w.library(prefix), "libcurl/7.53.1-stock\x00")
}

// library returns the whole shared object, to search for strings.
func (w *world) library(prefix string) string {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(prefix, "lib/libcurl.so.4"))
	require.NoError(w.t, err)
	return string(content)
}

func TestSecondCallBuildsNothing(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	prefix, first := w.build("--source", tree)
	require.Contains(t, first.stderr, "building libcurl 7.53.1-stock")
	before, err := os.Stat(filepath.Join(prefix, "manifest.json"))
	require.NoError(t, err)

	again, second := w.build("--source", tree)
	require.Equal(t, prefix, again)
	require.Empty(t, second.stderr)
	after, err := os.Stat(filepath.Join(prefix, "manifest.json"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
}

// TestABuildThatWasAlteredIsMadeAnew requires that a build in the cache is used
// only if it is unchanged.
func TestABuildThatWasAlteredIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	prefix, _ := w.build("--source", tree)
	library := filepath.Join(prefix, "lib", "libcurl.so.4")
	built, err := os.ReadFile(library)
	require.NoError(t, err)
	for name, spoil := range map[string]func() error{
		"cut":     func() error { return os.WriteFile(library, built[:len(built)/2], 0o755) },
		"changed": func() error { return os.WriteFile(library, append(built, 0), 0o755) },
		"gone":    func() error { return os.Remove(library) },
	} {
		require.NoError(t, spoil(), name)
		again, got := w.build("--source", tree)
		require.Equal(t, prefix, again)
		require.Contains(t, got.stderr, "is not what was built: building it again")
		now, err := os.ReadFile(library)
		require.NoError(t, err)
		require.Equal(t, built, now, name)
	}
	_, got := w.build("--source", tree)
	require.Empty(t, got.stderr)
}

func TestWhatGoesInDecidesThePrefix(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	patches := w.series("hello.patch", goodPatch)
	other := strings.Replace(goodPatch, "hello libcurl", "bonjour libcurl", 1)

	stock, _ := w.build("--source", tree)
	sanitized, _ := w.build("--source", tree, "--sanitize")
	patched, _ := w.build("--source", tree, "--variant", "patched",
		"--patches", patches)
	repatched, _ := w.build("--source", tree, "--variant", "patched",
		"--patches", w.series("hello.patch", other))
	w.write(filepath.Join(tree, "lib/more.c"), "int curl_more(void);\n")
	changed, _ := w.build("--source", tree)

	all := []string{stock, sanitized, patched, repatched, changed}
	slices.Sort(all)
	require.Len(t, slices.Compact(all), 5)
	require.True(t, w.manifest(sanitized).Sanitize)
	require.Contains(t, w.manifest(sanitized).Flags,
		"-fsanitize=address,undefined")
}

func TestPatchedAppliesTheSeries(t *testing.T) {
	w := newWorld(t)
	second := strings.ReplaceAll(goodPatch, "hello", "well hello")
	second = strings.Replace(second, `-  return "libcurl/`,
		`-  return "hello libcurl/`, 1)
	patches := w.series("0001-hello.patch", goodPatch, "0002-well.patch", second)
	prefix, _ := w.build("--source", w.tree(nil), "--variant", "patched",
		"--patches", patches)

	got := w.manifest(prefix)
	require.Equal(t, "patched", got.Variant)
	require.Equal(t, "7.53.1-doing.2", got.LibcurlVersion)
	require.Equal(t, []string{"0001-hello.patch", "0002-well.patch"}, got.Patches)
	list, err := os.ReadFile(filepath.Join(patches, "series"))
	require.NoError(t, err)
	sum := func(text string) string {
		digest := sha256.Sum256([]byte(text))
		return hex.EncodeToString(digest[:])
	}
	require.Equal(t, sum(sum(string(list))+"  series\n"+sum(goodPatch)+"  0001-hello.patch\n"+
		sum(second)+"  0002-well.patch\n"), got.PatchSeriesSHA256)
	require.Contains(t, w.library(prefix), "well hello libcurl/7.53.1-doing.2")
}

func TestAReleaseThatCannotPipelineIsMarked(t *testing.T) {
	for minor, pipelining := range map[string]bool{"61": true, "62": false} {
		w := newWorld(t)
		header := tinyVersion("7." + minor + ".1")
		prefix, got := w.build("--source",
			w.tree(map[string]string{"include/curl/curlver.h": header}))
		require.Equal(t, pipelining, w.manifest(prefix).Pipelining)
		require.Equal(t, !pipelining,
			strings.Contains(got.stderr, "cannot pipeline"))
	}
}

func TestArchiveOfATree(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	archive := filepath.Join(t.TempDir(), "curl-mine.tar.xz")
	require.NoError(t, exec.Command("tar", "-C", filepath.Dir(tree), "-cJf",
		archive, filepath.Base(tree)).Run())

	prefix, _ := w.build("--source", archive)
	got := w.manifest(prefix)
	require.Equal(t, "archive curl-mine.tar.xz", got.Source.Origin)
	content, err := os.ReadFile(archive)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(content)),
		got.Source.SHA256)
}

func TestNamesLeadToTheBuildsOfOfficialSources(t *testing.T) {
	w := newCheckout(t)
	w.seedDefaultSource()
	own := w.series("hello.patch", goodPatch)

	stock, _ := w.build()
	sanitized, _ := w.build("--sanitize")
	w.build("--source", w.tree(map[string]string{"lib/x.c": "int curl_x;\n"}))
	w.build("--variant", "patched", "--patches", own)

	byName := filepath.Join(w.cache, "libcurl/by-name")
	require.Equal(t, []string{"stock", "stock-sanitize"}, names(t, byName))
	for name, prefix := range map[string]string{
		"stock": stock, "stock-sanitize": sanitized,
	} {
		target, err := filepath.EvalSymlinks(filepath.Join(byName, name))
		require.NoError(t, err)
		require.Equal(t, prefix, target)
	}
}

// TestASourceThatWasAlteredIsNotUsed requires that a tree in the cache has the
// hash of its download. Otherwise it must be moved away and downloaded again.
func TestASourceThatWasAlteredIsNotUsed(t *testing.T) {
	w := newCheckout(t)
	tree := w.seedDefaultSource()
	w.build()
	w.write(filepath.Join(tree, "lib/version.c"), "int other;\n")
	w.stub("apt-get", "exit 1") // there is no network
	got := w.run("build-libcurl")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, tree+" is not what was fetched: it is now "+tree+".altered.")
	require.Contains(t, got.stderr, "cannot get Debian's source package")
	require.NoDirExists(t, tree)
}

// seedDefaultSource makes tinyTree the default source, and returns its place in
// the cache. The checkout must be a copy.
func (w *world) seedDefaultSource() string {
	w.t.Helper()
	made := filepath.Join(w.t.TempDir(), "tree")
	w.writeTree(made, nil)
	hash := treeHash(w.t, made)
	table := filepath.Join(w.root, "scripts/data/debian-sources.tsv")
	text, err := os.ReadFile(table)
	require.NoError(w.t, err)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		columns := strings.Split(strings.TrimSpace(line), "\t")
		require.Len(w.t, columns, 6)
		columns[5] = hash
		w.write(table, strings.Join(columns, "\t")+"\n")
		tree := filepath.Join(w.cache, "sources", "tree-"+hash[:16])
		w.writeTree(tree, nil)
		return tree
	}
	require.Fail(w.t, "scripts/data/debian-sources.tsv names no source")
	return ""
}

func TestTwoAtOnceBuildOnce(t *testing.T) {
	w := newWorld(t)
	tree := w.tree(nil)
	results := make(chan outcome)
	commands := []*exec.Cmd{
		w.command("build-libcurl", "--source", tree),
		w.command("build-libcurl", "--source", tree),
	}
	for _, command := range commands {
		go func() {
			output := &strings.Builder{}
			command.Stderr = output
			stdout, err := command.Output()
			if err != nil {
				fmt.Fprintln(output, err)
			}
			results <- outcome{
				stdout: string(stdout), stderr: output.String(),
				code: command.ProcessState.ExitCode(),
			}
		}()
	}
	first, second := <-results, <-results
	require.Zero(t, first.code, first.stderr)
	require.Zero(t, second.code, second.stderr)
	require.Equal(t, first.stdout, second.stdout)
	require.Equal(t, 1, strings.Count(first.stderr+second.stderr, "building"))
}
