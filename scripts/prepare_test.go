package scripts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	// goStub stands in for a Go that is new enough for newCheckout's go.work.
	goStub = `case "$*" in
  "env GOVERSION") echo go1.999.0 ;;
  "env GOFLAGS") echo ;;
esac`
	allInstalled  = "echo installed"
	noneInstalled = "exit 1"
)

// refuseApt makes every call of apt-get fail and leave a trace.
func (w *world) refuseApt() (trace string) {
	w.t.Helper()
	trace = filepath.Join(w.t.TempDir(), "apt-was-called")
	w.stub("apt-get", "touch "+trace+"; exit 100")
	return trace
}

func TestSetupInstallsNothingWhereAllIsThere(t *testing.T) {
	w := newCheckout(t)
	trace := w.refuseApt()
	w.stub("dpkg-query", allInstalled)
	w.stub("go", goStub)
	w.stub("id", "echo 1000")
	got := w.run("setup", "--tests")
	require.Zero(t, got.code, got.stderr)
	require.Equal(t, "setup: everything is there (go1.999.0)\n", got.stderr)
	require.NoFileExists(t, trace)
}

func TestSetupNeedsRootForPackagesOnly(t *testing.T) {
	w := newCheckout(t)
	trace := w.refuseApt()
	w.stub("dpkg-query", `case "$*" in
  *libssl-dev|*shellcheck) exit 1 ;;
esac
echo installed`)
	w.stub("go", goStub)
	w.stub("id", "echo 1000")
	got := w.run("setup")
	require.Equal(t, "setup: cannot install libssl-dev: not root; "+
		"run as root: apt-get install libssl-dev\n", got.stderr)
	require.Equal(t, 1, got.code)
	got = w.run("setup", "--tests")
	require.Equal(t, "setup: cannot install libssl-dev shellcheck: not root; "+
		"run as root: apt-get install libssl-dev shellcheck\n", got.stderr)
	require.Equal(t, 1, got.code)
	require.NoFileExists(t, trace)
}

func TestSetupTakesEitherPkgConfig(t *testing.T) {
	w := newCheckout(t)
	w.refuseApt()
	w.stub("dpkg-query", `case "$*" in *pkgconf) exit 1 ;; esac
echo installed`)
	w.stub("go", goStub)
	got := w.run("setup")
	require.Zero(t, got.code, got.stderr)
}

func TestSetupInstallsWhatIsMissing(t *testing.T) {
	w := newCheckout(t)
	trace := filepath.Join(t.TempDir(), "trace")
	w.stub("apt-get", `echo "$*" >>`+trace)
	w.stub("dpkg-query", `case "$*" in *patch|*perl) exit 1 ;; esac
echo installed`)
	w.stub("go", goStub)
	w.stub("id", "echo 0")
	got := w.run("setup")
	require.Zero(t, got.code, got.stderr)
	calls, err := os.ReadFile(trace)
	require.NoError(t, err)
	require.Equal(t, "-q -y update\n"+
		"-q -y install --no-install-recommends patch perl\n", string(calls))
}

// Without dpkg the script must not claim what it has not checked.
func TestSetupWithoutDpkg(t *testing.T) {
	w := newCheckout(t)
	w.hide("dpkg-query", "apt-get", "patch")
	w.stub("go", goStub)
	got := w.run("setup")
	requireRefused(t, got, 1, "setup: not found: patch, and there is no dpkg to install them with")

	w = newCheckout(t)
	w.hide("dpkg-query", "apt-get")
	w.stub("go", goStub)
	got = w.run("setup")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "no dpkg here: only building and Go were looked for")
	require.Contains(t, got.stderr, "--source TREE, ARCHIVE or CLONE")
	require.NotContains(t, got.stderr, "everything is there")

	got = w.run("build-libcurl")
	requireRefused(t, got, 1, "there is no apt-get here", "--source TREE, ARCHIVE or CLONE, or with --version")
}

func TestSetupSaysWhyAptFailed(t *testing.T) {
	w := newCheckout(t)
	w.stub("apt-get", "echo 'E: Could not get lock'; exit 100")
	w.stub("dpkg-query", noneInstalled)
	w.stub("id", "echo 0")
	got := w.run("setup")
	requireRefused(t, got, 1, "setup: cannot install build-essential",
		"E: Could not get lock", "log: "+w.cache)
}

