package acceptance

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/checkout"
	"github.com/curlpipe/curlpipe/harness/judge"
	"github.com/curlpipe/curlpipe/harness/library"
	"github.com/curlpipe/curlpipe/harness/readmetest"
	"github.com/curlpipe/curlpipe/harness/report"
)

// proof is one line of patches/proof.
type proof struct {
	patch     int // counted from 1
	scenarios []string
}

// proofs reads patches/proof.
func proofs(t *testing.T, folder string) []proof {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, "proof"))
	require.NoError(t, err)
	defer file.Close()
	var list []proof
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		number, err := strconv.Atoi(words[0])
		require.NoError(t, err, lines.Text())
		list = append(list, proof{number, words[1:]})
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, list)
	return list
}

// TestReadmeHasTheProofs compares the table in patches/README.md.
func TestReadmeHasTheProofs(t *testing.T) {
	found, err := checkout.Find()
	require.NoError(t, err)
	patches := filepath.Join(found.Folder, "patches")
	want := "| patch | scenario/driver |\n| --- | --- |\n"
	for _, p := range proofs(t, patches) {
		want += fmt.Sprintf("| %04d | `%s` |\n", p.patch, strings.Join(p.scenarios, "`, `"))
	}
	readmetest.RequireTable(t, filepath.Join(patches, "README.md"), "proof", want)
}

// buildSteps returns the libcurls that the series makes, one patch after the
// other: stock, that with the first patch, and so on to the last.
func buildSteps(t *testing.T, folder string, series []string) []*library.Library {
	t.Helper()
	finder := library.Finder{} // which accepts any series
	var list []*library.Library
	for n := range len(series) + 1 {
		arguments := []string{"--variant", "stock"}
		if n > 0 {
			arguments = []string{"--variant", "patched", "--patches", firstPatches(t, folder, series[:n])}
		}
		build := exec.Command(filepath.Join(folder, "scripts", "build-libcurl"), arguments...)
		build.Stderr = os.Stderr
		prefix, err := build.Output()
		require.NoError(t, err, "the series does not build after %d patches", n)
		l, err := finder.Find(strings.TrimSpace(string(prefix)))
		require.NoError(t, err)
		list = append(list, l)
	}
	return list
}

// firstPatches makes a folder with a shorter series.
func firstPatches(t *testing.T, folder string, series []string) string {
	t.Helper()
	shorter := t.TempDir()
	for _, name := range series {
		require.NoError(t, os.Symlink(filepath.Join(folder, "patches", name), filepath.Join(shorter, name)))
	}
	text := strings.Join(series, "\n") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(shorter, "series"), []byte(text), 0o644))
	return shorter
}

// TestEachPatchIsProven walks the series: it builds at every step, and what
// proves a patch fails just before it and passes just after.
func TestEachPatchIsProven(t *testing.T) {
	b := newBench(t)
	found, err := checkout.Find()
	require.NoError(t, err)
	patches := filepath.Join(found.Folder, "patches")
	text, err := os.ReadFile(filepath.Join(patches, "series"))
	require.NoError(t, err)
	series := strings.Fields(string(text))
	steps := buildSteps(t, found.Folder, series)
	for _, p := range proofs(t, patches) {
		require.LessOrEqual(t, p.patch, len(series))
		for _, name := range p.scenarios {
			t.Run(series[p.patch-1][:4]+"/"+name, func(t *testing.T) {
				id, driver, _ := strings.Cut(name, "/")
				s := only(t, id)
				require.NotEmpty(t, s.StockFails(driver), "stock is not known to fail this")
				var r report.Run
				for range stockAttempts { // it may be lucky
					if r = b.runWith(t, s, "c-demo", driver, steps[p.patch-1]); r.Verdict == judge.Fail {
						break
					}
				}
				require.Equal(t, judge.Fail, r.Verdict, "it passes without the patch")
				r = b.runWith(t, s, "c-demo", driver, steps[p.patch])
				require.Equal(t, judge.Pass, r.Verdict, "%s: %+v", r.SubjectError, r.Invariants)
			})
		}
	}
}
