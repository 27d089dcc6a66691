package style

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// names are those of the custom properties that a text sets.
func names(text string) []string {
	var list []string
	for _, found := range regexp.MustCompile(`(--[a-z]+):`).FindAllStringSubmatch(text, -1) {
		list = append(list, found[1])
	}
	return list
}

func TestEveryBackgroundHasEveryColour(t *testing.T) {
	require.NotEmpty(t, names(light))
	require.Equal(t, names(light), names(dark))
	require.Equal(t, names(light), names(print))
}

// TestNobodyUsesAnotherColour looks at all that a person sees.
func TestNobodyUsesAnotherColour(t *testing.T) {
	var used, literal []string
	for _, folder := range []string{"..", "../../many"} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !regexp.MustCompile(`\.(css|html|go)$`).MatchString(path) ||
				filepath.Base(path) == "style.go" || regexp.MustCompile(`_test\.go$`).MatchString(path) {
				return err
			}
			text, err := os.ReadFile(path)
			for _, found := range regexp.MustCompile(`var\((--[a-z]+)\)`).FindAllSubmatch(text, -1) {
				used = append(used, string(found[1]))
			}
			for _, found := range regexp.MustCompile(`[:"]\s*#(?:[0-9a-f]{3}){1,2}\b`).FindAll(text, -1) {
				literal = append(literal, path+": "+string(found))
			}
			return err
		}))
	}
	require.NotEmpty(t, used)
	require.Subset(t, names(light), used)
	require.Empty(t, literal)
}

func TestClass(t *testing.T) {
	require.Equal(t, "pass", Class(judge.Pass))
	require.Equal(t, "fail", Class(judge.Fail))
	require.Equal(t, "other", Class(judge.Inconclusive))
	require.Equal(t, "other", Class(judge.NotApplicable))
}
