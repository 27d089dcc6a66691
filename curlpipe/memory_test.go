package curlpipe

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A long run is -poor 200: ten minutes on two cores.
var poorSeeds = flag.Int("poor", 2, "`processes` whose allocations fail, over TLS and over plain HTTP each")

const (
	poorURL     = "CURLPIPE_TEST_POOR_URL"
	poorControl = "FAILING_MALLOC"
	failOneIn   = 500
)

// failAllocations makes one in this many allocations fail from now on; 0: none.
func failAllocations(t *testing.T, oneIn uint32) {
	file, err := os.OpenFile(os.Getenv(poorControl), os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.Write(binary.NativeEndian.AppendUint32(nil, oneIn))
	require.NoError(t, err)
}

// TestPoor is the process that TestAllocationsThatFail starts.
func TestPoor(t *testing.T) {
	target := os.Getenv(poorURL)
	if target == "" {
		t.Skip("only as a process of its own")
	}
	transport := &Transport{InsecureSkipVerify: true, ReadBufferSize: 1}
	_, err := putAndGet(t.Context(), transport, target+"/first", 0)
	require.NoError(t, err)

	failAllocations(t, failOneIn)
	var answered, failed, hung atomic.Int64
	var group sync.WaitGroup
	for caller := range 10 {
		group.Go(func() {
			for i := range 20 {
				path := fmt.Sprintf("/%d-%d", caller, i)
				// no request takes that long: one whose context ends has hung
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				right, err := putAndGet(ctx, transport, target+path, caller*7000)
				switch {
				case ctx.Err() != nil:
					hung.Add(1)
				case err != nil:
					failed.Add(1)
				case !right:
					t.Errorf("%s was answered with another's", path)
				default:
					answered.Add(1)
				}
				cancel()
			}
		})
	}
	group.Wait()
	fmt.Printf("answered %d, failed %d, hung %d\n", answered.Load(), failed.Load(), hung.Load())
	require.Zero(t, hung.Load())

	failAllocations(t, 0)
	for i := range 20 {
		right, err := putAndGet(t.Context(), transport, fmt.Sprintf("%s/after-%d", target, i), i*7000)
		require.NoError(t, err)
		require.True(t, right)
	}
	require.NoError(t, transport.Close())
}

// putAndGet makes a request with a body of this many octets, and reports whether its
// own answer arrived.
func putAndGet(ctx context.Context, transport *Transport, target string, octets int) (bool, error) {
	body := strings.Repeat("x", octets)
	method := http.MethodGet
	if octets > 0 {
		method = http.MethodPut
	}
	request, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return false, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text) == request.URL.Path+body, err
}

// TestAllocationsThatFail makes one in 500 allocations of libcurl, OpenSSL and the
// loop fail. Requests may then fail, but none hangs or gets another's response,
// and none fails when there is memory again. It needs a libcurl that pipelines:
// 7.88.1 divides by zero in its hash tables, among other faults, when its
// allocations fail.
func TestAllocationsThatFail(t *testing.T) {
	notShort(t)
	needsPipelining(t)
	if runtime.GOOS != "linux" {
		t.Skip("n/a: the C library's allocator is replaced as on Linux")
	}
	folder := t.TempDir()
	preload, control := filepath.Join(folder, "failing_malloc.so"), filepath.Join(folder, "control")
	output, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-o", preload, "testdata/failing_malloc.c", "-ldl").CombinedOutput()
	require.NoError(t, err, "%s", output)
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			body, _ := io.ReadAll(request.Body)
			_, _ = io.WriteString(writer, request.URL.Path+string(body))
		})
		for seed := range *poorSeeds {
			require.NoError(t, os.WriteFile(control, binary.NativeEndian.AppendUint32(make([]byte, 4), uint32(seed)), 0o600))
			child := exec.Command(os.Args[0], "-test.run=^TestPoor$", "-test.timeout=60s")
			child.Env = append(os.Environ(), poorURL+"="+s.URL, "LD_PRELOAD="+preload, poorControl+"="+control)
			output, err := child.CombinedOutput()
			if strings.Contains(string(output), "ASan runtime does not come first") {
				t.Skip("n/a: AddressSanitizer has an allocator of its own")
			}
			require.NoError(t, err, "seed %d: %s", seed, output)
			t.Logf("seed %d: %s", seed, strings.TrimSpace(string(output)))
		}
	})
}
