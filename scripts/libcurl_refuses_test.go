package scripts_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuildLibcurlRefusesCommandLines(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--nonsense"}, "unknown argument --nonsense"},
		{[]string{"stock"}, "unknown argument stock"},
		{[]string{"--variant"}, "--variant needs a value"},
		{[]string{"--variant", "mended"}, "stock, patched or moving-buffer, not mended"},
		{[]string{"--openssl"}, "--openssl needs a value"},
		{[]string{"--openssl", ""}, "--openssl needs a folder"},
		{[]string{"--source"}, "--source needs a value"},
		{[]string{"--source", ""}, "--source needs a folder or an archive"},
		{[]string{"--version"}, "--version needs a value"},
		{[]string{"--version", "7.47"}, "of the form 7.47.1, not 7.47"},
		{[]string{"--version", "7.29.0"}, "known are 7.30.0 to 7.64.1"},
		{[]string{"--patches"}, "--patches needs a value"},
		{[]string{"--patches", "."}, "--patches goes with --variant patched"},
		{
			[]string{"--source", ".", "--version", "7.47.1"},
			"--version and --ref need a clone of curl's repository",
		},
		{[]string{"--ref"}, "--ref needs a value"},
		{[]string{"--ref", "-x"}, "--ref needs a branch, a tag or a commit"},
		{[]string{"--ref", "master"}, "--ref goes with a --source that is a clone"},
		{
			[]string{"--source", ".", "--ref", "master", "--version", "7.47.1"},
			"--ref and --version exclude each other",
		},
		{[]string{"--archive", "curl.tar"}, "--archive goes with a --source that is an RPM source tree"},
		{[]string{"--features", "most"}, "--features is minimal or full, not most"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			w := newWorld(t)
			got := w.run("build-libcurl", test.args...)
			requireRefused(t, got, 2, "build-libcurl: ", test.says, "--help")
			w.requireNothingLeft()
		})
	}
}

func TestHelpNamesEveryOption(t *testing.T) {
	got := newWorld(t).run("build-libcurl", "--help")
	require.Zero(t, got.code)
	require.Empty(t, got.stderr)
	for _, option := range []string{
		"--variant", "--features", "--openssl", "--source", "--version",
		"--ref", "--archive", "--patches", "--sanitize",
	} {
		require.Contains(t, got.stdout, option)
	}
}

func TestSourcesThatAreNone(t *testing.T) {
	w := newWorld(t)
	empty := t.TempDir()
	garbage := filepath.Join(empty, "mine.tar.gz")
	release := filepath.Join(empty, "curl-7.47.1.tar.bz2")
	game := filepath.Join(empty, "0ad_0.0.26.orig.tar.gz")
	for _, path := range []string{garbage, release, game} {
		w.write(path, "no archive at all\n")
	}
	for _, test := range []struct {
		name, source string
		says         []string
	}{
		{"missing", "/nowhere", []string{"no such file or folder"}},
		{"not libcurl", empty, []string{"not a libcurl tree", "curlver.h"}},
		{"not an archive", garbage, []string{"cannot be unpacked", "log: "}},
		{"not the release", release, []string{
			"curl-7.47.1.tar.bz2 is not the official release",
			"expected ddc643ab9382e24bbe4747d43df189a0a6ce38fcb33df041b9cb0b3cd47ae98f",
		}},
		{"not the game", game, []string{"no libcurl with a pinned hash"}},
		{"no way to build", w.tree(map[string]string{
			"include/curl/curlver.h": tinyVersion("8.5.0"),
		}), []string{"libcurl 8.5.0 has neither configure nor CMakeLists.txt"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := w.run("build-libcurl", "--source", test.source)
			requireRefused(t, got, 1, test.says...)
			w.requireNothingLeft()
		})
	}
}

func TestPatchThatDoesNotFitIsNamed(t *testing.T) {
	unchanged := strings.Replace(goodPatch, "-  return", "-  returns", 1)
	// With one wrong line of context, patch(1) would apply it with fuzz.
	fuzzy := strings.Replace(goodPatch, " const char *curl_version(void)",
		" const char *curl_version(int)", 1)
	elsewhere := strings.ReplaceAll(goodPatch, "lib/version.c", "lib/absent.c")
	cut := strings.Replace(goodPatch, "-5,5 +5,5", "-5,9 +5,9", 1)
	for _, test := range []struct {
		name, patch string
		says        []string
	}{
		{"another line", unchanged, []string{"lib/version.c hunk #1"}},
		{"with fuzz only", fuzzy, []string{"lib/version.c hunk #1"}},
		{"another file", elsewhere, []string{"a file that is not there"}},
		{"malformed", cut, []string{"it is malformed"}},
		{"not a patch", "hello\n", []string{"it is malformed"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			patches := w.series("0001-good.patch", goodPatch,
				"0002-bad.patch", test.patch)
			if test.name == "with fuzz only" {
				patches = w.series("0002-bad.patch", test.patch)
			}
			got := w.run("build-libcurl", "--source", w.tree(nil),
				"--variant", "patched", "--patches", patches)
			says := append(test.says, "patch 0002-bad.patch does not apply to"+
				" libcurl 7.53.1")
			requireRefused(t, got, 1, says...)
			w.requireNothingLeft()
		})
	}
}