func TestSetupWithoutTheGoModules(t *testing.T) {
	w := newCheckout(t)
	w.stub("dpkg-query", allInstalled)
	w.stub("go", strings.Replace(goStub, "esac",
		`  "mod download") echo 'dial tcp: no route' >&2; exit 1 ;;
esac`, 1))
	got := w.run("setup")
	requireRefused(t, got, 1, "cannot fetch the Go modules",
		"dial tcp: no route", "GOPROXY")
}

// oldGo stands in for a Go that is too old; fetch is what it does when it is
// asked for a newer toolchain.
func oldGo(fetch string) string {
	return `case "$*" in
  "env GOVERSION") echo go1.19.8 ;;
  "env GOOS GOARCH") echo linux; echo amd64 ;;
  "env GOFLAGS") echo ;;
  "mod download golang.org/toolchain@v0.0.1-go1.998.7.linux-amd64")
    ` + fetch + ` ;;
esac`
}

func TestSetupFetchesTheToolchainOfGoMod(t *testing.T) {
	w := newCheckout(t)
	w.write(filepath.Join(w.root, "go.work"), goWork("1.998.7"))
	w.stub("dpkg-query", allInstalled)
	w.refuseApt()
	w.stub("go", oldGo(
		`module=$GOMODCACHE/golang.org/toolchain@v0.0.1-go1.998.7.linux-amd64
    mkdir -p $module/bin $module/pkg/tool
    cp `+filepath.Join(w.stubs, "newer")+` $module/bin/go
    chmod -x $module/bin/go`))
	w.stub("newer", goStub)

	got := w.run("setup")
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "fetching Go 1.998.7 through go1.19.8")
	require.FileExists(t, filepath.Join(w.cache, "go/toolchain-1.998.7/bin/go"))
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
	again := w.run("setup")
	require.Zero(t, again.code)
	require.Equal(t, "setup: everything is there (go1.999.0)\n", again.stderr)
}

func TestSetupWithoutAnyWayToANewGo(t *testing.T) {
	w := newCheckout(t)
	w.write(filepath.Join(w.root, "go.work"), goWork("1.998.7"))
	w.stub("dpkg-query", allInstalled)
	w.stub("go", oldGo("echo 'dial tcp: no route' >&2; exit 1"))
	got := w.run("setup")
	requireRefused(t, got, 1, "cannot fetch Go 1.998.7", "dial tcp: no route",
		"put Go 1.998.7 or newer into PATH")
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
	require.NoDirExists(t, filepath.Join(w.cache, "go/toolchain-1.998.7"))
}

func TestSubjectsAreBuiltOnce(t *testing.T) {
	w := newCheckout(t)
	w.seedDefaultSource()
	w.stub("go", goStub+"\necho \"$@\" >>"+filepath.Join(w.root, "go-calls"))
	demo := filepath.Join(w.root, "harness/clients/subject/cdemo/main.c")
	w.write(demo, "#include <curl/curlver.h>\nint main(void) { return 0; }\n")
	w.write(filepath.Join(w.root, "harness/clients/subject/cfleet/main.c"), "int main(void) { return 0; }\n")
	w.write(filepath.Join(w.root, "harness/run/interposer/main.c"), "int hook;\n")
	w.write(filepath.Join(w.root, "harness/run/origin/openssl/engine/main.c"), "int main(void) { return 0; }\n")

	got := w.run("build-subjects")
	require.Zero(t, got.code, got.stderr)
	built := filepath.Join(w.root, "build/subjects/c-demo")
	first, err := os.Stat(built)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(w.root,
		"build/subjects/libinterposer.so"))
	require.FileExists(t, filepath.Join(w.root,
		"build/subjects/tls-engine"))
	require.FileExists(t, filepath.Join(w.root, "build/subjects/c-fleet"))
	calls, err := os.ReadFile(filepath.Join(w.root, "go-calls"))
	require.NoError(t, err)
	for _, target := range []string{
		"build/subjects/go-curl ./harness/clients/subject/gocurl\n",
		"build/subjects/curlpipe ./harness/clients/subject/curlpipe\n",
		"build/subjects/curlpipe-fleet ./harness/clients/subject/curlpipefleet\n",
		"build/pipelab ./harness/cmd/pipelab\n",
	} {
		require.Contains(t, string(calls), w.root+"/"+target)
	}

	require.Zero(t, w.run("build-subjects").code)
	second, err := os.Stat(built)
	require.NoError(t, err)
	require.True(t, os.SameFile(first, second))

	w.write(demo, "int main(void) { int unused; return 0; }\n")
	got = w.run("build-subjects")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "harness/clients/subject/cdemo does not compile")
	require.NotContains(t, names(t, filepath.Dir(built)), "c-demo.new")
	third, err := os.Stat(built)
	require.NoError(t, err)
	require.True(t, os.SameFile(first, third))
}

