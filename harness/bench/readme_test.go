package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFileIsUpdatedBetweenItsComments(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n<!-- bench: by command -->\nold\n<!-- end -->\nafter\n<!-- end -->\n"), 0o600))
	result := &Result{Rows: []Row{measured("floor", 0.5, 10).row()}, Separate: true}
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for range 2 {
		require.NoError(t, result.UpdateFile(name, day))
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Regexp(t, `(?s)^before\n<!-- bench: by command -->\n      client .*\n       floor .*\n\nMeasured on 2026-11-23: \d+ cores.*\n<!-- end -->\nafter\n<!-- end -->\n$`, string(text))
		require.NotContains(t, string(text), "old")
	}
}

func TestFileWithoutItsCommentsIsLeftAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("text\n"), 0o600))
	require.ErrorContains(t, (&Result{}).UpdateFile(name, time.Now()), "begins with bench:")
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "text\n", string(text))
}
