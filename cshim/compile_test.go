package cshim

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompiles compiles the C for what the tests do not run on, where Debian's
// cross compilers are there, and with the declarations of POSIX alone.
func TestCompiles(t *testing.T) {
	include, err := exec.Command("pkg-config", "--variable=includedir", "libcurl").Output()
	require.NoError(t, err)
	sources, err := filepath.Glob("*.c")
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	for name, compiler := range map[string][]string{
		"arm64":           {"aarch64-linux-gnu-gcc", "-std=gnu11"},
		"arm64 with poll": {"aarch64-linux-gnu-gcc", "-std=gnu11", "-DCSHIM_POLL"},
		"musl":            {"musl-gcc", "-std=gnu11"},
		"musl with poll":  {"musl-gcc", "-std=gnu11", "-DCSHIM_POLL"},
		"POSIX.1-2008":    {"cc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-DCSHIM_POLL"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(compiler[0]); err != nil {
				t.Skipf("n/a: %v (Debian: gcc-aarch64-linux-gnu with libc6-dev-arm64-cross, musl-tools)", err)
			}
			arguments := append(compiler[1:], "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I"+strings.TrimSpace(string(include)))
			output, err := exec.Command(compiler[0], append(arguments, sources...)...).CombinedOutput()
			require.NoError(t, err, "%s", output)
		})
	}
}
