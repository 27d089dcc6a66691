package readme

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReplaceBetweenTheComments(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n<!-- bench: by command -->\nold\n<!-- end -->\nafter\n<!-- end -->\n"), 0o600))
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for range 2 {
		require.NoError(t, Replace(name, "bench", Table("head\nrow\n", day)))
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Regexp(t, `(?s)^before\n<!-- bench: by command -->\n    head\n    row\n\nMeasured on 2026-11-23: \d+ cores.*\n<!-- end -->\nafter\n<!-- end -->\n$`, string(text))
	}
}

func TestAFileWithoutTheCommentsIsLeftAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("text\n"), 0o600))
	require.ErrorContains(t, Replace(name, "bench", ""), "begins with bench:")
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "text\n", string(text))
	require.ErrorContains(t, Replace(name+"x", "bench", ""), "reading what was measured")
}
