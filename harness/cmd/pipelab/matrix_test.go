package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/run/choice"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// addOpenSSL adds an OpenSSL with this name to the cache of the checkout, and
// both libcurls built against it.
func addOpenSSL(t *testing.T, checkout, name, version string) {
	t.Helper()
	cache := filepath.Join(checkout, "cache")
	prefix := filepath.Join(cache, "openssl", version)
	write(t, filepath.Join(prefix, "manifest.json"), `{"name": "`+name+`", "version": "`+version+`", "origin": "Debian suite `+name+`",
		"packages": [{"name": "libssl3", "version": "`+version+`-1", "sha256": "abc"}], "loader": ""}`)
	names := filepath.Join(cache, "openssl", "by-name")
	require.NoError(t, os.MkdirAll(names, 0o755))
	require.NoError(t, os.Symlink(prefix, filepath.Join(names, name)))
	series, err := library.SeriesHash(filepath.Join(checkout, "patches"))
	require.NoError(t, err)
	for _, m := range []library.Manifest{{Variant: library.Stock}, {Variant: library.Patched, PatchSeries: series}} {
		m.OpenSSL = library.OpenSSL{Version: version, Prefix: prefix}
		addBuild(t, checkout, m.Variant+"-openssl-"+name, m)
	}
}

// matrixOf runs the honest origin with c-demo, and returns the output.
func matrixOf(t *testing.T, arguments ...string) (*matrix.Document, string) {
	t.Helper()
	code, stdout, stderr := pipelab(append([]string{
		"matrix", "--scenario", "honest-origin", "--subject", "c-demo", "--json", "matrix.json",
	}, arguments...)...)
	require.Equal(t, exitExpected, code, stderr+stdout)
	d, err := matrix.Read("matrix.json")
	require.NoError(t, err)
	return d, stdout
}

func TestMatrixMakesEveryRun(t *testing.T) {
	checkout := enterCheckout(t, "good")
	addOpenSSL(t, checkout, "trixie", "3.5.9")
	d, stdout := matrixOf(t, "--openssl", "system,trixie,buzz", "--unavailable", "buzz=nobody serves it")
	require.Contains(t, stdout, "OpenSSL        7.53.1 stock, TLS 1.2  7.53.1 stock, TLS 1.3  7.53.1 patched, TLS 1.2  7.53.1 patched, TLS 1.3\n"+
		"3.0.19 system  pass 2                 pass 2                 pass 2                   pass 2\n"+
		"3.5.9 trixie   pass 2                 pass 2                 pass 2                   pass 2\n"+
		"buzz           n/a                    n/a                    n/a                      n/a\n")
	require.Contains(t, stdout, "\nbuzz: n/a, nobody serves it\n")
	require.Contains(t, stdout, "\n16 of 16 runs as expected; 0 known failures\n")

	made := make(map[string]bool)
	for _, r := range d.Runs {
		made[strings.Join([]string{r.OpenSSLName, r.Library, r.TLS, r.Driver}, " ")] = true
	}
	require.Len(t, made, 16, "each of them once")
	require.True(t, made["trixie 7.53.1 patched 1.3 socket"], "%v", made)
	require.Equal(t, matrix.OpenSSL{
		Name: "trixie", Version: "3.5.9", PackageVersion: "3.5.9-1", Origin: "Debian suite trixie",
		Packages: []library.Package{{Name: "libssl3", Version: "3.5.9-1", SHA256: "abc"}},
	}, d.Axes.OpenSSL[1])
}

