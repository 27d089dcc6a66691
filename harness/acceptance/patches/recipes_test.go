package patches_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	upstream "github.com/curlpipe/curlpipe/harness/upstream/series"
)

// recipe returns the commands after a sentence of README.md, for 7.53.1.
func recipe(t *testing.T, sentence string) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\n"+sentence)
	require.True(t, found, "README.md has no paragraph that begins with %q", sentence)
	block := regexp.MustCompile(`(?m)(?:^    .*\n)+`).FindString(rest)
	require.True(t, strings.HasPrefix(block, "    scripts/series "), block)
	return regexp.MustCompile(`7\.(58\.0|61\.1)`).ReplaceAllString(block, "7.53.1")
}

// follow runs the commands of a recipe with a new home, as a user would from a
// checkout, and returns their output. This machine's source has no manuals and
// tests, so changes to these are removed from the patches.
func follow(t *testing.T, home, commands string) string {
	t.Helper()
	first, rest, found := strings.Cut(commands, "\n")
	require.True(t, found)
	said := shell(t, root(t), home, first)
	for _, name := range strings.Fields(shell(t, home, home, "cat doing/series")) {
		trim(t, filepath.Join(home, "doing", name))
	}
	return said + shell(t, root(t), home, rest)
}

func shell(t *testing.T, folder, home, commands string) string {
	t.Helper()
	command := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	command.Dir = folder
	command.Env = append(os.Environ(), "HOME="+home)
	var errors strings.Builder
	command.Stderr = &errors
	said, err := command.Output()
	require.NoError(t, err, "%s\n%s%s", commands, said, errors.String())
	return string(said)
}

// trim removes changes to files that the source lacks from a patch.
func trim(t *testing.T, path string) {
	t.Helper()
	absent, err := (&upstream.Patch{Path: path}).Absent(source(t))
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	parts := strings.SplitAfter(strings.ReplaceAll(string(text), "\ndiff --git a/", "\n\x00diff --git a/"), "\x00")
	kept := ""
	for _, part := range parts {
		about := false
		for _, file := range absent {
			about = about || strings.HasPrefix(part, "diff --git a/"+file+" ")
		}
		if !about {
			kept += strings.TrimSuffix(part, "\x00")
		}
	}
	require.NoError(t, os.WriteFile(path, []byte(kept), 0o600))
}

// unpacked copies the source of libcurl to a folder and returns the folder.
func unpacked(t *testing.T, folder string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(folder), 0o755))
	require.NoError(t, os.CopyFS(folder, os.DirFS(source(t))))
	return folder
}

// library returns the files of lib/ and include/ in a tree.
func libraryFiles(t *testing.T, tree string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, top := range []string{"lib", "include"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(tree, top), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, ".orig") {
				return err
			}
			text, err := os.ReadFile(path)
			name, _ := filepath.Rel(tree, path)
			files[name] = string(text)
			return err
		}))
	}
	return files
}

// TestRecipesOfVendors follows the three recipes of README.md with libcurl
// 7.53.1 as the package. Each must make the tree that build-libcurl compiles.
func TestRecipesOfVendors(t *testing.T) {
	want := libraryFiles(t, patchedTree(t))
	require.Contains(t, want["lib/http.c"], "Curl_http_length")

	t.Run("plain tree", func(t *testing.T) {
		home := t.TempDir()
		tree := unpacked(t, filepath.Join(home, "curl-7.53.1"))
		follow(t, home, recipe(t, "On a plain tree"))
		require.Equal(t, want, libraryFiles(t, tree))
	})

	t.Run("Debian source package", func(t *testing.T) {
		home := t.TempDir()
		tree := unpacked(t, filepath.Join(home, "curl-7.53.1"))
		patches := filepath.Join(tree, "debian", "patches")
		require.NoError(t, os.MkdirAll(patches, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(patches, "series"), []byte("vendor.patch\n"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(patches, "vendor.patch"), []byte(vendorsOwn), 0o600))
		follow(t, home, recipe(t, "In a Debian source package"))
		for _, name := range strings.Fields(shell(t, tree, home, "cat debian/patches/series")) {
			run(t, tree, "patch", "-p1", "--fuzz=0", "--batch", "--forward", "--input", filepath.Join(patches, name))
		}
		require.FileExists(t, filepath.Join(tree, "vendor"))
		require.Equal(t, want, libraryFiles(t, tree))
	})

	t.Run("RPM source tree", func(t *testing.T) {
		home := t.TempDir()
		tree := unpacked(t, filepath.Join(home, "curl-7.53.1"))
		sources := filepath.Join(home, "rpm", "curl", "SOURCES")
		require.NoError(t, os.MkdirAll(sources, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(sources, "vendor.patch"), []byte(vendorsOwn), 0o600))
		lines := follow(t, home, recipe(t, "In an RPM source tree"))
		at := strings.Index(lines, "%patch")
		require.Positive(t, at, lines)
		spec := filepath.Join(home, "curl.spec")
		require.NoError(t, os.WriteFile(spec, []byte("Name: curl\nVersion: 7.53.1\nRelease: 1\nSource: curl.tar\nPatch1: vendor.patch\n"+
			lines[:at]+"\n%prep\n%setup -q\n%patch -P 1 -p1\n"+lines[at:]+"\n%build\n"), 0o600))
		count := 0
		for line := range strings.Lines(run(t, root(t), "perl", "scripts/lib/spec.pl", spec)) {
			word := strings.Fields(line)
			if word[0] != "patch" {
				continue
			}
			count++
			run(t, tree, "patch", "-p"+word[2], "--fuzz=0", "--batch", "--forward", "--input", filepath.Join(sources, word[1]))
		}
		require.Equal(t, len(series(t))+1, count)
		require.FileExists(t, filepath.Join(tree, "vendor"))
		require.Equal(t, want, libraryFiles(t, tree))
	})
}

// vendorsOwn is a patch that the package already has.
const vendorsOwn = `--- /dev/null
+++ b/vendor
@@ -0,0 +1 @@
+ours
`
