package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// benchWith is a folder with empty files of those names.
func benchWith(t *testing.T, names ...string) *Bench {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o755))
	}
	return &Bench{Folder: folder}
}

func TestSubjects(t *testing.T) {
	bench := &Bench{Folder: "/bench"}
	var names []string
	for _, s := range bench.Subjects() {
		names = append(names, s.Name)
		require.Equal(t, filepath.Join("/bench", s.Name), s.Path)
		require.NotEmpty(t, s.Drivers, s.Name)
		require.NotEmpty(t, s.Summary, s.Name)
	}
	require.Equal(t, []string{"c-demo", "go-curl", "curlpipe"}, names)
}

func TestHasDriver(t *testing.T) {
	s := Subject{Drivers: []string{plan.DriverSocket}}
	require.True(t, s.HasDriver(plan.DriverSocket))
	require.False(t, s.HasDriver(plan.DriverPerform))
}

func TestFind(t *testing.T) {
	bench := benchWith(t, "go-curl")
	s, err := bench.Find("go-curl")
	require.NoError(t, err)
	require.Equal(t, "go-curl", s.Name)
	require.Equal(t, filepath.Join(bench.Folder, "go-curl"), s.Path)

	_, err = bench.Find("c-demo")
	require.ErrorContains(t, err, "the subject c-demo is not built")
	require.ErrorContains(t, err, "; run scripts/build-subjects")

	_, err = bench.Find("c_demo")
	require.EqualError(t, err, `there is no subject "c_demo"; there are: c-demo, go-curl, curlpipe`)
	var unknown *UnknownError
	require.ErrorAs(t, err, &unknown)
}

func TestEngine(t *testing.T) {
	bench := benchWith(t, "tls-engine")
	path, err := bench.Engine()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(bench.Folder, "tls-engine"), path)

	_, err = benchWith(t).Engine()
	require.ErrorContains(t, err, "the origin's TLS engine is not built")
	require.ErrorContains(t, err, "; run scripts/build-subjects")
}

func TestInterposer(t *testing.T) {
	bench := benchWith(t, "libinterposer.so")
	path, err := bench.Interposer()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(bench.Folder, "libinterposer.so"), path)

	_, err = benchWith(t).Interposer()
	require.ErrorContains(t, err, "the interposer is not built")
	require.ErrorContains(t, err, "; run scripts/build-subjects")
}
