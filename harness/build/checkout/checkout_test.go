package checkout

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newCheckout makes a folder with this go.mod and enters a folder below it.
func newCheckout(t *testing.T, goMod string) string {
	t.Helper()
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	below := filepath.Join(folder, "harness", "cmd")
	require.NoError(t, os.MkdirAll(below, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(goMod), 0o644))
	t.Chdir(below)
	return folder
}

func TestFindFromBelow(t *testing.T) {
	folder := newCheckout(t, "module github.com/curlpipe/curlpipe\n\ngo 1.26\n")
	found, err := Find()
	require.NoError(t, err)
	require.Equal(t, folder, found.Folder)
}

func TestFindPassesOtherModulesBy(t *testing.T) {
	folder := newCheckout(t, "module github.com/curlpipe/curlpipe\n")
	inner := filepath.Join(folder, "harness", "go.mod")
	require.NoError(t, os.WriteFile(inner, []byte("module example.com/other\n"), 0o644))
	found, err := Find()
	require.NoError(t, err)
	require.Equal(t, folder, found.Folder)
}

func TestFindOutsideOfACheckout(t *testing.T) {
	for _, goMod := range []string{"module example.com/other\n", "module github.com/curlpipe/curlpipe2\n"} {
		folder := newCheckout(t, goMod)
		found, err := Find()
		require.ErrorContains(t, err, "no checkout of curlpipe found above")
		require.ErrorContains(t, err, folder)
		require.Nil(t, found)
	}
}

func TestWhereThingsAre(t *testing.T) {
	c := Checkout{Folder: "/checkout"}
	require.Equal(t, "/checkout/build/subjects", c.Programs())

	t.Setenv("CURLPIPE_CACHE", "/cache")
	finder, err := c.Finder()
	require.NoError(t, err)
	require.Equal(t, "/cache", finder.Cache)
	require.Equal(t, "/checkout/patches", finder.Patches)

	t.Setenv("CURLPIPE_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err = c.Finder()
	require.ErrorContains(t, err, "set CURLPIPE_CACHE")
}
