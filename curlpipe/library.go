package curlpipe

import (
	"fmt"
	"os"
	"strings"
	"sync"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// library is what libcurl's version string says.
type library struct {
	version string // "libcurl/7.53.1-doing.1"
	number  uint32 // 0xXXYYZZ, as in LIBCURL_VERSION_NUM
	patched bool   // has this project's patches
	http2   bool   // can multiplex HTTP/2
}

// The releases that support what the engine needs. CURLMOPT_PIPELINING is
// ignored from 7.62.0 on; CURLMOPT_MAX_PIPELINE_LENGTH came with 7.30.0.
const (
	firstPipelining = 0x71e00
	firstWithout    = 0x73e00
)

// parseLibrary reads curl_version().
func parseLibrary(version string) (library, error) {
	name, _, _ := strings.Cut(version, " ")
	release, ok := strings.CutPrefix(name, "libcurl/")
	release, _, _ = strings.Cut(release, "-")
	var major, minor, patch uint32
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &major, &minor, &patch); !ok || n != 3 {
		return library{}, fmt.Errorf("curlpipe: cannot find the version of libcurl in %q", version)
	}
	return library{
		version: name,
		number:  major<<16 | minor<<8 | patch,
		http2:   strings.Contains(version, " nghttp2/"),
	}, nil
}

const keyLogVariable = "SSLKEYLOGFILE"

// initialised is whether curl_global_init() has worked. It is not safe to call
// from two threads at once in the releases that pipeline.
var initialised struct {
	sync.Mutex
	done bool
}

// initLibcurl calls curl_global_init() until it has succeeded once.
//
// Later releases read SSLKEYLOGFILE there and would log the secrets of every
// connection. Transport.KeyLogFile is the way to ask for that.
func initLibcurl() error {
	initialised.Lock()
	defer initialised.Unlock()
	if initialised.done {
		return nil
	}
	if file, set := os.LookupEnv(keyLogVariable); set {
		_ = os.Unsetenv(keyLogVariable)
		defer func() { _ = os.Setenv(keyLogVariable, file) }()
	}
	if err := curl.GlobalInit(curl.GLOBAL_ALL); err != nil {
		curl.GlobalCleanup() // otherwise the releases that pipeline count it as done the next time
		return fmt.Errorf("curlpipe: cannot initialise libcurl: %w", err)
	}
	initialised.done = true
	return nil
}

// loadedLibrary is the libcurl that this process has loaded.
func loadedLibrary() (library, error) {
	if err := initLibcurl(); err != nil {
		return library{}, err
	}
	lib, err := parseLibrary(curl.Version())
	lib.http2 = lib.http2 && cshim.HTTP2Watched()
	lib.patched = cshim.Patched()
	return lib, err
}