func TestReproducePassesArgumentsAndVerdictOn(t *testing.T) {
	w := newCheckout(t)
	said := "#!/bin/sh\necho \"$(basename \"$0\") $*\" >&2\n"
	for _, name := range []string{"setup", "build-libcurl", "build-subjects"} {
		w.write(filepath.Join(w.root, "scripts", name), said)
	}
	pipelab := filepath.Join(w.root, "build/pipelab")
	w.write(pipelab, said+"exit 3\n")
	require.NoError(t, os.Chmod(pipelab, 0o755))
	w.write(filepath.Join(w.root, "harness/docs/run.md"), "| `--repeat N` | |\n| `--json FILE` | |\n")

	requireRefused(t, w.run("reproduce", "--bogus"), 2, "pipelab run has no flag --bogus")
	got := w.run("reproduce", "--repeat", "2", "--json", "out.json")
	require.Equal(t, 3, got.code)
	var steps []string
	for line := range strings.Lines(got.stderr) {
		if !strings.HasPrefix(line, "reproduce: ") {
			steps = append(steps, strings.TrimSpace(line))
		}
	}
	require.Equal(t, []string{
		"setup",
		"build-libcurl --variant stock",
		"build-libcurl --variant patched",
		"build-subjects",
		"pipelab run --scenario reported --library stock,patched" +
			" --subject c-demo,go-curl,curlpipe --repeat 2 --json out.json",
	}, steps)

	// A failed step ends the script: no run, no table.
	w.write(filepath.Join(w.root, "scripts/setup"), "#!/bin/sh\nexit 1\n")
	got = w.run("reproduce")
	require.Equal(t, 1, got.code)
	require.NotContains(t, got.stderr, "pipelab")
}

func TestTestPassesArgumentsToGo(t *testing.T) {
	w := newCheckout(t)
	trace := filepath.Join(w.root, "trace")
	for _, name := range []string{"setup", "build-subjects"} {
		w.write(filepath.Join(w.root, "scripts", name), "#!/bin/sh\n")
	}
	w.write(filepath.Join(w.root, "scripts/build-libcurl"),
		"#!/bin/sh\necho /some/prefix\n")
	// neither is available, so the tests with the newest libcurl are n/a
	for _, name := range []string{"build-openssl", "fetch-libcurl"} {
		w.write(filepath.Join(w.root, "scripts", name), "#!/bin/sh\nexit 1\n")
	}
	w.stub("go", goStub+"\necho \"$LD_LIBRARY_PATH $*\" >>"+trace)
	w.stub("gofmt", "exit 0")
	w.stub("shellcheck", "exit 0")

	// without arguments, the library's tests run again in other ways
	again := []string{
		"-count=1 -exec env -u LD_LIBRARY_PATH ./curlpipe/... ./curlpipe/metrics ./cshim",
		"-count=1 -short -tags curlpipe_poll ./curlpipe ./cshim",
		"-count=1 -race ./curlpipe ./cshim",
		"-count=1 ./curlpipe ./cshim", // cgocheck2, which the environment sets
		"-count=1 -asan ./curlpipe ./cshim",
	}
	for given, passed := range map[string]string{
		"":                    "./... ./harness/...",
		"-run X":              "-run X ./... ./harness/...",
		"-run X ./curlpipe":   "-run X ./curlpipe",
		"./judge ./origin -v": "./judge ./origin -v",
	} {
		require.NoError(t, os.RemoveAll(trace))
		got := w.run("test", strings.Fields(given)...)
		require.Zero(t, got.code, got.stderr)
		calls, err := os.ReadFile(trace)
		require.NoError(t, err)
		var tests []string
		for line := range strings.Lines(string(calls)) {
			if arguments, found := strings.CutPrefix(strings.TrimSpace(line), "/some/prefix/lib test "); found {
				tests = append(tests, arguments)
			}
		}
		want := []string{"-count=1 -timeout=40m " + passed}
		if given == "" {
			want = append(want, again...)
		}
		require.Equal(t, want, tests, given)
	}

	w.stub("shellcheck", "echo 'line 1: bad' >&2; exit 1")
	got := w.run("test")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "test: shellcheck found the above")
}
