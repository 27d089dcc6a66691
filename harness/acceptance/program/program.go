// Package program compiles the C programs of the tests here, against the
// libcurl under test.
package program

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
)

// Libcurl builds a libcurl with these arguments of scripts/build-libcurl,
// unless it is in the cache, and returns its prefix.
func Libcurl(t *testing.T, arguments ...string) string {
	t.Helper()
	folder, err := checkout.Find()
	require.NoError(t, err)
	command := exec.Command(filepath.Join(folder.Folder, "scripts", "build-libcurl"), arguments...)
	command.Stderr = os.Stderr
	said, err := command.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(said))
}

// Compile compiles C files, and patches/proofs/drive.c, against the headers and the
// library in a prefix, and returns the path of the program, in a temporary folder of
// the test. Flags are added to the usual warnings.
func Compile(t *testing.T, prefix string, sources []string, flags ...string) string {
	t.Helper()
	folder, err := checkout.Find()
	require.NoError(t, err)
	proofs := filepath.Join(folder.Folder, "patches", "proofs")
	name := strings.TrimSuffix(filepath.Base(sources[0]), ".c")
	made := filepath.Join(t.TempDir(), name)
	arguments := []string{"-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-deprecated-declarations",
		"-I", filepath.Join(prefix, "include"), "-I", proofs, "-o", made, filepath.Join(proofs, "drive.c")}
	arguments = append(arguments, flags...)
	arguments = append(arguments, sources...)
	arguments = append(arguments, "-L", filepath.Join(prefix, "lib"), "-lcurl", "-lssl", "-lcrypto")
	said, err := exec.Command("cc", arguments...).CombinedOutput()
	require.NoError(t, err, "%s", said)
	return made
}

// Command is a run of a program with the libcurl in a prefix.
func Command(prefix, program string, arguments ...string) *exec.Cmd {
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(prefix, "lib"))
	return command
}
