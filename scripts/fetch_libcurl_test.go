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

// packagedManifest is what fetch-libcurl writes into a prefix.
type packagedManifest struct {
	Variant, Version         string
	Pipelining, Multiplexing bool
	OpenSSL                  struct{ Version, Prefix string }
	Source                   struct{ Origin, SHA256 string }
	Packages                 []struct{ Name, Version, SHA256 string }
}

// serveLibcurl makes apt serve a libcurl as well, with the nghttp2 that it
// needs and a libc that must be left out. Its OpenSSL has to have the given
// file.
func (w *world) serveLibcurl(suite, version, libssl string) {
	w.t.Helper()
	lib := w.t.TempDir()
	for _, each := range []struct{ name, needs string }{{"libnghttp2.so.14", ""}, {libssl, ""}, {"libcurl.so.4", "libnghttp2.so.14 " + libssl}} {
		arguments := []string{"-shared", "-Wl,--no-as-needed,-soname," + each.name, "-o", filepath.Join(lib, each.name), "-xc", "/dev/null", "-xnone"}
		for _, needed := range strings.Fields(each.needs) {
			arguments = append(arguments, filepath.Join(lib, needed))
		}
		output, err := exec.Command("cc", arguments...).CombinedOutput()
		require.NoError(w.t, err, "%s", output)
	}
	for name, file := range map[string]string{"libcurl4x": "libcurl.so.4", "libnghttp2-14": "libnghttp2.so.14", "libc6": "libc.so.6"} {
		folder := w.t.TempDir()
		content, _ := os.ReadFile(filepath.Join(lib, file)) // no libc
		w.write(filepath.Join(folder, "usr/lib/some-linux-machine", file), string(content))
		w.pack(name, version, folder)
	}
	w.stub("apt-cache", `case "$*" in
  *madison*) echo 'libcurl4-openssl-dev | `+version+` | http://mirror `+suite+`/main all Packages' ;;
  *show*) echo "Depends: libcurl4x (= 1), libc6" ;;
esac`)
	w.stub("apt-get", `echo "$*" >>`+w.root+`/trace
case "$*" in
  *indextargets*) echo 'Packages|http://mirror/|stable|main|Debian|/keys.gpg' ;;
  *install*) for a; do last=$conf; conf=$a; [ "$last" != -c ] || into=$(dirname "$a")/cache/archives; done
    cp `+w.root+`/pool/lib[cn]*.deb "$into" ;;
esac`)
}

func (w *world) packagedManifest(prefix string) (m packagedManifest) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(prefix, "manifest.json"))
	require.NoError(w.t, err)
	require.NoError(w.t, json.Unmarshal(text, &m))
	return m
}

func TestASuitesOwnLibcurl(t *testing.T) {
	w := newCheckout(t)
	w.serve("sturdy", "9.1.1-1")
	openssl, _ := w.openssl("--suite", "sturdy")
	require.NoError(t, os.RemoveAll(filepath.Join(w.root, "pool")))
	w.serveLibcurl("sturdy", "8.99.1-2+deb1u1", "libssl.so.9")

	got := w.run("fetch-libcurl", "--openssl", openssl)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "libcurl 8.99.1 (8.99.1-2+deb1u1)")
	prefix := strings.TrimSuffix(got.stdout, "\n")
	link, err := filepath.EvalSymlinks(filepath.Join(w.cache, "libcurl/by-name/packaged-openssl-sturdy"))
	require.NoError(t, err)
	require.Equal(t, link, prefix)
	require.Equal(t, []string{"libcrypto.so.9", "libcurl.so.4", "libnghttp2.so.14", "libssl.so.9"}, names(t, filepath.Join(prefix, "lib")))
	m := w.packagedManifest(prefix)
	require.Equal(t, "packaged", m.Variant)
	require.Equal(t, "8.99.1", m.Version)
	require.False(t, m.Pipelining)
	require.True(t, m.Multiplexing)
	require.Equal(t, openssl, m.OpenSSL.Prefix)
	require.Equal(t, "9.1.1", m.OpenSSL.Version)
	require.Equal(t, "Debian suite sturdy, package libcurl4x 8.99.1-2+deb1u1", m.Source.Origin)
	require.Len(t, m.Packages, 2, "libc is not in it")
	for _, p := range m.Packages {
		require.Regexp(t, `^[0-9a-f]{64}$`, p.SHA256)
	}

	require.NoError(t, os.Remove(filepath.Join(w.root, "trace")))
	again := w.run("fetch-libcurl", "--openssl", openssl)
	require.Equal(t, got.stdout, again.stdout)
	require.Empty(t, again.stderr)
	require.NoFileExists(t, filepath.Join(w.root, "trace"), "nobody is asked again")
	again = w.run("fetch-libcurl", "--openssl", openssl, "--refresh")
	require.Equal(t, got.stdout, again.stdout, "nothing newer came")
	require.FileExists(t, filepath.Join(w.root, "trace"))
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
}

func TestASuiteWhoseLibcurlHasAnotherOpenSSL(t *testing.T) {
	w := newCheckout(t)
	w.serve("sturdy", "9.1.1-1")
	openssl, _ := w.openssl("--suite", "sturdy")
	w.serveLibcurl("sturdy", "8.99.1-2", "libssl.so.8")
	got := w.run("fetch-libcurl", "--openssl", openssl)
	requireRefused(t, got, 1, "the libcurl 8.99.1 of suite sturdy wants libssl.so.8, which its OpenSSL 9.1.1 is not")
	require.Empty(t, names(t, filepath.Join(w.cache, "tmp")))
}

func TestTheMachinesOwnLibcurl(t *testing.T) {
	w := newCheckout(t)
	got := w.run("fetch-libcurl")
	require.Zero(t, got.code, got.stderr)
	prefix := strings.TrimSuffix(got.stdout, "\n")
	m := w.packagedManifest(prefix)
	require.Regexp(t, `^[78]\.[0-9]+\.[0-9]+$`, m.Version)
	require.Regexp(t, `^[1-9]\.[0-9]+\.[0-9]+[a-z]?$`, m.OpenSSL.Version)
	require.Empty(t, m.OpenSSL.Prefix)
	target, err := os.Readlink(filepath.Join(prefix, "lib/libcurl.so.4"))
	require.NoError(t, err)
	require.Equal(t, "this machine's "+target, m.Source.Origin)
	require.Equal(t, got.stdout, w.run("fetch-libcurl").stdout)

	w.stub("ldconfig", "echo 'libm.so.6 (libc6,x86-64) => /lib/libm.so.6'")
	got = w.run("fetch-libcurl", "--refresh")
	requireRefused(t, got, 1, "this machine has no libcurl.so.4 of its own", "apt-get install libcurl4")
}

func TestFetchLibcurlRefuses(t *testing.T) {
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"--nonsense"}, "unknown argument --nonsense"},
		{[]string{"--openssl"}, "--openssl needs a value"},
		{[]string{"--openssl", ""}, "--openssl needs a folder"},
	} {
		requireRefused(t, newWorld(t).run("fetch-libcurl", test.args...), 2, "fetch-libcurl: ", test.says, "--help")
	}
	w := newCheckout(t)
	tree := filepath.Join(t.TempDir(), "tree")
	w.writeOpenSSL(tree, "9.3.0")
	prefix, _ := w.openssl("--source", tree)
	requireRefused(t, w.run("fetch-libcurl", "--openssl", prefix), 1, "is not the OpenSSL of a Debian suite")
}
