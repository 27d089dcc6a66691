package style

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// names returns the names of the custom properties that a text sets.
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

// TestNobodyUsesAnotherColour checks all pages and pictures.
func TestNobodyUsesAnotherColour(t *testing.T) {
	var used, literal []string
	for _, folder := range []string{"..", "../../many"} {
		require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !regexp.MustCompile(`\.(css|html|go)$`).MatchString(path) ||
				filepath.Base(path) == "palette.go" || regexp.MustCompile(`_test\.go$`).MatchString(path) {
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

// luminance is the relative luminance of a colour, as WCAG 2.2 defines it.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) == 4 {
		colour = "#" + strings.Repeat(colour[1:2], 2) + strings.Repeat(colour[2:3], 2) + strings.Repeat(colour[3:4], 2)
	}
	weights, sum := []float64{0.2126, 0.7152, 0.0722}, 0.0
	for i, weight := range weights {
		value, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		require.NoError(t, err)
		c := float64(value) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// TestContrast requires a contrast of 4.5:1 for text and 3:1 for what is drawn,
// by WCAG 2.2, 1.4.3 and 1.4.11.
func TestContrast(t *testing.T) {
	for name, text := range map[string]string{"light": light, "dark": dark, "print": print} {
		colours := make(map[string]string)
		for _, found := range regexp.MustCompile(`--([a-z]+): (#[0-9a-f]+)`).FindAllStringSubmatch(text, -1) {
			colours[found[1]] = found[2]
		}
		for pair, least := range map[string]float64{
			"ink paper": 4.5, "ink card": 4.5, "soft paper": 4.5, "soft card": 4.5, "link paper": 4.5, "link card": 4.5,
			"pass card": 4.5, "fail card": 4.5, "other card": 4.5, "pass paper": 4.5, "fail paper": 4.5, "other paper": 4.5,
			"wait lane": 3, "write lane": 3, "write wait": 3, "handshake lane": 3, "blocked lane": 3, "end blocked": 3,
			"end lane": 3, "end card": 3, "end paper": 3,
		} {
			one, other, _ := strings.Cut(pair, " ")
			light, dark := luminance(t, colours[one]), luminance(t, colours[other])
			if light < dark {
				light, dark = dark, light
			}
			require.GreaterOrEqual(t, (light+0.05)/(dark+0.05), least, "%s: %s", name, pair)
		}
	}
}
