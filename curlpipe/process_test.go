package curlpipe

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// roundTrips sends so many requests at once and checks each response.
func roundTrips(t *testing.T, transport *Transport, base string, count int) {
	t.Helper()
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			path := fmt.Sprintf("/%d", i)
			request, _ := http.NewRequest(http.MethodGet, base+path, nil)
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Error(err)
				return
			}
			if text := readAll(t, response); text != "you asked for "+path {
				t.Errorf("%s was answered with %q", path, text)
			}
		})
	}
	group.Wait()
}

func TestTenThousandInFlight(t *testing.T) {
	needsPipelining(t)
	const count = 10_000
	s, g := newGateServer(t, true)
	transport := newTestTransport(t, s, &Transport{MaxPipelineDepth: count})
	readAll(t, open(t.Context(), t, transport, s.URL)) // from now on libcurl knows that it can pipeline
	head := behind(t, transport, s.URL+"/wait", 1)
	<-g.arrived
	done := make(chan struct{})
	go func() {
		defer close(done)
		roundTrips(t, transport, s.URL, count-1)
	}()
	until(t, func() bool { return transport.Stats().InFlight == count }, "all are in flight")
	require.LessOrEqual(t, transport.Stats().EasyHandles, int64(count+1))
	g.open()
	require.NoError(t, (<-head[0]).err)
	<-done
	require.EqualValues(t, 1, s.accepted.Load())
	require.Zero(t, transport.Stats().Retries)
}

func TestOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo)
		transport := newTestTransport(t, s, &Transport{})
		roundTrips(t, transport, s.URL, 1000)
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

// TestProgramsStartMeanwhile forks and execs while requests run: the children
// get none of the sockets, and the connection stays.
func TestProgramsStartMeanwhile(t *testing.T) {
	needsPipelining(t) // a later libcurl has a socket pair of its own that programs inherit
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo)
		transport := newTestTransport(t, s, &Transport{})
		readAll(t, open(t.Context(), t, transport, s.URL))
		stop := make(chan struct{})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						roundTrips(t, transport, s.URL, 25)
					}
				}
			})
		}
		for range 30 {
			inherited, err := exec.Command("ls", "-l", "/proc/self/fd").Output()
			require.NoError(t, err)
			require.NotContains(t, string(inherited), "socket:")
			require.NotContains(t, string(inherited), "eventpoll")
		}
		close(stop)
		group.Wait()
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

const leaverURL = "CURLPIPE_TEST_LEAVER_URL"

// TestLeaver is the process that TestProcessThatNeverCloses starts.
func TestLeaver(t *testing.T) {
	target := os.Getenv(leaverURL)
	if target == "" {
		t.Skip("only as a process of its own")
	}
	transport := &Transport{InsecureSkipVerify: true}
	response, err := transport.RoundTrip(get(t, target))
	require.NoError(t, err)
	fmt.Println(readAll(t, response))
	go transport.RoundTrip(get(t, target+"/wait")) // has no time to be answered
	until(t, func() bool { return transport.Stats().InFlight == 1 }, "a request is in flight")
	os.Exit(0)
}

func TestProcessThatNeverCloses(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, _ := newGateServer(t, overTLS)
		child := exec.Command(os.Args[0], "-test.run=^TestLeaver$")
		child.Env = append(os.Environ(), leaverURL+"="+s.URL)
		var stderr strings.Builder
		child.Stderr = &stderr
		output, err := child.Output()
		require.NoError(t, err, "%s%s", output, stderr.String())
		require.Equal(t, "you asked for \n", strings.ReplaceAll(string(output), "/", ""))
		require.Empty(t, stderr.String())
	})
}
