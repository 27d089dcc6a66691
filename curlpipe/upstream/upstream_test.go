// Package upstream_test tests which releases of libcurl have the faults that
// package curlpipe works around or describes.
package upstream_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faults are the programs of testdata, with releases that have been seen with
// and without the fault. Results that depend on timing are shown, not asserted.
var faults = map[string]struct{ with, without []string }{
	"nul-line":             {[]string{"7.53.1", "7.61.1", "7.74.0", "7.88.1"}, []string{"8.14.1", "8.22.0", "8.23.0"}},
	"http2-flood":          {},
	"http2-cut-short":      {[]string{"7.88.1"}, []string{"8.14.1", "8.22.0", "8.23.0"}},
	"http2-reset-no-error": {[]string{"7.88.1", "8.14.1", "8.22.0", "8.23.0"}, nil},
	"http2-sent-twice":     {[]string{"7.88.1", "8.14.1", "8.22.0", "8.23.0"}, nil},
	"http2-upload-spins":   {},

	"http2-dead-connection": {[]string{"8.14.1"}, []string{"7.88.1", "8.5.0", "8.23.0"}},
	"http2-reset-late":      {},
	"http2-response-lost":   {[]string{"7.88.1"}, []string{"8.5.0", "8.14.1", "8.23.0"}},
	"http2-trailer-lost":    {[]string{"7.88.1", "8.5.0"}, []string{"8.14.1", "8.23.0"}},
}

// compile makes a program with the libcurl that pkg-config finds.
func compile(t *testing.T, source string) string {
	t.Helper()
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "libcurl").Output()
	require.NoError(t, err)
	made := filepath.Join(t.TempDir(), "program")
	arguments := append([]string{"-O1", "-Wall", "-Wextra", "-Werror", "-o", made, source}, strings.Fields(string(flags))...)
	said, err := exec.Command("cc", append(arguments, "-lpthread")...).CombinedOutput()
	require.NoError(t, err, "%s", said)
	return made
}

// A release that had a fault still shows it, and the others do not.
func TestFaultsOfLibcurl(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	sources, err := filepath.Glob("testdata/*.c")
	require.NoError(t, err)
	require.Len(t, sources, len(faults))
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".c")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault, known := faults[name]
			require.True(t, known)
			require.Contains(t, string(readme), "| `"+name+"` |")
			said, err := exec.Command(compile(t, source)).Output()
			if err != nil { // the fault is there
				var exited *exec.ExitError
				require.ErrorAs(t, err, &exited)
				require.Equal(t, 1, exited.ExitCode(), "%s", said)
			}
			t.Logf("%s", said)
			words := strings.Fields(string(said))
			release, _, patched := strings.Cut(words[0], "-doing")
			shown := words[1] == "shown:"
			for _, each := range fault.with {
				if each == release && words[1] != "none:" {
					require.Equal(t, !patched, shown, "%s", said)
				}
			}
			for _, each := range fault.without {
				if each == release {
					require.False(t, shown, "%s", said)
				}
			}
		})
	}
}
