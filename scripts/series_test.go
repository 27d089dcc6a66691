package scripts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newSeries is a series of four causes, two of them with other texts, in two
// groups, beside the world's cache.
func (w *world) newSeries() string {
	folder := filepath.Join(w.cache, "..", "series")
	for name, text := range map[string]string{
		"series": "0101-a.patch\n0102-b.patch # for quilt\n\n# none\n0301-c.patch\n0302-d.patch\n",
		"groups": "# number first last name\n01 7.30.0 7.61.1 one\n\n03 7.47.0 7.61.1 three\n",

		"0101-a.patch":               "a\n",
		"0101-a@7.30.0-7.46.0.patch": "a, old\n",
		"0101-a@7.60.0-7.61.1.patch": "a, new\n",
		"0102-b.patch":               "b\n",
		"0102-b@7.60.0-7.60.0.none":  "7.60.0 has it.\n",
		"0301-c.patch":               "c\n",
		"0302-d.patch":               "d\n",
	} {
		w.write(filepath.Join(folder, name), text)
	}
	return folder
}

func TestSeriesChoosesTheTextOfARelease(t *testing.T) {
	w := newWorld(t)
	folder := w.newSeries()
	const base = "0101-a.patch 0102-b.patch 0301-c.patch 0302-d.patch"
	for version, want := range map[string]string{
		"7.30.0": "0101-a@7.30.0-7.46.0.patch 0102-b.patch",
		"7.46.0": "0101-a@7.30.0-7.46.0.patch 0102-b.patch",
		"7.47.0": base,
		"7.53.1": base,
		"7.59.0": base,
		"7.60.0": "0101-a@7.60.0-7.61.1.patch 0301-c.patch 0302-d.patch",
		"7.61.1": "0101-a@7.60.0-7.61.1.patch 0102-b.patch 0301-c.patch 0302-d.patch",
	} {
		got := w.run("series", "--patches", folder, version)
		require.Zero(t, got.code, got.stderr)
		require.Equal(t, strings.Fields(want), strings.Fields(got.stdout), version)
	}
	got := w.run("series", "--patches", folder, "--groups", "3", "7.53.1")
	require.Equal(t, []string{"0301-c.patch", "0302-d.patch"}, strings.Fields(got.stdout))
}

func TestSeriesWritesThePlainSeries(t *testing.T) {
	w := newWorld(t)
	folder := w.newSeries()
	into := filepath.Join(t.TempDir(), "plain")
	got := w.run("series", "--patches", folder, "7.60.0", into)
	require.Zero(t, got.code, got.stderr)
	require.Contains(t, got.stderr, "3 patches for libcurl 7.60.0")
	require.Equal(t, []string{"0101-a.patch", "0301-c.patch", "0302-d.patch", "series"}, names(t, into))
	for name, want := range map[string]string{
		"0101-a.patch": "a, new\n", "series": "0101-a.patch\n0301-c.patch\n0302-d.patch\n",
	} {
		text, err := os.ReadFile(filepath.Join(into, name))
		require.NoError(t, err)
		require.Equal(t, want, string(text), name)
	}
	requireRefused(t, w.run("series", "--patches", folder, "7.60.0", into), 1, into, "is there already")
}

func TestSeriesRefuses(t *testing.T) {
	w := newWorld(t)
	folder := w.newSeries()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{}, 2, "no release given"},
		{[]string{"7.61"}, 2, "of the form 7.47.1, not 7.61"},
		{[]string{"7.61.1", "a", "b"}, 2, "unknown argument b"},
		{[]string{"--groups", "x", "7.61.1"}, 2, "not x"},
		{[]string{"7.62.0"}, 1, "the series is for 7.30.0 to 7.61.1"},
		{[]string{"7.29.0"}, 1, "the series is for 7.30.0 to 7.61.1"},
		{[]string{"--groups", "3", "7.46.0"}, 1, "no patch of"},
	} {
		requireRefused(t, w.run("series", append([]string{"--patches", folder}, c.args...)...), c.code, c.says)
	}
	w.write(filepath.Join(folder, "0102-b@7.60.patch"), "?\n")
	got := w.run("series", "--patches", folder, "7.53.1")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.stderr, "0102-b@7.60.patch: the name of another text ends in")
}
