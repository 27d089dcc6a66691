package report

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// fields returns the names of a JSON object's fields.
func fields(t *testing.T, object any) []string {
	t.Helper()
	var names []string
	for name := range object.(map[string]any) {
		names = append(names, name)
	}
	return names
}

// The names are final, because programs read them. Add new ones here, too.
func TestDocumentHasTheDocumentedFields(t *testing.T) {
	r := run()
	r.SubjectError = "oops"
	r.Invariants = []judge.Finding{{ID: "one-connection", Verdict: judge.Fail, Expected: "1", Actual: "2", Rule: "RFC"}}
	path := filepath.Join(t.TempDir(), "runs.json")
	require.NoError(t, NewDocument([]outcome.Run{r}).WriteFile(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, json.Unmarshal(text, &document))

	require.ElementsMatch(t, []string{"openssl", "runs"}, fields(t, document))
	first := document["runs"].([]any)[0].(map[string]any)
	require.ElementsMatch(t, []string{
		"scenario", "subject", "driver", "library", "libcurl_version", "verdict", "connections", "resets",
		"requests", "answered", "own_response", "want_write", "want_read", "bad_write_retry", "duration_ms", "cpu_ms",
		"invariants", // the names up to here are the original ones
		"openssl", "tls", "seed", "repetition", "expected_verdict", "subject_error", "command",
	}, fields(t, first))
	require.ElementsMatch(t, []string{"id", "verdict", "expected", "actual", "rule"},
		fields(t, first["invariants"].([]any)[0]))
	require.Equal(t, "7.53.1 patched", first["library"])
	require.Equal(t, 6.0, first["want_write"])
	require.Equal(t, 5.0, first["want_read"])
	require.Equal(t, 4.0, first["bad_write_retry"])
}

func TestWriteFileKeepsEverything(t *testing.T) {
	document := NewDocument(recorded(t))
	path := filepath.Join(t.TempDir(), "runs.json")
	require.NoError(t, document.WriteFile(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var read Document
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, document, &read)
}

func TestNewDocumentNamesEachOpenSSL(t *testing.T) {
	old, own := run(), run()
	old.OpenSSL, own.OpenSSL = "1.0.1m", ""
	require.Equal(t, "3.0.19, 1.0.1m", NewDocument([]outcome.Run{run(), old, own, run()}).OpenSSL)
	require.Empty(t, NewDocument(nil).OpenSSL)

	text, err := json.Marshal(NewDocument(nil))
	require.NoError(t, err)
	require.JSONEq(t, `{"openssl": "", "runs": []}`, string(text), "no runs are an empty list, not null")
}

// namesIn lists a folder.
func namesIn(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWriteFileReplacesAnEarlierFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "runs.json")
	require.NoError(t, os.WriteFile(path, []byte("an earlier one, and a much longer one than the new one is"), 0o600))
	require.NoError(t, NewDocument(nil).WriteFile(path))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "{\n  \"openssl\": \"\",\n  \"runs\": []\n}\n", string(text))
	require.Equal(t, []string{"runs.json"}, namesIn(t, folder))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode(), "others may read it")
}

// TestWriteFileDoesNotFollowALink requires that a link in a folder that others
// can write to is not followed.
func TestWriteFileDoesNotFollowALink(t *testing.T) {
	folder := t.TempDir()
	for name, target := range map[string]string{"file": "precious", "nothing": "not-there"} {
		t.Run(name, func(t *testing.T) {
			link, led := filepath.Join(folder, name), filepath.Join(folder, target)
			if name == "file" {
				require.NoError(t, os.WriteFile(led, []byte("keep"), 0o600))
			}
			require.NoError(t, os.Symlink(led, link))
			require.NoError(t, NewDocument(nil).WriteFile(link))
			info, err := os.Lstat(link)
			require.NoError(t, err)
			require.True(t, info.Mode().IsRegular())
			if text, err := os.ReadFile(led); err == nil {
				require.Equal(t, "keep", string(text))
			} else {
				require.ErrorIs(t, err, os.ErrNotExist)
			}
		})
	}
}

func TestWriteFileThatFailsLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "runs.json")
	require.NoError(t, os.WriteFile(path, []byte("an earlier one"), 0o644))
	broken := NewDocument([]outcome.Run{{DurationMS: math.Inf(1)}}) // JSON has no infinity
	require.ErrorContains(t, broken.WriteFile(path), "writing "+path+": ")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "an earlier one", string(text))
	require.Equal(t, []string{"runs.json"}, namesIn(t, folder))

	require.ErrorContains(t, NewDocument(nil).WriteFile(folder), "writing "+folder+": ")
	require.ErrorContains(t, NewDocument(nil).WriteFile(filepath.Join(folder, "gone", "runs.json")), "no such file")
	require.Equal(t, []string{"runs.json"}, namesIn(t, folder))
}

// A file size limit of the process simulates a full disk: the write that
// exceeds it fails with EFBIG.
func TestWriteFileOnAFullDiskLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "runs.json")
	require.NoError(t, os.WriteFile(path, []byte("an earlier one"), 0o644))
	limitFileSize(t, 1000)
	err := NewDocument(recorded(t)).WriteFile(path)
	require.ErrorIs(t, err, syscall.EFBIG)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "an earlier one", string(text))
	require.Equal(t, []string{"runs.json"}, namesIn(t, folder))
}

func TestWriteFileWritesToAPipe(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	written := make(chan error, 1)
	go func() { written <- NewDocument(nil).WriteFile(path) }()
	reader, err := os.Open(path)
	require.NoError(t, err)
	defer reader.Close()
	text, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.NoError(t, <-written)
	require.JSONEq(t, `{"openssl": "", "runs": []}`, string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeNamedPipe, info.Mode().Type(), "it is still a pipe")
}
