package embedded

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExtract(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	path, err := Extract("README.md") // the one file that is always embedded
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(content), "scripts/build-subjects")
	again, err := Extract("README.md")
	require.NoError(t, err)
	require.Equal(t, path, again)

	_, err = Extract("nothing")
	require.EqualError(t, err, "this pipelab has no nothing inside; build it with scripts/build-subjects")
}
