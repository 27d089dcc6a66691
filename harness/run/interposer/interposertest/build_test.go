// Package interposertest tests the interposer, the preloaded library that
// tells the judge what a subject's TLS and socket calls did. The tests compile
// it, and small clients to run under it, with gcc; the other end of each
// connection is a Go server that reads or does not read as a test needs it.
// (A folder of its own, because Go takes no C files beside Go files that do
// not use cgo.)
package interposertest

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
	interposer string // the preloaded library
	plain      string // testdata/plain.c
	tlsClient  string // testdata/tls.c
	tlsPlugin  string // testdata/tls.c as a library
	pluginHost string // testdata/plugin_host.c
	secureHost string // the same, linked to OpenSSL itself
	otherTLS   string // testdata/other_tls.c
	sanitized  string // testdata/plain.c and the interposer in one executable, with sanitizers
)

func TestMain(m *testing.M) { os.Exit(ctest.Main(m, build)) }

// build compiles everything into the folder.
func build(folder string) error {
	sources, err := filepath.Glob("../*.c")
	if err != nil {
		return fmt.Errorf("looking for the interposer's sources: %w", err)
	}
	interposer = filepath.Join(folder, "libinterposer.so")
	plain = filepath.Join(folder, "plain")
	tlsClient = filepath.Join(folder, "tls")
	tlsPlugin = filepath.Join(folder, "tls.so")
	pluginHost = filepath.Join(folder, "plugin_host")
	secureHost = filepath.Join(folder, "secure_host")
	otherTLS = filepath.Join(folder, "libssl-other.so")
	sanitized = filepath.Join(folder, "sanitized")

	return errors.Join(
		ctest.Compile(interposer, sources, "-shared", "-fPIC", "-ldl"),
		ctest.Compile(plain, []string{"testdata/plain.c"}, "-pthread"),
		ctest.Compile(tlsClient, []string{"testdata/tls.c"}, "-lssl", "-lcrypto"),
		ctest.Compile(tlsPlugin, []string{"testdata/tls.c"}, "-shared", "-fPIC", "-DTLS_PLUGIN", "-lssl", "-lcrypto"),
		ctest.Compile(pluginHost, []string{"testdata/plugin_host.c"}, "-ldl"),
		ctest.Compile(secureHost, []string{"testdata/plugin_host.c"}, "-Wl,--no-as-needed", "-lssl", "-lcrypto", "-ldl"),
		ctest.Compile(otherTLS, []string{"testdata/other_tls.c"}, "-shared", "-fPIC"),
		ctest.Compile(sanitized, append([]string{"testdata/plain.c"}, sources...),
			append(slices.Clone(ctest.Sanitize), "-pthread", "-ldl")...),
	)
}
