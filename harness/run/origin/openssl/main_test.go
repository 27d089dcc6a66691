package openssl

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/curlpipe/curlpipe/harness/build/ctest"
)

// Where TestMain puts what it compiled.
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
	for _, target := range []struct {
		output  string
		sources []string
		flags   []string
	}{
		{program, sources, []string{"-O2"}},
		{sanitized, sources, ctest.Sanitize},
		{leashed, []string{"testdata/client.c"}, nil},
	} {
		flags := append(slices.Clone(target.flags), "-lssl", "-lcrypto")
		if err := ctest.Compile(target.output, target.sources, flags...); err != nil {
			return err
		}
	}
	return nil
}
