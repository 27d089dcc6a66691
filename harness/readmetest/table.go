// Package readmetest holds the tables of the READMEs against what they are
// about. It stands beside the tests that make those tables.
package readmetest

import (
	"flag"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the tables of the READMEs anew instead of comparing them")

// RequireTable compares what stands in a file between the comment that begins
// with name and the next one that says end. With the flag -update it writes
// the table there instead.
func RequireTable(t *testing.T, file, name, want string) {
	t.Helper()
	RequireLike(t, file, name, want, func(got string) {
		require.Equal(t, want, got, "go test with -update writes it anew")
	})
}

// RequireLike is RequireTable for a table that holds what changes by itself,
// such as a date: compare gets what stands there.
func RequireLike(t *testing.T, file, name, want string, compare func(got string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	between := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]*-->\n)(.*?)(<!-- end -->)`)
	found := between.FindSubmatchIndex(text)
	require.NotNil(t, found, "%s has no table of %s", file, name)
	if *update {
		changed := string(text[:found[4]]) + want + string(text[found[5]:])
		require.NoError(t, os.WriteFile(file, []byte(changed), 0o644))
		return
	}
	compare(string(text[found[4]:found[5]]))
}
