package acceptance

import (
	"bufio"
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

// steps builds the libcurl that the series has made after so many patches.
type steps struct {
	checkout string
	series   []string
	scratch  string
	built    map[int]*library.Library
}

func newSteps(t *testing.T) *steps {
	t.Helper()
	found, err := checkout.Find()
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(found.Folder, "patches", "series"))
	require.NoError(t, err)
	return &steps{
		checkout: found.Folder, series: strings.Fields(string(text)), scratch: t.TempDir(),
		built: make(map[int]*library.Library),
	}
}

// after returns the library with the first n patches; stock for none.
func (s *steps) after(t *testing.T, n int) *library.Library {
	t.Helper()
	if s.built[n] != nil {
		return s.built[n]
	}
	arguments := []string{"--variant", "stock"}
	if n > 0 {
		folder := filepath.Join(s.scratch, strconv.Itoa(n))
		require.NoError(t, os.Mkdir(folder, 0o755))
		for _, name := range s.series[:n] {
			require.NoError(t, os.Symlink(filepath.Join(s.checkout, "patches", name), filepath.Join(folder, name)))
		}
		text := strings.Join(s.series[:n], "\n") + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(folder, "series"), []byte(text), 0o644))
		arguments = []string{"--variant", "patched", "--patches", folder}
	}
	build := exec.Command(filepath.Join(s.checkout, "scripts", "build-libcurl"), arguments...)
	build.Stderr = os.Stderr
	prefix, err := build.Output()
	require.NoError(t, err, "the series does not build after %d patches", n)
	finder := library.Finder{} // which accepts any series
	s.built[n], err = finder.Find(strings.TrimSpace(string(prefix)))
	require.NoError(t, err)
	return s.built[n]
}

// TestEachPatchIsProven walks the series: what proves a patch fails just
// before it and passes just after.
func TestEachPatchIsProven(t *testing.T) {
	b := newBench(t)
	s := newSteps(t)
	for _, p := range proofs(t, filepath.Join(s.checkout, "patches")) {
		require.LessOrEqual(t, p.patch, len(s.series))
		before, after := s.after(t, p.patch-1), s.after(t, p.patch)
		for _, name := range p.scenarios {
			t.Run(s.series[p.patch-1][:4]+"/"+name, func(t *testing.T) {
				id, driver, _ := strings.Cut(name, "/")
				require.NotEmpty(t, only(t, id).StockFails(driver), "stock is not known to fail this")
				var r report.Run
				for range stockAttempts { // it may be lucky
					if r = b.runWith(t, only(t, id), "c-demo", driver, before); r.Verdict == judge.Fail {
						break
					}
				}
				require.Equal(t, judge.Fail, r.Verdict, "it passes without the patch")
				r = b.runWith(t, only(t, id), "c-demo", driver, after)
				require.Equal(t, judge.Pass, r.Verdict, "%s: %+v", r.SubjectError, r.Invariants)
			})
		}
	}
}

// TestSeriesBuildsAtEveryStep builds what the walk above has no need of.
func TestSeriesBuildsAtEveryStep(t *testing.T) {
	s := newSteps(t)
	for n := range len(s.series) + 1 {
		s.after(t, n)
	}
}
