// Package readmetest compares the tables of the READMEs with the code that they
// describe.
package readmetest

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/show/readme"
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

// RequireLike is RequireTable for a table with contents that change by
// themselves, such as a date: compare is called with the table in the file.
func RequireLike(t *testing.T, file, name, want string, compare func(got string)) {
	t.Helper()
	got, err := readme.Between(file, name)
	require.NoError(t, err)
	if *update {
		require.NoError(t, readme.Replace(file, name, want))
		return
	}
	compare(got)
}
