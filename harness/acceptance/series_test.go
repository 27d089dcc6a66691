package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/readme/readmetest"
	"github.com/curlpipe/curlpipe/harness/upstream/series"
)

// TestReadmeHasTheProofs compares the proofs with the tables in
// patches/README.md.
func TestReadmeHasTheProofs(t *testing.T) {
	found, err := checkout.Find()
	require.NoError(t, err)
	folder := filepath.Join(found.Folder, "patches")
	patches, err := series.Read(folder)
	require.NoError(t, err)
	proven := "| patch | scenario or program / driver |\n| --- | --- |\n"
	unproven := "| patch | why not, and what was tried |\n| --- | --- |\n"
	for _, p := range patches {
		if p.Unproven != "" {
			unproven += fmt.Sprintf("| %04d | %s |\n", p.Number, p.Unproven)
		} else {
			proven += fmt.Sprintf("| %04d | `%s` |\n", p.Number, strings.Join(p.Proofs(), "`, `"))
		}
	}
	readmetest.RequireTable(t, filepath.Join(folder, "README.md"), "proof", proven)
	readmetest.RequireTable(t, filepath.Join(folder, "README.md"), "unproven", unproven)
}

// step returns the libcurl with the first n patches of the series, with HTTP/2
// or without.
type step func(n int, http2 bool) *library.Library

// steps builds each when it is first requested. With CURLPIPE_LONG it builds
// all of them, because the series has to build after every patch.
func steps(t *testing.T, folder string, names []string) step {
	t.Helper()
	finder := library.Finder{} // which accepts any series
	type made struct {
		n     int
		http2 bool
	}
	built := make(map[made]*library.Library)
	one := func(n int, http2 bool) *library.Library {
		this := made{n, http2}
		if built[this] == nil {
			arguments := []string{"--variant", "stock"}
			if n > 0 {
				arguments = []string{"--variant", "patched", "--patches", firstPatches(t, folder, names[:n])}
			}
			if http2 {
				arguments = append(arguments, "--features", "full")
			}
			build := exec.Command(filepath.Join(folder, "scripts", "build-libcurl"), arguments...)
			build.Stderr = os.Stderr
			prefix, err := build.Output()
			require.NoError(t, err, "the series does not build after %d patches", n)
			built[this], err = finder.Find(strings.TrimSpace(string(prefix)))
			require.NoError(t, err)
		}
		return built[this]
	}
	if os.Getenv("CURLPIPE_LONG") != "" {
		for n := range len(names) + 1 {
			one(n, false)
		}
	}
	return one
}

// firstPatches makes a folder with the first patches of the series.
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

// sampled reports whether the short form tests the nth patch. Building both
// steps of a patch takes 20 seconds if they are not in the cache.
func sampled(n int) bool { return n%proofStride == 0 || os.Getenv("CURLPIPE_LONG") != "" }

const proofStride = 6

// TestEachPatchIsProven goes through the series, or a sample of it. The proof of
// a patch must fail just before the patch and pass just after it.
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
	proofs := filepath.Join(found.Folder, "patches", "proofs")
	for i, p := range patches {
		if !sampled(i) {
			continue
		}
		for _, name := range p.Scenarios {
			t.Run(p.Name[:4]+"/"+name, func(t *testing.T) {
				id, driver, _ := strings.Cut(name, "/")
				s := only(t, id)
				var r outcome.Run
				for range outcome.Attempts { // it may be lucky
					if r = b.runWith(t, s, "c-demo", driver, built(i, s.HTTP2)); r.Verdict == judge.Fail {
						break
					}
				}
				require.Equal(t, judge.Fail, r.Verdict, "it passes without the patch")
				r = b.runWith(t, s, "c-demo", driver, built(i+1, s.HTTP2))
				require.Equal(t, judge.Pass, r.Verdict, "%s: %+v", r.SubjectError, r.Invariants)
			})
		}
		for _, name := range p.Programs {
			t.Run(p.Name[:4]+"/"+name, func(t *testing.T) {
				source, driver, _ := strings.Cut(name, "/")
				made := program.Compile(t, built(i+1, false).Prefix,
					[]string{filepath.Join(proofs, source), filepath.Join(proofs, "proof.c"), filepath.Join(proofs, "tls.c")})
				said, code := runProof(t, made, driver, p.Number, built(i, false))
				require.Equal(t, 1, code, "it passes, or has nothing to show, without the patch: %s", said)
				said, code = runProof(t, made, driver, p.Number, built(i+1, false))
				require.Zero(t, code, said)
			})
		}
	}
}

// TestEachProofIsUsed requires that each program in the folder proves a patch.
func TestEachProofIsUsed(t *testing.T) {
	found, err := checkout.Find()
	require.NoError(t, err)
	folder := filepath.Join(found.Folder, "patches")
	patches, err := series.Read(folder)
	require.NoError(t, err)
	used := map[string]bool{"proof.c": true, "drive.c": true, "tls.c": true}
	for _, p := range patches {
		for _, name := range p.Programs {
			source, _, _ := strings.Cut(name, "/")
			require.FileExists(t, filepath.Join(folder, "proofs", source), p.Name)
			used[source] = true
		}
	}
	sources, err := filepath.Glob(filepath.Join(folder, "proofs", "*.c"))
	require.NoError(t, err)
	for _, source := range sources {
		require.True(t, used[filepath.Base(source)], "%s proves nothing", source)
	}
}

// runProof returns the output of the program, and how it ended.
func runProof(t *testing.T, made, driver string, number int, l *library.Library) (string, int) {
	t.Helper()
	command := program.Command(l.Prefix, made, driver, strconv.Itoa(number))
	said, err := command.CombinedOutput()
	var ended *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &ended)
	}
	return string(said), command.ProcessState.ExitCode()
}
