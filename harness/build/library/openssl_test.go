package library

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const trixie = `{"name": "trixie", "version": "3.5.9", "origin": "Debian suite trixie", "loader": "libc/ld.so",
	"packages": [{"name": "libc6", "version": "2.41-12", "sha256": "aa"}, {"name": "libssl-dev", "version": "3.5.9-1", "sha256": "bb"}]}`

// openSSL makes a prefix with this manifest; without one if it is empty.
func openSSL(t *testing.T, manifest string) string {
	t.Helper()
	prefix := t.TempDir()
	if manifest != "" {
		require.NoError(t, os.WriteFile(filepath.Join(prefix, "manifest.json"), []byte(manifest), 0o644))
	}
	return prefix
}

func TestReadOpenSSL(t *testing.T) {
	prefix := openSSL(t, trixie)
	b, err := ReadOpenSSL(prefix)
	require.NoError(t, err)
	require.Equal(t, &OpenSSLBuild{
		Name: "trixie", Version: "3.5.9", Origin: "Debian suite trixie", Loader: "libc/ld.so", Prefix: prefix,
		Packages: []Package{{"libc6", "2.41-12", "aa"}, {"libssl-dev", "3.5.9-1", "bb"}},
	}, b)
	require.Equal(t, "3.5.9-1", b.PackageVersion())
	require.Equal(t, "1.1.0l", (&OpenSSLBuild{Version: "1.1.0l"}).PackageVersion())

	b, err = ReadOpenSSL(openSSL(t, ""))
	require.NoError(t, err)
	require.Nil(t, b, "somebody's own says nothing")

	for manifest, problem := range map[string]string{"{": "is no manifest", "{}": "it names no version"} {
		_, err = ReadOpenSSL(openSSL(t, manifest))
		require.ErrorContains(t, err, problem)
		require.ErrorContains(t, err, "scripts/build-openssl --refresh")
	}
}

func TestALibraryKnowsItsOpenSSL(t *testing.T) {
	m := stock
	m.OpenSSL.Prefix = openSSL(t, trixie)
	found, err := newCache(t, "stock-openssl-trixie", m).Find("stock-openssl-trixie")
	require.NoError(t, err)
	require.Equal(t, "trixie", found.OpenSSL.Name)
	require.Equal(t, []string{
		m.OpenSSL.Prefix + "/libc/ld.so", "--library-path",
		found.Prefix + "/lib:" + m.OpenSSL.Prefix + "/libc:" + m.OpenSSL.Prefix + "/lib", "/the/program",
	}, found.Command("/the/program"))

	m.OpenSSL.Prefix = openSSL(t, `{"version": "1.1.1w"}`)
	found, err = newCache(t, "stock-openssl-bullseye", m).Find("stock-openssl-bullseye")
	require.NoError(t, err)
	require.Equal(t, []string{"/the/program"}, found.Command("/the/program"), "this machine's libc is new enough")

	found, err = newCache(t, "stock", stock).Find("stock")
	require.NoError(t, err)
	require.Nil(t, found.OpenSSL)
	require.Equal(t, []string{"/the/program"}, found.Command("/the/program"))

	m.OpenSSL.Prefix = openSSL(t, "{")
	_, err = newCache(t, "stock-openssl-broken", m).Find("stock-openssl-broken")
	require.ErrorContains(t, err, "is no manifest")
}
