package subject

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// programsWith makes a folder with empty files of these names.
func programsWith(t *testing.T, names ...string) *Programs {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o755))
	}
	return &Programs{Folder: folder}
}

func TestSubjects(t *testing.T) {
	programs := &Programs{Folder: "/programs"}
	var names []string
	for _, s := range programs.Subjects() {
		names = append(names, s.Name)
		require.Equal(t, filepath.Join("/programs", s.Name), s.Path)
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
	programs := programsWith(t, "go-curl")
	s, err := programs.Find("go-curl")
	require.NoError(t, err)
	require.Equal(t, "go-curl", s.Name)
	require.Equal(t, filepath.Join(programs.Folder, "go-curl"), s.Path)

	_, err = programs.Find("c-demo")
	require.ErrorContains(t, err, "the subject c-demo is not built")
	require.ErrorContains(t, err, "; run scripts/build-subjects")

	_, err = programs.Find("c_demo")
	require.EqualError(t, err, `there is no subject "c_demo"; there are: c-demo, go-curl, curlpipe`)
	var unknown *UnknownError
	require.ErrorAs(t, err, &unknown)
}

func TestEngine(t *testing.T) {
	programs := programsWith(t, "tls-engine")
	path, err := programs.Engine()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(programs.Folder, "tls-engine"), path)

	_, err = programsWith(t).Engine()
	require.ErrorContains(t, err, "the origin's TLS engine is not built")
	require.ErrorContains(t, err, "; run scripts/build-subjects")
}

func TestInterposer(t *testing.T) {
	programs := programsWith(t, "libinterposer.so")
	path, err := programs.Interposer()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(programs.Folder, "libinterposer.so"), path)

	_, err = programsWith(t).Interposer()
	require.ErrorContains(t, err, "the interposer is not built")
	require.ErrorContains(t, err, "; run scripts/build-subjects")
}
