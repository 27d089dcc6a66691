package scripts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newMatrix makes a checkout in which every step of matrix prints how it is
// called.
func newMatrix(t *testing.T) *world {
	t.Helper()
	w := newCheckout(t)
	said := "#!/bin/sh\necho \"$(basename \"$0\") $*\" >>" + w.root + "/trace\n"
	for name, body := range map[string]string{
		"setup": "", "build-subjects": "", "fetch-libcurl": "echo /libcurl",
		"build-openssl": `case "$*" in
  *gone*) echo "build-openssl: fetching" >&2; echo "build-openssl: suite gone is not served" >&2; exit 1 ;;
  *BAD*) echo "build-openssl: --suite is a name" >&2; exit 2 ;;
esac
echo /prefix/$2`,
		"build-libcurl": `case "$*" in
  *7.30.0*sid*) echo "build-libcurl: too old" >&2; exit 1 ;;
esac
echo /libcurl`,
	} {
		w.write(filepath.Join(w.root, "scripts", name), said+body+"\n")
	}
	pipelab := filepath.Join(w.root, "build/pipelab")
	// One argument per line, because reasons contain spaces.
	w.write(pipelab, "#!/bin/sh\necho pipelab >>"+w.root+"/trace\nprintf '  %s\\n' \"$@\" >>"+w.root+"/trace\necho GRID\nexit 3\n")
	require.NoError(t, os.Chmod(pipelab, 0o755))
	return w
}

func (w *world) steps() string {
	w.t.Helper()
	trace := filepath.Join(w.root, "trace")
	text, err := os.ReadFile(trace)
	require.NoError(w.t, err)
	require.NoError(w.t, os.Remove(trace))
	return string(text)
}

func TestMatrixBuildsAndHandsOver(t *testing.T) {
	w := newMatrix(t)
	got := w.run("matrix", "--openssl", "system,sid,gone,1.1.0l", "--libcurl", "stock,patched-7.30.0,packaged", "--jobs", "2", "--refresh")
	require.Equal(t, 3, got.code, "the exit code is pipelab's")
	require.Equal(t, "GRID\n", got.stdout)
	require.Contains(t, got.stderr, "build-openssl: fetching\nbuild-openssl: suite gone is not served\n")
	require.Equal(t, strings.Join([]string{
		"setup ",
		"build-libcurl --variant stock",
		"build-libcurl --variant patched --version 7.30.0",
		"fetch-libcurl --refresh",
		"build-openssl --suite sid --refresh",
		"build-libcurl --variant stock --openssl /prefix/sid",
		"build-libcurl --variant patched --version 7.30.0 --openssl /prefix/sid",
		"fetch-libcurl --refresh --openssl /prefix/sid",
		"build-openssl --suite gone --refresh",
		"build-openssl --version 1.1.0l",
		"build-libcurl --variant stock --openssl /prefix/1.1.0l",
		"build-libcurl --variant patched --version 7.30.0 --openssl /prefix/1.1.0l",
		"fetch-libcurl --refresh --openssl /prefix/1.1.0l",
		"build-subjects ",
		"pipelab",
		"  matrix", "  --openssl", "  system,sid,gone,1.1.0l", "  --libcurl", "  stock,patched-7.30.0,packaged",
		"  --unavailable", "  sid/patched-7.30.0=too old",
		"  --unavailable", "  gone=suite gone is not served",
		"  --jobs", "  2", "",
	}, "\n"), w.steps())
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
}

func TestMatrixByDefault(t *testing.T) {
	w := newMatrix(t)
	w.run("matrix")
	steps := w.steps()
	for _, suite := range []string{"bullseye", "bookworm", "trixie", "forky", "experimental"} {
		for _, variant := range []string{"stock", "patched"} {
			require.Contains(t, steps, "build-libcurl --variant "+variant+" --openssl /prefix/"+suite+"\n")
		}
		require.Contains(t, steps, "fetch-libcurl --openssl /prefix/"+suite+"\n")
	}
	require.True(t, strings.HasSuffix(steps, "pipelab\n  matrix\n  --openssl\n  bullseye,bookworm,trixie,forky,experimental\n"+
		"  --libcurl\n  stock,patched,packaged\n"), steps)
}

// An OpenSSL of the user's gets the name from build-openssl; one that cannot be
// built gets the last part of its path.
func TestMatrixWithAnOpenSSLOfOnesOwn(t *testing.T) {
	w := newMatrix(t)
	prefix := filepath.Join(t.TempDir(), "prefix")
	w.write(filepath.Join(prefix, "manifest.json"), "{\n   \"name\" : \"own-123\",\n   \"version\" : \"9.9.9\"\n}\n")
	script := filepath.Join(w.root, "scripts/build-openssl")
	text, err := os.ReadFile(script)
	require.NoError(t, err)
	w.write(script, strings.Replace(string(text), "echo /prefix/$2", "echo "+prefix, 1))
	w.run("matrix", "--openssl", "src/openssl,src/gone", "--libcurl", "patched")
	require.Equal(t, strings.Join([]string{
		"setup ",
		"build-openssl --source src/openssl",
		"build-libcurl --variant patched --openssl " + prefix,
		"build-openssl --source src/gone",
		"build-subjects ",
		"pipelab",
		"  matrix", "  --openssl", "  own-123,gone", "  --libcurl", "  patched",
		"  --unavailable", "  gone=suite gone is not served", "",
	}, "\n"), w.steps())
}

// An invalid command line is an error, not a gap in a grid.
func TestMatrixStopsAtWhatItCannotFollow(t *testing.T) {
	w := newMatrix(t)
	got := w.run("matrix", "--openssl", "BAD")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.stderr, "build-openssl: --suite is a name\n")
	require.NotContains(t, w.steps(), "pipelab")

	for _, args := range [][]string{{"--openssl"}, {"--libcurl"}} {
		requireRefused(t, newMatrix(t).run("matrix", args...), 2, args[0]+" needs a value")
	}
	got = w.run("matrix", "--openssl", "")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.stderr, "--openssl and --libcurl need names")
	w.write(filepath.Join(w.root, "scripts/setup"), "#!/bin/sh\nexit 1\n")
	require.Equal(t, 1, w.run("matrix").code)
}