func TestSeriesThatIsNone(t *testing.T) {
	w := newWorld(t)
	empty, dangling, nothing := t.TempDir(), t.TempDir(), t.TempDir()
	w.write(filepath.Join(empty, "series"), "# nothing yet\n")
	w.write(filepath.Join(dangling, "series"), "0001-gone.patch\n")
	for patches, says := range map[string]string{
		nothing:  "holds no file named series",
		empty:    "names no patch",
		dangling: "names 0001-gone.patch, which is not there",
	} {
		got := w.run("build-libcurl", "--source", w.tree(nil),
			"--variant", "patched", "--patches", patches)
		requireRefused(t, got, 1, says)
		w.requireNothingLeft()
	}
}

func TestEveryPatchThatDoesNotFitIsNamed(t *testing.T) {
	w := newWorld(t)
	elsewhere := strings.ReplaceAll(goodPatch, "lib/version.c", "lib/absent.c")
	got := w.run("build-libcurl", "--source", w.tree(nil), "--variant", "patched",
		"--patches", w.series("0001-absent.patch", elsewhere, "0002-good.patch", goodPatch, "0003-again.patch", goodPatch))
	requireRefused(t, got, 1, "2 of 3 patches do not apply to libcurl 7.53.1 (folder ", "the others do: ",
		"0001-absent.patch: it patches a file that is not there; 0003-again.patch: lib/version.c hunk #1 (looks applied already); log: ")
	require.NotContains(t, got.stderr, "0002-good")
	w.requireNothingLeft()
}

// The reason is the first line that a compiler, a linker or configure marks as
// an error, whatever the progress messages contain.
func TestTheFirstRealErrorIsQuoted(t *testing.T) {
	for name, changes := range map[string]map[string]string{
		"lib/broken.c:1:2: error: #error no such luck": {"lib/broken.c": "#error no such luck\n"},
		"undefined reference to `inflate_it'": {"lib/lacking.c": "int inflate_it(void);\nint f(void);\n" +
			"int f(void) { return inflate_it(); }\n"},
		"configure: error: no such luck": {
			"include/curl/curlver.h": tinyVersion("8.5.0"),
			"configure": "#!/bin/sh\necho checking for perror... yes\necho 'checking error: handling... no'\n" +
				"echo 'configure: error: no such luck' >&2\nexit 1\n",
		},
		"and that was all": {
			"include/curl/curlver.h": tinyVersion("8.5.0"),
			"configure":              "#!/bin/sh\necho checking for perror... yes\necho and that was all\nexit 1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tree := w.tree(changes)
			if changes["configure"] != "" {
				require.NoError(t, os.Chmod(filepath.Join(tree, "configure"), 0o755))
			}
			got := w.run("build-libcurl", "--source", tree)
			requireRefused(t, got, 1, " failed (", name+")", "log: "+w.cache)
			w.requireNothingLeft()
		})
	}
}

// A library that cannot pipeline has nothing to be patched, which nobody has to
// wait for a download to learn.
func TestPatchingWhatCannotPipeline(t *testing.T) {
	w := newWorld(t)
	w.stub("curl", "echo called >&2; exit 1")
	got := w.run("build-libcurl", "--version", "7.62.0", "--variant", "patched")
	requireRefused(t, got, 1, "libcurl 7.62.0 cannot pipeline HTTP/1.1, 7.61.1 is the last that can", "--variant stock")
	require.NoDirExists(t, filepath.Join(w.cache, "sources"))

	tree := w.tree(map[string]string{"include/curl/curlver.h": tinyVersion("7.64.0")})
	got = w.run("build-libcurl", "--source", tree, "--variant", "moving-buffer")
	requireRefused(t, got, 1, "libcurl 7.64.0 cannot pipeline")
	w.requireNothingLeft()
}

// The library is asked, and not searched for a text that may be anywhere.
func TestALibraryThatSaysAnotherVersion(t *testing.T) {
	w := newWorld(t)
	liar := strings.Replace(tinyTree["lib/version.c"], `"libcurl/" LIBCURL_VERSION`,
		`"libcurl/7.1-mine " LIBCURL_VERSION " libcurl/" LIBCURL_VERSION`, 1)
	got := w.run("build-libcurl", "--source", w.tree(map[string]string{"lib/version.c": liar}))
	requireRefused(t, got, 1, "the built library says that it is 7.1-mine and not 7.53.1-stock")
	w.requireNothingLeft()
}

func TestOpenSSLPrefixWithoutOpenSSL(t *testing.T) {
	w := newWorld(t)
	got := w.run("build-libcurl", "--openssl", t.TempDir())
	requireRefused(t, got, 1, "no OpenSSL there")
	w.requireNothingLeft()
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	w.cache = "/dev/null/cache"
	got := w.run("build-libcurl")
	requireRefused(t, got, 1, "cannot write the cache folder /dev/null/cache",
		"CURLPIPE_CACHE")
}

