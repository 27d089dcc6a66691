package curlpipe

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTableOfVulnerabilities requires that each row of SECURITY.md is complete,
// and that no row is repeated.
func TestTableOfVulnerabilities(t *testing.T) {
	text, err := os.ReadFile("../SECURITY.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| [CVE-") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), " | ")
		require.Len(t, cells, 5, line)
		id, _, _ := strings.Cut(strings.TrimPrefix(cells[0], "| ["), "]")
		require.Contains(t, cells[0], "https://curl.se/docs/"+id+".html")
		require.False(t, seen[id], "%s is there twice", id)
		seen[id] = true
		require.Regexp(t, `^([0-9.]+ )?to [0-9.]+$`, cells[1])
		require.Contains(t, []string{"by default", "through Configure", "no"}, cells[3])
		require.NotEmpty(t, strings.Trim(cells[4], " |"), "%s: what stands in the way", id)
	}
	require.NotEmpty(t, seen)
}
