// Package cdemotest tests c-demo, the report's demo client as a subject. The
// tests compile it with gcc against the libcurl that pkg-config names
// (scripts/test points it at a prefix of ours) and let it run plans against
// an origin written here, which is honest unless a test says otherwise.
// (A folder of its own, because Go takes no C files beside Go files that do
// not use cgo.)
package cdemotest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Where TestMain puts what it compiled, and the folder of its libcurl.
var (
	demo          string
	sanitizedDemo string
	libraryPath   string
)

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	directory, err := os.MkdirTemp("", "cdemotest-")
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

// build compiles c-demo into directory, once as it is and once with sanitizers.
func build(directory string) error {
	libraryPath = pkgConfig("--variable=libdir", "libcurl")
	if libraryPath == "" {
		return fmt.Errorf("pkg-config finds no libcurl: run scripts/test, or set PKG_CONFIG_PATH to the lib/pkgconfig of what scripts/build-libcurl prints")
	}
	if exec.Command("pkg-config", "--max-version=7.61.1", "libcurl").Run() != nil {
		return fmt.Errorf("the libcurl in %s is too new, it does not pipeline: run scripts/test, or set PKG_CONFIG_PATH to the lib/pkgconfig of what scripts/build-libcurl prints", libraryPath)
	}
	libraries := strings.Fields(pkgConfig("--cflags", "--libs", "libcurl", "jansson"))
	sources, err := filepath.Glob("../*.c")
	if err != nil {
		return fmt.Errorf("looking for c-demo's sources: %w", err)
	}
	demo = filepath.Join(directory, "c-demo")
	sanitizedDemo = filepath.Join(directory, "c-demo-sanitized")
	for output, flags := range map[string][]string{
		demo:          nil,
		sanitizedDemo: {"-fsanitize=address,undefined", "-fno-sanitize-recover=all"},
	} {
		arguments := append([]string{"-Wall", "-Wextra", "-Werror", "-O1", "-g", "-o", output}, sources...)
		compiler := exec.Command("gcc", append(append(arguments, flags...), libraries...)...)
		if output, err := compiler.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", compiler.Args, err, output)
		}
	}
	return nil
}

// pkgConfig returns what pkg-config prints, or nothing when it fails.
func pkgConfig(arguments ...string) string {
	output, err := exec.Command("pkg-config", arguments...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
}
