package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
)

// makePackage makes a package of the patched libcurl in the cache.
func makePackage(t *testing.T, format string) string {
	t.Helper()
	cache, err := library.DefaultCache()
	require.NoError(t, err)
	found, err := checkout.Find()
	require.NoError(t, err)
	finder := library.Finder{Cache: cache}
	patched, err := finder.Find("patched")
	require.NoError(t, err)
	p := Package{
		Format: format, Prefix: patched.Prefix, Series: filepath.Join(found.Folder, "patches"),
		Release: "7", Packager: "A Packager <packager@example.com>",
		Changes: []Change{{Subject: "http: first change", Date: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}},
	}
	path, err := p.Write(t.TempDir())
	require.NoError(t, err)
	return path
}

// run returns the output of a program, and skips the test if it is not
// installed.
func run(t *testing.T, environment []string, name string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("there is no %s on this machine", name)
	}
	command := exec.Command(name, arguments...)
	command.Env = append(os.Environ(), environment...)
	said, err := command.CombinedOutput()
	require.NoError(t, err, string(said))
	return string(said)
}

// program prints which libcurl it runs with.
const program = `#include <stdio.h>
#include <curl/curl.h>
int main(void)
{
  puts(curl_version());
  return 0;
}
`

// A separate root stands in for the machine: dpkg installs below it. A program
// is built against that with pkg-config alone, and runs without
// LD_LIBRARY_PATH. dpkg removes everything again.
func TestDebIsInstalledBuiltAgainstAndRemoved(t *testing.T) {
	path := makePackage(t, Deb)
	require.Regexp(t, `/curlpipe-libcurl_7\.[0-9.]+\+doing\.[0-9]+-7_[a-z0-9]+\.deb$`, path)
	root := t.TempDir()
	for _, folder := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, folder), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o600))
	dpkg := []string{"--root=" + root, "--force-not-root", "--force-depends", "--log=" + filepath.Join(root, "log")}
	run(t, nil, "dpkg", append(dpkg, "-i", path)...)

	pc := "PKG_CONFIG_PATH=" + filepath.Join(root, Root, "lib/pkgconfig")
	flags := strings.Fields(run(t, []string{pc}, "pkg-config", "--cflags", "--libs", "libcurl"))
	source, built := filepath.Join(root, "main.c"), filepath.Join(root, "main")
	require.NoError(t, os.WriteFile(source, []byte(program), 0o600))
	run(t, nil, "cc", append([]string{source, "-o", built}, flags...)...)
	require.Contains(t, run(t, []string{"LD_LIBRARY_PATH="}, built), "-doing.")

	licence, err := os.ReadFile(filepath.Join(root, "usr/share/doc", Name, "copyright"))
	require.NoError(t, err)
	require.Contains(t, string(licence), "Daniel Stenberg")
	changes := run(t, nil, "zcat", filepath.Join(root, "usr/share/doc", Name, "changelog.Debian.gz"))
	require.Contains(t, changes, "http: first change")

	run(t, nil, "dpkg", append(dpkg, "--purge", Name)...)
	require.NoDirExists(t, filepath.Join(root, Root))
}

func TestDebSaysWhatItNeeds(t *testing.T) {
	fields := run(t, nil, "dpkg-deb", "--field", makePackage(t, Deb), "Depends", "Maintainer")
	require.Regexp(t, `Depends: .*libc6 \(>= [0-9.]+\).*libssl`, fields)
	require.Contains(t, fields, "Maintainer: A Packager <packager@example.com>")
}

func TestRPMHoldsTheSame(t *testing.T) {
	path := makePackage(t, RPM)
	listed := strings.Fields(run(t, nil, "rpm", "-qpl", "--requires", path))
	require.Subset(t, listed, []string{
		"/opt/curlpipe/lib/libcurl.so.4", "/opt/curlpipe/lib/libcurl.so", "/opt/curlpipe/lib/pkgconfig/libcurl.pc",
		"/opt/curlpipe/include/curl/curl.h", "/opt/curlpipe/manifest.json", "/usr/share/doc/curlpipe-libcurl/copyright",
		"libc.so.6()(64bit)",
	})
	require.Contains(t, run(t, nil, "rpm", "-qp", "--changelog", path), "http: first change")
}

func TestOnlyAPatchedLibraryIsPackaged(t *testing.T) {
	cache, err := library.DefaultCache()
	require.NoError(t, err)
	finder := library.Finder{Cache: cache}
	stock, err := finder.Find("stock")
	require.NoError(t, err)
	p := Package{Format: Deb, Prefix: stock.Prefix}
	_, err = p.Write(t.TempDir())
	require.ErrorContains(t, err, "a package is made of a patched libcurl")
	p.Prefix = filepath.Join(t.TempDir(), "nothing")
	_, err = p.Write(t.TempDir())
	require.ErrorContains(t, err, "nothing")
}
