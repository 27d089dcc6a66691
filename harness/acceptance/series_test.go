package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/readme/readmetest"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// TestReadmeHasTheProofs compares the tables in patches/README.md.
func TestReadmeHasTheProofs(t *testing.T) {
	found, err := checkout.Find()
	require.NoError(t, err)
	folder := filepath.Join(found.Folder, "patches")
	patches, err := series.Read(folder)
	require.NoError(t, err)
	proven := "| patch | scenario/driver |\n| --- | --- |\n"
	unproven := "| patch | why not, and what was tried |\n| --- | --- |\n"
	for _, p := range patches {
		if p.Unproven != "" {
			unproven += fmt.Sprintf("| %04d | %s |\n", p.Number, p.Unproven)
		} else {
			proven += fmt.Sprintf("| %04d | `%s` |\n", p.Number, strings.Join(p.Scenarios, "`, `"))
		}
	}
	readmetest.RequireTable(t, filepath.Join(folder, "README.md"), "proof", proven)
	readmetest.RequireTable(t, filepath.Join(folder, "README.md"), "unproven", unproven)
}

// step returns the libcurl that the first n patches of the series make.
type step func(n int) *library.Library

// steps builds each when it is first asked for, and all of them at once where
// CURLPIPE_LONG asks for that: the series has to build after every patch.
func steps(t *testing.T, folder string, names []string) step {
	t.Helper()
	finder := library.Finder{} // which accepts any series
	built := make(map[int]*library.Library)
	one := func(n int) *library.Library {
		if built[n] == nil {
			arguments := []string{"--variant", "stock"}
			if n > 0 {
				arguments = []string{"--variant", "patched", "--patches", firstPatches(t, folder, names[:n])}
			}
			build := exec.Command(filepath.Join(folder, "scripts", "build-libcurl"), arguments...)
			build.Stderr = os.Stderr
			prefix, err := build.Output()
			require.NoError(t, err, "the series does not build after %d patches", n)
			built[n], err = finder.Find(strings.TrimSpace(string(prefix)))
			require.NoError(t, err)
		}
		return built[n]
	}
	if os.Getenv("CURLPIPE_LONG") != "" {
		for n := range len(names) + 1 {
			one(n)
		}
	}
	return one
}

// firstPatches makes a folder with a shorter series.
func firstPatches(t *testing.T, folder string, names []string) string {
	t.Helper()
	shorter := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.Symlink(filepath.Join(folder, "patches", name), filepath.Join(shorter, name)))
	}
	text := strings.Join(names, "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(shorter, "series"), []byte(text), 0o644))
	return shorter
}

// TestEachPatchIsProven walks the series: it builds at every step, and what
// proves a patch fails just before it and passes just after.
func TestEachPatchIsProven(t *testing.T) {
	b := newBuilds(t)
	found, err := checkout.Find()
	require.NoError(t, err)
	patches, err := series.Read(filepath.Join(found.Folder, "patches"))
	require.NoError(t, err)
	var names []string
	for _, p := range patches {
		names = append(names, p.Name)
	}
	built := steps(t, found.Folder, names)
	for i, p := range patches {
		for _, name := range p.Scenarios {
			t.Run(p.Name[:4]+"/"+name, func(t *testing.T) {
				id, driver, _ := strings.Cut(name, "/")
				s := only(t, id)
				require.NotEmpty(t, s.StockFails(driver), "stock is not known to fail this")
				var r outcome.Run
				for range outcome.Attempts { // it may be lucky
					if r = b.runWith(t, s, "c-demo", driver, built(i)); r.Verdict == judge.Fail {
						break
					}
				}
				require.Equal(t, judge.Fail, r.Verdict, "it passes without the patch")
				r = b.runWith(t, s, "c-demo", driver, built(i+1))
				require.Equal(t, judge.Pass, r.Verdict, "%s: %+v", r.SubjectError, r.Invariants)
			})
		}
	}
}
