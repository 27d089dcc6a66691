package openssl

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Where TestMain puts what it compiled.
var (
	program   string // the engine as it is built for runs
	sanitized string // the engine with sanitizers
	leashed   string // testdata/client.c
)

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "tls-engine-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot make a folder to compile into:", err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := build(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(folder string) error {
	sources, err := filepath.Glob("engine/*.c")
	if err != nil {
		return fmt.Errorf("looking for the engine's sources: %w", err)
	}
	program = filepath.Join(folder, "tls-engine")
	sanitized = filepath.Join(folder, "tls-engine-sanitized")
	leashed = filepath.Join(folder, "client")
	for _, target := range []struct {
		output  string
		sources []string
		flags   []string
	}{
		{program, sources, []string{"-O2"}},
		{sanitized, sources, []string{"-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"}},
		{leashed, []string{"testdata/client.c"}, []string{"-O1"}},
	} {
		arguments := append([]string{"-Wall", "-Wextra", "-Werror", "-g", "-o", target.output}, target.flags...)
		arguments = append(append(arguments, target.sources...), "-lssl", "-lcrypto")
		compiler := exec.Command("gcc", arguments...)
		if output, err := compiler.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", compiler.Args, err, output)
		}
	}
	return nil
}