func TestMissingToolsAreNamed(t *testing.T) {
	w := newWorld(t)
	w.hide("make", "patch")
	got := w.run("build-libcurl")
	requireRefused(t, got, 1, "not found: make patch", "scripts/setup")

	w = newWorld(t)
	w.hide("cmake")
	tree := w.tree(map[string]string{
		"CMakeLists.txt": "\n", "include/curl/curlver.h": tinyVersion("8.5.0"),
	})
	got = w.run("build-libcurl", "--source", tree)
	requireRefused(t, got, 1, "cmake, which is not installed")
	w.requireNothingLeft()
}

func TestNoNetworkForARelease(t *testing.T) {
	w := newWorld(t)
	w.stub("curl", "echo 'curl: (6) Could not resolve host' >&2; exit 6")
	got := w.run("build-libcurl", "--version", "7.47.1")
	requireRefused(t, got, 1, "cannot download https://", "curl-7.47.1.tar.bz2",
		"Could not resolve host", "--source")
	w.requireNothingLeft()

	w = newWorld(t)
	w.hide("curl", "wget")
	got = w.run("build-libcurl", "--version", "7.47.1")
	requireRefused(t, got, 1, "neither curl nor wget is installed")
	w.requireNothingLeft()
}

func TestDownloadThatIsNotTheRelease(t *testing.T) {
	w := newWorld(t)
	w.stub("curl", `while [ "$1" != -o ]; do shift; done; echo bad >"$2"`)
	got := w.run("build-libcurl", "--version", "7.47.1")
	requireRefused(t, got, 1, "is not the official release")
	w.requireNothingLeft()
}

// aptStub answers like apt on a machine with one Debian mirror.
const aptStub = `case "$*" in
  *indextargets*) echo 'Packages|mirror:/debian/|trixie|main|Debian|' ;;
  *update*) %UPDATE% ;;
  *source*) %SOURCE% ;;
esac`

func TestNoNetworkForTheDefaultSource(t *testing.T) {
	w := newWorld(t)
	w.stub("apt-get", strings.NewReplacer(
		"%UPDATE%", "echo 'E: Failed to fetch: no route'; exit 100",
		"%SOURCE%", "exit 100").Replace(aptStub))
	got := w.run("build-libcurl")
	requireRefused(t, got, 1, "Debian's source package 0ad",
		"Failed to fetch: no route", "--source")
	w.requireNothingLeft()
}

func TestDebianSourceMustMatchThePinnedTree(t *testing.T) {
	w := newWorld(t)
	archive := filepath.Join(t.TempDir(), "0ad.tar")
	require.NoError(t, exec.Command("tar", "-C", w.tree(nil), "-cf", archive,
		".").Run())
	w.stub("apt-get", strings.NewReplacer("%UPDATE%", "exit 0",
		"%SOURCE%", "cp "+archive+" 0ad_9.orig.tar.gz").Replace(aptStub))
	got := w.run("build-libcurl")
	requireRefused(t, got, 1, "Debian's source package 0ad",
		"no pinned hash", "--source")
	w.requireNothingLeft()
}

// The suites that are known to carry the tree are asked first, even on a
// machine of another Debian release.
func TestPinnedSuitesAreAskedFirst(t *testing.T) {
	w := newWorld(t)
	w.stub("apt-get", strings.NewReplacer("%UPDATE%", "exit 100",
		"%SOURCE%", "exit 100").Replace(aptStub))
	requireRefused(t, w.run("build-libcurl"), 1, "Debian's source package 0ad")
	log, err := os.ReadFile(filepath.Join(w.cache, "logs/source-0ad.log"))
	require.NoError(t, err)
	var asked []string
	for line := range strings.Lines(string(log)) {
		if _, source, found := strings.Cut(line, "mirror:/debian/ "); found {
			asked = append(asked, strings.TrimSpace(source))
		}
	}
	require.Equal(t, []string{"bookworm main", "bullseye main", "trixie main"},
		asked)
}

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	for signal, code := range map[syscall.Signal]int{
		syscall.SIGINT: 130, syscall.SIGTERM: 143,
	} {
		t.Run(signal.String(), func(t *testing.T) {
			w := newWorld(t)
			started := filepath.Join(t.TempDir(), "started")
			require.NoError(t, syscall.Mkfifo(started, 0o600))
			tree := w.tree(map[string]string{
				"include/curl/curlver.h": tinyVersion("8.5.0"),
				"configure": "#!/bin/sh\necho started >" + started +
					"\nexec sleep 1000\n",
			})
			require.NoError(t, os.Chmod(filepath.Join(tree, "configure"), 0o755))

			command := w.command("build-libcurl", "--source", tree)
			command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			require.NoError(t, command.Start())
			reader, err := os.Open(started)
			require.NoError(t, err)
			_, err = bufio.NewReader(reader).ReadString('\n')
			require.NoError(t, err)
			require.NoError(t, reader.Close())

			require.NoError(t, syscall.Kill(-command.Process.Pid, signal))
			require.Error(t, command.Wait())
			require.Equal(t, code, command.ProcessState.ExitCode())
			w.requireNothingLeft()
		})
	}
}