func TestShardsMakeTheWhole(t *testing.T) {
	checkout := enterCheckout(t, "good")
	addOpenSSL(t, checkout, "trixie", "3.5.9")
	arguments := []string{"--openssl", "system,trixie", "--seed", "7"}
	whole, grid := matrixOf(t, arguments...)
	var files []string
	for _, shard := range []string{"3/3", "1/3", "2/3"} {
		matrixOf(t, append(arguments, "--shard", shard)...)
		file := strings.ReplaceAll(shard, "/", "-") + ".json"
		require.NoError(t, os.Rename("matrix.json", file))
		files = append(files, file)
	}
	code, stdout, stderr := pipelab(append([]string{"merge", "--json", "merged.json", "--html", "page", "--junit", "junit.xml"}, files...)...)
	require.Equal(t, exitExpected, code, stderr)
	require.Equal(t, grid, stdout)
	for file, want := range map[string]string{"page/index.html": "trixie, 7.53.1 patched, TLS 1.3: 2 runs", "junit.xml": `tests="16"`} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(text), want)
	}
	merged, err := matrix.Read("merged.json")
	require.NoError(t, err)
	require.Equal(t, whole.Axes, merged.Axes)
	require.Equal(t, names(whole.Runs), names(merged.Runs))

	code, stdout, stderr = pipelab("merge", files[0], files[2])
	require.Equal(t, exitUsage, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "shard 1/3 is missing")
	code, _, stderr = pipelab("merge", "nowhere.json")
	require.Equal(t, exitCannotRun, code)
	require.Contains(t, stderr, "nowhere.json: no such file")
}

// The page of a matrix links to the evidence of unexpected results, and only that
// evidence is kept.
func TestAMatrixKeepsTheEvidenceOfTheUnexpected(t *testing.T) {
	enterCheckout(t, "silent")
	code, stdout, stderr := pipelab("matrix", "--scenario", "honest-origin", "--subject", "c-demo", "--driver", "perform",
		"--tls", "1.3", "--html", "page")
	require.Equal(t, exitUnexpected, code, stdout+stderr)
	page, err := os.ReadFile("page/index.html")
	require.NoError(t, err)
	for _, variant := range []string{"stock", "patched"} {
		folder := "evidence/system/honest-origin/c-demo-perform-" + variant + "-tls1.3"
		require.Contains(t, string(page), `<a href="`+folder+`/run.json">evidence</a>`)
		e, err := evidence.Read(filepath.Join("page", filepath.FromSlash(folder)))
		require.NoError(t, err)
		require.False(t, e.Record.Run.AsExpected())
	}

	t.Setenv(fakeVariable, "good")
	code, stdout, stderr = pipelab("matrix", "--scenario", "honest-origin", "--subject", "c-demo", "--driver", "perform",
		"--tls", "1.3", "--html", "other", "--fresh")
	require.Equal(t, exitExpected, code, stdout+stderr)
	kept, err := filepath.Glob("other/evidence/*/*/*")
	require.NoError(t, err)
	require.Empty(t, kept)
}

// names tells runs apart.
func names(runs []outcome.Run) []string {
	var list []string
	for _, r := range runs {
		list = append(list, strings.Join([]string{r.OpenSSLName, r.Library, r.TLS, r.Driver}, " "))
	}
	return list
}

func TestAnInterruptedMatrixIsGoneOnWith(t *testing.T) {
	enterCheckout(t, "good")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, progress strings.Builder
	tell := &cancelAfter{Builder: &progress, cancel: cancel}
	// The first line of progress is written before the first run.
	code := execute(ctx, []string{"matrix", "--scenario", "honest-origin", "--subject", "c-demo", "--jobs", "1"}, &out, tell)
	require.Equal(t, exitCannotRun, code)
	require.Regexp(t, `interrupted with \d of 8 runs finished; repeat the call to resume it`, progress.String())
	require.Empty(t, out.String())

	store := filepath.Join("cache", "matrix")
	kept := &matrix.Store{Folder: store}
	c := matrix.Choice{Choice: choice.Choice{
		Scenario: "honest-origin", Subjects: []string{"c-demo"}, Drivers: []string{"perform"},
		Libraries: []string{"patched"}, TLS: []string{"1.2"},
	}, OpenSSL: []string{matrix.System}}
	tasks, _, err := c.Tasks()
	require.NoError(t, err)
	key, err := kept.Key(&tasks[0].Setup)
	require.NoError(t, err)
	marked := outcome.Run{Scenario: "honest-origin", Library: "7.53.1 patched", TLS: "1.2", Driver: "perform",
		Verdict: judge.Pass, Expected: judge.Pass, Seed: 4711}
	require.NoError(t, kept.Keep(key, &marked))

	d, _ := matrixOf(t)
	var seeds []uint64
	for _, r := range d.Runs {
		seeds = append(seeds, r.Seed)
	}
	require.Contains(t, seeds, uint64(4711), "what was finished is not made again")
	entries, err := os.ReadDir(store)
	require.NoError(t, err)
	require.Empty(t, entries, "a complete matrix leaves nothing to go on with")

	require.NoError(t, kept.Keep(key, &marked))
	d, _ = matrixOf(t, "--fresh")
	for _, r := range d.Runs {
		require.NotEqual(t, uint64(4711), r.Seed)
	}
}

