package scripts_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// opensslManifest is what build-openssl writes into a prefix.
type opensslManifest struct {
	Name, Version, Origin, Loader string
	Packages                      []struct{ Name, Version, SHA256 string }
}

// opensslTree has the files that the script expects in an OpenSSL, and compiles
// quickly.
func opensslTree(version string) map[string]string {
	return map[string]string{
		"Configure": "",
		"config":    "#!/bin/sh\necho \"$*\" >options\n",
		"Makefile": "build_libs:\n" +
			"\techo 'int crypto;' | cc -shared -fPIC -Wl,-soname,libcrypto.so.9 -o libcrypto.so.9 -xc -\n" +
			"\tln -sf libcrypto.so.9 libcrypto.so\n" +
			"\techo 'extern int crypto; int *ssl(void) { return &crypto; }' | " +
			"cc -shared -fPIC -Wl,-soname,libssl.so.9 -o libssl.so.9 -xc - -L. -lcrypto\n" +
			"\tln -sf libssl.so.9 libssl.so\n",
		"include/openssl/ssl.h": "int *ssl(void);\n",
		"include/openssl/opensslv.h": "#define OPENSSL_VERSION_TEXT \"OpenSSL " + version +
			"  1 Jan 2026\"\n",
	}
}

// writeOpenSSL writes such a tree.
func (w *world) writeOpenSSL(directory, version string) {
	w.t.Helper()
	for name, content := range opensslTree(version) {
		w.write(filepath.Join(directory, name), content)
	}
	require.NoError(w.t, os.Chmod(filepath.Join(directory, "config"), 0o755))
}

// openssl runs build-openssl and requires that stdout is just a prefix.
func (w *world) openssl(args ...string) (string, outcome) {
	w.t.Helper()
	got := w.run("build-openssl", args...)
	require.Zero(w.t, got.code, got.stderr)
	prefix := strings.TrimSuffix(got.stdout, "\n")
	require.Equal(w.t, filepath.Join(w.cache, "openssl"), filepath.Dir(prefix))
	for _, file := range []string{
		"lib/libssl.so", "lib/libcrypto.so", "lib/pkgconfig/openssl.pc",
		"include/openssl/ssl.h", "include/openssl/opensslv.h", "manifest.json",
	} {
		require.FileExists(w.t, filepath.Join(prefix, file))
	}
	require.Empty(w.t, names(w.t, filepath.Join(w.cache, "tmp")))
	return prefix, got
}

func (w *world) opensslManifest(prefix string) (m opensslManifest) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(prefix, "manifest.json"))
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(text, &m))
	return m
}

// pack makes a Debian package of a folder, in the pool from which the stub of
// apt-get serves.
func (w *world) pack(name, version, folder string) {
	w.t.Helper()
	w.write(filepath.Join(folder, "DEBIAN/control"), "Package: "+name+
		"\nVersion: "+version+"\nArchitecture: all\nMaintainer: Nobody <nobody@invalid>\nDescription: none\n")
	pool := filepath.Join(w.root, "pool")
	require.NoError(w.t, os.MkdirAll(pool, 0o755))
	output, err := exec.Command("dpkg-deb", "-b", folder,
		filepath.Join(pool, name+"_"+version+"_all.deb")).CombinedOutput()
	require.NoError(w.t, err, "%s", output)
}

