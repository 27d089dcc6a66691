package cshim

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompilesWithOldHeaders compiles the C code with headers that claim to be
// libcurl 7.30.0's and lack the later names that the code uses.
func TestCompilesWithOldHeaders(t *testing.T) {
	include, err := exec.Command("pkg-config", "--variable=includedir", "libcurl").Output()
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(folder, "curl"), os.DirFS(filepath.Join(strings.TrimSpace(string(include)), "curl"))))
	for name, replace := range map[string]map[string]string{
		"curlver.h": {`(?m)^#define LIBCURL_VERSION_NUM .*`: "#define LIBCURL_VERSION_NUM 0x071e00"},
		"curl.h": {
			`\b(CURLE_HTTP2|CURLE_HTTP2_STREAM|CURLE_WEIRD_SERVER_REPLY|curl_tlssessioninfo|CURLSSLBACKEND_OPENSSL)\b`: "later_${1}",
			`\b(CURLOPT|CINIT)\(((?:CURLOPT_)?)CONNECT_TO\b`:                                                           "${1}(${2}LATER_CONNECT_TO",
		},
	} {
		file := filepath.Join(folder, "curl", name)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for pattern, by := range replace {
			found := regexp.MustCompile(pattern)
			require.Regexp(t, found, string(text), name)
			text = found.ReplaceAll(text, []byte(by))
		}
		require.NoError(t, os.WriteFile(file, text, 0o644))
	}
	sources, err := filepath.Glob("*.c")
	require.NoError(t, err)
	output, err := exec.Command("cc", append([]string{"-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I" + folder}, sources...)...).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// TestCompiles compiles the C code for other architectures, if Debian's cross
// compilers are installed, and with the declarations of POSIX alone.
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
