package curlpipe

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// roundTrips sends n requests at once and checks each response.
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

// inherited counts the descriptors that a program inherits from this process,
// besides its standard input and outputs.
func inherited(t *testing.T) int {
	t.Helper()
	output, err := exec.Command("ls", "/dev/fd").Output()
	require.NoError(t, err)
	return strings.Count(string(output), "\n")
}

// TestProgramsStartMeanwhile forks and executes programs while requests run.
// They must inherit no descriptor of ours, and the connection must stay up.
func TestProgramsStartMeanwhile(t *testing.T) {
	needsPipelining(t) // later libcurls have a socket pair of their own that programs inherit
	forBoth(t, func(t *testing.T, overTLS bool) {
		before := inherited(t)
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
			require.Equal(t, before, inherited(t))
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
	go transport.RoundTrip(get(t, target+"/wait")) // the process ends before the answer
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

// setTo sets a limit whose type differs between systems.
func setTo[T int64 | uint64](limit *T, value int) { *limit = T(value) }

const starverURL = "CURLPIPE_TEST_STARVER_URL"

// TestStarver is the process that TestNoDescriptorsAtFirst starts.
func TestStarver(t *testing.T) {
	target := os.Getenv(starverURL)
	if target == "" {
		t.Skip("only as a process of its own")
	}
	var enough syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &enough))
	transport := &Transport{InsecureSkipVerify: true}
	defer transport.Close()
	for free := range 3 { // with two descriptors the engine starts, but no connection can be opened
		lowest, err := syscall.Dup(0)
		require.NoError(t, err)
		require.NoError(t, syscall.Close(lowest))
		few := enough
		setTo(&few.Cur, lowest+free)
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few))
		_, err = transport.RoundTrip(get(t, target))
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &enough))
		require.Error(t, err, "%d descriptors are free", free)
	}
	require.Equal(t, "you asked for /", readAll(t, open(t.Context(), t, transport, target+"/")))
}

// TestNoDescriptorsAtFirst requires that a transport works once there are file
// descriptors, although its first requests found none.
func TestNoDescriptorsAtFirst(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo)
		child := exec.Command(os.Args[0], "-test.run=^TestStarver$")
		child.Env = append(os.Environ(), starverURL+"="+s.URL)
		output, err := child.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
}

// TestRaceDetectorSeesSockets requires that what a handler wrote before its
// answer may be read after the answer, and the other way round, as with
// net/http. Without -race it tests nothing.
func TestRaceDetectorSeesSockets(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		shared := 0
		s := newServer(t, overTLS, func(_ http.ResponseWriter, request *http.Request) {
			shared++
			_, _ = io.Copy(io.Discard, request.Body)
			shared++
		})
		for name, make := range yardsticks {
			t.Run(name, func(t *testing.T) {
				roundTripper := make(t, s)
				shared = 0
				for range 10 {
					shared++
					request, err := http.NewRequest(http.MethodPost, s.URL, io.MultiReader(strings.NewReader("x"), readerFunc(func([]byte) (int, error) { return 0, io.EOF })))
					require.NoError(t, err)
					response, err := roundTripper.RoundTrip(request)
					require.NoError(t, err)
					readAll(t, response)
				}
				require.Equal(t, 30, shared)
			})
		}
	})
}