// serve makes apt serve a suite with these versions, newest first, of a
// libssl9. Only the last one can be downloaded.
func (w *world) serve(suite string, versions ...string) (trace string) {
	w.t.Helper()
	version := versions[len(versions)-1]
	tree := w.t.TempDir()
	w.writeOpenSSL(tree, strings.SplitN(version, "-", 2)[0])
	output, err := exec.Command("make", "-C", tree, "build_libs").CombinedOutput()
	require.NoError(w.t, err, "%s", output)
	runtime, dev := filepath.Join(w.t.TempDir(), "run"), filepath.Join(w.t.TempDir(), "dev")
	require.NoError(w.t, os.CopyFS(filepath.Join(dev, "usr/include"), os.DirFS(filepath.Join(tree, "include"))))
	require.NoError(w.t, os.RemoveAll(filepath.Join(dev, "usr/include/openssl/opensslv.h")))
	w.write(filepath.Join(dev, "usr/include/some-machine/openssl/opensslv.h"), opensslTree(strings.SplitN(version, "-", 2)[0])["include/openssl/opensslv.h"])
	w.write(filepath.Join(dev, "usr/lib/some-machine/pkgconfig/openssl.pc"), "prefix=/usr\nlibdir=/usr/lib/x\nincludedir=/usr/include\nName: openssl\nDescription: x\nVersion: 9\nLibs: -L${libdir} -lssl\n")
	for _, library := range []string{"libssl", "libcrypto"} {
		content, err := os.ReadFile(filepath.Join(tree, library+".so.9"))
		require.NoError(w.t, err)
		w.write(filepath.Join(runtime, "usr/lib/some-machine", library+".so.9"), string(content))
		require.NoError(w.t, os.MkdirAll(filepath.Join(dev, "usr/lib/some-machine"), 0o755))
		require.NoError(w.t, os.Symlink(library+".so.9", filepath.Join(dev, "usr/lib/some-machine", library+".so")))
	}
	w.pack("libssl9", version, runtime)
	w.pack("libssl-dev", version, dev)

	trace = filepath.Join(w.t.TempDir(), "trace")
	madison := ""
	for _, v := range versions {
		madison += "echo 'libssl-dev | " + v + " | http://mirror " + suite + "/main all Packages'\n"
	}
	w.stub("apt-cache", `case "$*" in
  *madison*) `+madison+` ;;
  *show*) echo "Depends: libssl9 (= 1), libc6" ;;
esac`)
	w.stub("apt-get", `echo "$*" >>`+trace+`
case "$*" in
  *indextargets*) echo 'Packages|http://mirror/|stable|main|Debian|/keys.gpg' ;;
  *update*) for a; do last=$conf; conf=$a; [ "$last" != -c ] || cp "$(dirname "$a")/sources.list" `+trace+`.sources; done ;;
  *download*) for a; do case $a in
      lib*) set -- `+w.root+`/pool/$(echo "$a" | tr = _)_*.deb; [ -e "$1" ] || set -- `+w.root+`/pool/${a}_*.deb
        [ -e "$1" ] || { echo "E: 404 $a" >&2; exit 100; }; cp "$1" . ;;
    esac; done ;;
esac`)
	return trace
}

func TestASuiteBecomesAPrefix(t *testing.T) {
	w := newCheckout(t)
	trace := w.serve("sturdy", "9.1.2-3", "9.1.1-1")
	prefix, got := w.openssl("--suite", "sturdy")
	require.Contains(t, got.stderr, "suite sturdy lists OpenSSL 9.1.2-3 but does not serve it")
	require.Contains(t, got.stderr, "OpenSSL 9.1.1 (9.1.1-1)")
	m := w.opensslManifest(prefix)
	require.Equal(t, "sturdy", m.Name)
	require.Equal(t, "9.1.1", m.Version)
	require.Equal(t, "Debian suite sturdy, package libssl9 9.1.1-1", m.Origin)
	require.Empty(t, m.Loader)
	require.Len(t, m.Packages, 2)
	for _, p := range m.Packages {
		require.Equal(t, "9.1.1-1", p.Version)
		require.Regexp(t, `^[0-9a-f]{64}$`, p.SHA256)
	}
	target, err := filepath.EvalSymlinks(filepath.Join(w.cache, "openssl/by-name/sturdy"))
	require.NoError(t, err)
	require.Equal(t, prefix, target)
	flags := exec.Command("pkg-config", "--cflags", "--libs", "openssl")
	flags.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(prefix, "lib/pkgconfig"))
	output, err := flags.Output()
	require.NoError(t, err)
	require.Contains(t, string(output), "pkgconfig/../../lib -lssl")
	sources, err := os.ReadFile(trace + ".sources")
	require.NoError(t, err)
	require.Equal(t, "deb [signed-by=/keys.gpg] http://mirror/ sturdy main\n", string(sources), "the machine's mirror and key")

	require.NoError(t, os.Remove(trace))
	again, got := w.openssl("--suite", "sturdy")
	require.Equal(t, prefix, again)
	require.Empty(t, got.stderr)
	require.NoFileExists(t, trace, "nobody is asked again")
	_, got = w.openssl("--suite", "sturdy", "--refresh")
	require.Contains(t, got.stderr, "fetching")
	require.FileExists(t, trace)
}

