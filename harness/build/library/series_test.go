package library

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newSeries makes a folder with a patch series: the text of the file "series",
// and the contents of the other files.
func newSeries(t *testing.T, series string, patches map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "series"), []byte(series), 0o644))
	for name, text := range patches {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	return folder
}

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

const (
	plainSeries = "b.patch\na.patch\n"
	quiltSeries = "# first\n\nb.patch -p1\n  a.patch # last\n#c.patch\n"
)

var patches = map[string]string{"a.patch": "AAA\n", "b.patch": "BBB\n", "c.patch": "CCC\n",
	"a@7.47.0-7.49.1.patch": "other\n", "a@7.60.0-7.61.1.none": "why\n"}

func TestSeriesHash(t *testing.T) {
	for _, series := range []string{plainSeries, quiltSeries} {
		got, err := SeriesHash(newSeries(t, series, patches))
		require.NoError(t, err)
		want := sum(series) + "  series\n" + sum("BBB\n") + "  b.patch\n" + sum("AAA\n") + "  a.patch\n" +
			sum("other\n") + "  a@7.47.0-7.49.1.patch\n" + sum("why\n") + "  a@7.60.0-7.61.1.none\n"
		require.Equal(t, sum(want), got, "the series, then each patch in its order with its other texts")
	}
}

// The script writes the hash into the manifest, and this package compares it.
func TestSeriesHashIsTheOneOfTheScripts(t *testing.T) {
	for _, series := range []string{plainSeries, quiltSeries} {
		folder := newSeries(t, series, patches)
		output := shell(t, `source "$0/hash.sh"; source "$0/series.sh"; series_hash "$1"`, folder)
		ours, err := SeriesHash(folder)
		require.NoError(t, err)
		require.Equal(t, output, ours+"\n")
	}
}

func TestSeriesHashNeedsEveryFile(t *testing.T) {
	_, err := SeriesHash(t.TempDir())
	require.ErrorContains(t, err, "series: no such file")
	_, err = SeriesHash(newSeries(t, "gone.patch\n", nil))
	require.ErrorContains(t, err, "gone.patch: no such file")
}

func TestFindComparesTheSeries(t *testing.T) {
	series := newSeries(t, plainSeries, patches)
	hash, err := SeriesHash(series)
	require.NoError(t, err)

	finder := newCache(t, "patched", patchedOf(hash))
	finder.Patches = series
	found, err := finder.Find("patched")
	require.NoError(t, err)
	require.Equal(t, "7.53.1 patched", found.Label())

	for name, command := range map[string]string{
		"patched":                 "scripts/build-libcurl --variant patched",
		"patched-7.47.1-sanitize": "scripts/build-libcurl --variant patched --version 7.47.1 --sanitize",
	} {
		finder = newCache(t, name, patchedOf(sum("another series")))
		finder.Patches = series
		_, err = finder.Find(name)
		require.EqualError(t, err, `the libcurl "`+name+`" was built from another patch series than the one in `+
			series+"; run "+command)
	}
}

func TestFindComparesTheSeriesOfAPrefixToo(t *testing.T) {
	finder := newCache(t, "patched", patchedOf(sum("another series")))
	prefix := filepath.Join(finder.Cache, "libcurl", "0123abcd")
	finder.Patches = newSeries(t, plainSeries, patches)
	_, err := finder.Find(prefix)
	require.ErrorContains(t, err, "another patch series")

	finder.Patches = ""
	_, err = finder.Find(prefix)
	require.NoError(t, err, "without a series there is nothing to compare")
}

// A user's own series can be tested, and a table says so.
func TestFindAcceptsASeriesOfOnesOwn(t *testing.T) {
	m := patchedOf(sum("my series"))
	m.OwnSeries = "/home/me/mine"
	finder := newCache(t, "patched", m)
	finder.Patches = newSeries(t, plainSeries, patches)
	found, err := finder.Find(filepath.Join(finder.Cache, "libcurl", "0123abcd"))
	require.NoError(t, err)
	require.Equal(t, "7.53.1 patched (series mine)", found.Label())
}

func TestLabelNamesTheFeatures(t *testing.T) {
	m := stock
	m.Features = full
	found, err := newCache(t, "stock-full", m).Find("stock-full")
	require.NoError(t, err)
	require.Equal(t, "7.53.1 stock full", found.Label())
}

func TestOnlyAPatchedLibraryNeedsTheSeries(t *testing.T) {
	finder := newCache(t, "stock", stock)
	finder.Patches = t.TempDir()
	_, err := finder.Find("stock")
	require.NoError(t, err)

	finder = newCache(t, "patched", patchedOf(sum("a series")))
	finder.Patches = t.TempDir()
	_, err = finder.Find("patched")
	require.ErrorContains(t, err, "reading the patch series")
}
