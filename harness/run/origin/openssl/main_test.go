package openssl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/curlpipe/curlpipe/harness/build/ctest"
)

// Where TestMain puts what it has compiled.
var (
	program   string // the engine as it is built for runs
	sanitized string // the engine with sanitizers
	leashed   string // testdata/client.c
)

func TestMain(m *testing.M) { os.Exit(ctest.Main(m, build)) }

func build(folder string) error {
	sources, err := filepath.Glob("engine/*.c")
	if err != nil {
		return fmt.Errorf("looking for the engine's sources: %w", err)
	}
	program = filepath.Join(folder, "tls-engine")
	sanitized = filepath.Join(folder, "tls-engine-sanitized")
	leashed = filepath.Join(folder, "client")
	return errors.Join(
		ctest.Compile(program, sources, "-O2", "-lssl", "-lcrypto"),
		ctest.Compile(sanitized, sources, append(slices.Clone(ctest.Sanitize), "-lssl", "-lcrypto")...),
		ctest.Compile(leashed, []string{"testdata/client.c"}, "-lssl", "-lcrypto"),
	)
}