// cancelAfter cancels the context at the first write.
type cancelAfter struct {
	*strings.Builder
	cancel func()
}

func (c *cancelAfter) Write(p []byte) (int, error) {
	c.cancel()
	return c.Builder.Write(p)
}

func TestAMatrixThatIsNotAsExpected(t *testing.T) {
	enterCheckout(t, "good") // it blocks one write, and "reported" requires more
	code, stdout, stderr := pipelab("matrix", "--scenario", "reported", "--subject", "c-demo", "--driver", "perform", "--json", "matrix.json")
	require.Equal(t, exitUnexpected, code, stderr)
	require.Contains(t, stdout, "inconclusive 1, 1 NOT as expected")
	require.Contains(t, stdout, "inconclusive, NOT as expected, which is pass")
	d, err := matrix.Read("matrix.json")
	require.NoError(t, err, "it is written all the same")
	for _, r := range d.Runs {
		require.Equal(t, outcome.Attempts, r.Repetition, "what is inconclusive is made again")
	}
}

func TestAMatrixNeedsTheLibcurlsOfItsOpenSSL(t *testing.T) {
	checkout := enterCheckout(t, "good")
	addOpenSSL(t, checkout, "trixie", "3.5.9")
	link := filepath.Join(checkout, "cache", "openssl", "by-name", "trixie")
	for _, change := range []func() error{
		func() error { return os.Remove(link) },
		func() error { return os.Symlink(t.TempDir(), link) }, // the suite has a newer one
	} {
		require.NoError(t, change())
		code, stdout, stderr := pipelab("matrix", "--openssl", "trixie")
		require.Equal(t, exitCannotRun, code)
		requireOneLine(t, stdout, stderr)
		require.Contains(t, stderr, "is built against another OpenSSL than the one that is called trixie; run scripts/matrix")
	}
	code, _, stderr := pipelab("matrix", "--openssl", "sid")
	require.Equal(t, exitCannotRun, code)
	require.Contains(t, stderr, `the libcurl "stock-openssl-sid" is not built yet`)
}

func TestScenariosOverAnotherVersionOfTLS(t *testing.T) {
	enterCheckout(t, "good")
	var versions []string
	for _, r := range runsOf(t, "--tls", "1.3,1.2") {
		versions = append(versions, r.TLS)
	}
	require.Equal(t, []string{"1.3", "1.2"}, versions)

	code, stdout, stderr := pipelab("run", "--scenario", "reported-tls13", "--subject", "c-demo", "--library", "patched",
		"--tls", "1.2", "--json", "runs.json")
	require.Equal(t, exitUnexpected, code)
	require.Contains(t, stdout, "scenario reported-tls13 is about TLS 1.3")
	require.Contains(t, stderr, "not one of the runs could be made, all are n/a")
	runs := runsIn(t, "runs.json")
	require.Len(t, runs, 1)
	require.Equal(t, judge.NotApplicable, runs[0].Verdict)
	require.Equal(t, "1.2", runs[0].TLS)
}
