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
	"slices"
	"strings"
	"testing"

	"github.com/curlpipe/curlpipe/harness/build/ctest"
)

// Where TestMain puts what it has compiled, and the folder of the libcurl.
var (
	demo          string
	sanitizedDemo string
	libraryPath   string
)

func TestMain(m *testing.M) { os.Exit(ctest.Main(m, build)) }

// build compiles c-demo into the folder, once normally and once with
// sanitizers.
func build(folder string) error {
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
	demo = filepath.Join(folder, "c-demo")
	sanitizedDemo = filepath.Join(folder, "c-demo-sanitized")
	for output, flags := range map[string][]string{
		demo:          nil,
		sanitizedDemo: ctest.Sanitize,
	} {
		if err := ctest.Compile(output, sources, append(slices.Clone(flags), libraries...)...); err != nil {
			return err
		}
	}
	return nil
}

// pkgConfig returns the output of pkg-config, or nothing if it fails.
func pkgConfig(arguments ...string) string {
	output, err := exec.Command("pkg-config", arguments...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(output))
}