// A libssl that needs a newer libc than the machine's gets its suite's.
func TestASuiteBringsItsLibc(t *testing.T) {
	w := newCheckout(t)
	w.serve("newer", "9.2.0-1")
	w.stub("ldd", "echo \"libcrypto.so.9 => x; version \\`GLIBC_9.9' not found\"")
	libc := t.TempDir()
	w.write(filepath.Join(libc, "usr/lib/x/ld-linux-x.so.2"), "#!/bin/sh\necho \"libcrypto.so.9 => $2\"\n")
	w.write(filepath.Join(libc, "usr/lib/x/libc.so.6"), "")
	w.write(filepath.Join(libc, "usr/lib/x/gconv/UTF.so"), "")
	w.pack("libc6", "9-1", libc)
	prefix, got := w.openssl("--suite", "newer")
	require.Contains(t, got.stderr, "OpenSSL 9.2.0 (9.2.0-1), with its libc")
	m := w.opensslManifest(prefix)
	require.Equal(t, "libc/ld-linux-x.so.2", m.Loader)
	require.Equal(t, "libc6", m.Packages[0].Name)
	require.Equal(t, []string{"ld-linux-x.so.2", "libc.so.6"}, names(t, filepath.Join(prefix, "libc")))

	w.stub("ldd", "echo 'libzstd.so.1 => not found'")
	w.write(filepath.Join(libc, "usr/lib/x/ld-linux-x.so.2"), "#!/bin/sh\necho 'libzstd.so.1 => not found'\n")
	w.pack("libc6", "9-1", libc)
	got = w.run("build-openssl", "--suite", "newer", "--refresh")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "OpenSSL 9.2.0-1 of suite newer does not load here; log: ")
}

func TestSuitesThatDoNotServe(t *testing.T) {
	w := newCheckout(t)
	w.serve("sturdy", "9.1.2-3")
	require.NoError(t, os.RemoveAll(filepath.Join(w.root, "pool")))
	got := w.run("build-openssl", "--suite", "sturdy")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "suite sturdy serves no libssl-dev (E: 404 libssl-dev=9.1.2-3); log: ")

	w.stub("apt-get", `case "$*" in
  *indextargets*) echo 'Packages|http://mirror/|stable|main|Debian|/keys.gpg' ;;
  *) echo "E: no such suite" >&2; exit 100 ;;
esac`)
	got = w.run("build-openssl", "--suite", "gone")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "suite gone is not served (E: no such suite); log: ")

	w.stub("apt-get", "")
	got = w.run("build-openssl", "--suite", "trixie")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "apt is set up with no mirror of Debian on this machine")
	require.Empty(t, names(t, filepath.Join(w.cache, "openssl/by-name")))
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
}

