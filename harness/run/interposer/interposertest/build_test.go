// Package interposertest tests the interposer, the preloaded library that
// tells the judge what a subject's TLS and socket calls did. The tests compile
// it, and small clients to run under it, with gcc; the other end of each
// connection is a Go server that reads or does not read as a test needs it.
// (A folder of its own, because Go takes no C files beside Go files that do
// not use cgo.)
package interposertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Where TestMain puts what it compiled.
var (
	interposer string // the preloaded library
	plain      string // testdata/plain.c
	tlsClient  string // testdata/tls.c
	tlsPlugin  string // testdata/tls.c as a library
	pluginHost string // testdata/plugin_host.c
	sanitized  string // testdata/plain.c and the interposer in one executable, with sanitizers
)

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	directory, err := os.MkdirTemp("", "interposertest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot make a folder to compile into:", err)
		return 1
	}
	defer os.RemoveAll(directory)
	if err := build(directory); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// build compiles everything into directory.
func build(directory string) error {
	sources, err := filepath.Glob("../*.c")
	if err != nil {
		return fmt.Errorf("looking for the interposer's sources: %w", err)
	}
	interposer = filepath.Join(directory, "libinterposer.so")
	plain = filepath.Join(directory, "plain")
	tlsClient = filepath.Join(directory, "tls")
	tlsPlugin = filepath.Join(directory, "tls.so")
	pluginHost = filepath.Join(directory, "plugin_host")
	sanitized = filepath.Join(directory, "sanitized")

	for _, target := range []struct {
		output    string
		sources   []string
		arguments []string
	}{
		{interposer, sources, []string{"-shared", "-fPIC", "-ldl"}},
		{plain, []string{"testdata/plain.c"}, []string{"-pthread"}},
		{tlsClient, []string{"testdata/tls.c"}, []string{"-lssl", "-lcrypto"}},
		{tlsPlugin, []string{"testdata/tls.c"},
			[]string{"-shared", "-fPIC", "-DTLS_PLUGIN", "-lssl", "-lcrypto"}},
		{pluginHost, []string{"testdata/plugin_host.c"}, []string{"-ldl"}},
		{sanitized, append([]string{"testdata/plain.c"}, sources...),
			[]string{"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-pthread", "-ldl"}},
	} {
		arguments := append([]string{"-Wall", "-Wextra", "-Werror", "-O1", "-g", "-o", target.output}, target.sources...)
		compiler := exec.Command("gcc", append(arguments, target.arguments...)...)
		if output, err := compiler.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", compiler.Args, err, output)
		}
	}
	return nil
}