func TestAnOpenSSLOfOnesOwn(t *testing.T) {
	w := newCheckout(t)
	tree := filepath.Join(t.TempDir(), "tree")
	w.writeOpenSSL(tree, "9.3.0")
	before := treeHash(t, tree)
	prefix, got := w.openssl("--source", tree)
	require.Contains(t, got.stderr, "building OpenSSL, source "+tree)
	m := w.opensslManifest(prefix)
	require.Equal(t, "9.3.0", m.Version)
	require.Equal(t, "own-"+before[:12], m.Name)
	require.Equal(t, before, m.Packages[0].SHA256)
	require.Equal(t, before, treeHash(t, tree), "the tree is left alone")
	again, got := w.openssl("--source", tree)
	require.Equal(t, prefix, again)
	require.Empty(t, got.stderr)

	archive := filepath.Join(t.TempDir(), "openssl-9.3.0.tar.gz")
	output, err := exec.Command("tar", "-C", filepath.Dir(tree), "-czf", archive, "tree").CombinedOutput()
	require.NoError(t, err, "%s", output)
	other, _ := w.openssl("--source", archive)
	require.NotEqual(t, prefix, other)

	w.write(filepath.Join(tree, "Makefile"), "build_libs:\n\t@echo 'fatal error: no luck'; exit 1\n")
	got = w.run("build-openssl", "--source", tree)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "compiling failed (fatal error: no luck); log: ")
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
}

func TestAnOldReleaseOfOpenSSL(t *testing.T) {
	w := newCheckout(t)
	w.stub("curl", "echo 'Could not resolve host' >&2; exit 6")
	got := w.run("build-openssl", "--version", "1.1.0l")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "cannot download https://www.openssl.org/source/old/1.1.0/openssl-1.1.0l.tar.gz")
	require.Contains(t, got.stderr, "(Could not resolve host); fetch openssl-1.1.0l.tar.gz by hand and pass it with --source, once")

	tree := filepath.Join(t.TempDir(), "openssl-1.1.0l")
	w.writeOpenSSL(tree, "1.1.0l")
	archive := tree + ".tar.gz"
	output, err := exec.Command("tar", "-C", filepath.Dir(tree), "-czf", archive, "openssl-1.1.0l").CombinedOutput()
	require.NoError(t, err, "%s", output)
	got = w.run("build-openssl", "--source", archive)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "openssl-1.1.0l.tar.gz is not the official release: SHA-256 ")

	sum, err := exec.Command("sha256sum", archive).Output()
	require.NoError(t, err)
	w.write(filepath.Join(w.root, "scripts/data/openssl-releases.tsv"), "1.1.0l\t"+strings.Fields(string(sum))[0]+"\t1\n")
	prefix, _ := w.openssl("--source", archive)
	require.Equal(t, "1.1.0l", w.opensslManifest(prefix).Name)
	require.NoError(t, os.Remove(archive))
	again, _ := w.openssl("--version", "1.1.0l")
	require.Equal(t, prefix, again, "what was brought by hand is found by its version")
}

func TestBuildOpenSSLRefusesCommandLines(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{nil, "--suite, --version or --source is needed"},
		{[]string{"--nonsense"}, "unknown argument --nonsense"},
		{[]string{"trixie"}, "unknown argument trixie"},
		{[]string{"--suite"}, "--suite needs a value"},
		{[]string{"--suite", "../x"}, "--suite is a name such as trixie, not ../x"},
		{[]string{"--version"}, "--version needs a value"},
		{[]string{"--version", "1.1"}, "of the form 1.1.0l, not 1.1"},
		{[]string{"--version", "1.1.0a"}, "known are 1.0.1m 1.0.2u 1.1.0l"},
		{[]string{"--source", ""}, "--source needs a folder or an archive"},
		{[]string{"--source", ".", "--suite", "sid"}, "exclude each other"},
		{[]string{"--source", ".", "--refresh"}, "--refresh goes with --suite"},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			got := newWorld(t).run("build-openssl", test.args...)
			requireRefused(t, got, 2, "build-openssl: ", test.says, "--help")
		})
	}
	got := newWorld(t).run("build-openssl", "--source", "/nowhere")
	requireRefused(t, got, 1, "--source /nowhere: no such file or folder")
	got = newWorld(t).run("build-openssl", "--source", t.TempDir())
	requireRefused(t, got, 1, "not an OpenSSL tree (no Configure in it)")
}
