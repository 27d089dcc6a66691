package curlpipe

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/curlpipe/internal/cmemory"
)

var stormSize = flag.Int("storm", 20_000, "`requests` of the cancellation storm, over TLS and again without")

const (
	stormCallers = 200
	stormDepth   = 50

	// How much memory a storm may leave in use, whatever its size: grown lists,
	// pooled buffers, and the caches of OpenSSL and malloc.
	stormGoTolerance = 2 << 20
	stormCTolerance  = 2 << 20
)

// storm sends requests through one transport and cancels every other one.
type storm struct {
	server    *server
	transport *Transport
	seen      []atomic.Bool // by request: the server has received it
	cancels   sync.Map      // by request: what the server calls when it has received it

	// The cancelled requests, by the moment when they were cancelled.
	before, queued, onWire, inBody, tooLate atomic.Int64
	failures                                atomic.Int64
	firstFailure                            atomic.Pointer[error]
}

// patient has a transport wait for every response that nobody wants. Otherwise it
// opens another connection if the server, in the same process, is slow for a
// moment, as on a busy machine.
func patient(transport *Transport) *Transport {
	transport.patience, transport.MaxAbandonedTime = time.Hour, time.Hour
	return transport
}

// stormBody returns the body of a request's response: its number, repeated.
func stormBody(number int) string {
	words := 1 + number%7*3
	if number%101 == 0 {
		words = 60_000 // more than ReadBufferSize, so it arrives in part after the header section was delivered
	}
	return strings.Repeat(fmt.Sprintf("%08d ", number), words)
}

func newStorm(t *testing.T, overTLS bool, largest int) *storm {
	s := &storm{seen: make([]atomic.Bool, largest)}
	s.server = newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
		number, err := strconv.Atoi(request.URL.Path[1:])
		if err != nil || s.seen[number].Swap(true) {
			panic("not a request of this storm, or one that came twice: " + request.URL.Path)
		}
		if cancel, wanted := s.cancels.LoadAndDelete(number); wanted {
			cancel.(context.CancelFunc)()
		}
		_, _ = io.WriteString(writer, stormBody(number))
	})
	s.transport = newTestTransport(t, s.server, patient(&Transport{MaxPipelineDepth: stormDepth}))
	return s
}

// run sends the requests first to end-1 and waits for all of them.
func (s *storm) run(first, end int) {
	var group sync.WaitGroup
	var next atomic.Int64
	next.Store(int64(first))
	for range stormCallers {
		group.Go(func() {
			for number := int(next.Add(1)) - 1; number < end; number = int(next.Add(1)) - 1 {
				if err := s.one(number); err != nil {
					s.failures.Add(1)
					s.firstFailure.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
}

// one sends a request. It returns an error if the result is not allowed.
func (s *storm) one(number int) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	doomed := number%2 == 0
	readFirst := -1
	if doomed {
		switch rand.IntN(5) {
		case 0:
			cancel()
		case 1, 2: // waiting in the queue or on the wire
			defer time.AfterFunc(rand.N(10*time.Millisecond), cancel).Stop()
		case 3: // while the body streams
			readFirst = rand.IntN(len(stormBody(number)) + 1)
		case 4: // by the server, before it answers
			s.cancels.Store(number, cancel)
			defer s.cancels.Delete(number)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/%d", s.server.URL, number), nil)
	if err != nil {
		return err
	}
	alive := ctx.Err() == nil
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		return s.cancelled(number, doomed, alive, err)
	}
	defer response.Body.Close()
	want := stormBody(number)
	if readFirst >= 0 {
		part := make([]byte, readFirst)
		if _, err := io.ReadFull(response.Body, part); err != nil || string(part) != want[:readFirst] {
			return fmt.Errorf("%d: the body began with %.40q, error %w", number, part, err)
		}
		cancel()
		s.inBody.Add(1)
		want = want[readFirst:]
	}
	rest, err := io.ReadAll(response.Body)
	switch {
	case !strings.HasPrefix(want, string(rest)):
		return fmt.Errorf("%d was answered with %.40q", number, rest)
	case err == nil && len(rest) != len(want):
		return fmt.Errorf("%d: %d bytes instead of %d, and no error", number, len(rest), len(want))
	case err != nil && !(doomed && errors.Is(err, context.Canceled)):
		return fmt.Errorf("%d: %w", number, err)
	case err == nil && doomed:
		s.tooLate.Add(1)
	}
	return nil
}

// cancelled judges a request that ended without a response.
func (s *storm) cancelled(number int, doomed, alive bool, err error) error {
	switch {
	case !doomed || !errors.Is(err, context.Canceled):
		return fmt.Errorf("%d: %w", number, err)
	case !alive:
		s.before.Add(1)
	case s.seen[number].Load():
		s.onWire.Add(1)
	default:
		s.queued.Add(1) // or in flight, and the server has not received it yet
	}
	return nil
}

// memory returns the bytes in use after a garbage collection.
type memory struct{ goHeap, cHeap int64 }

func memoryInUse() memory {
	runtime.GC() // twice, because pools are emptied in two collections
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return memory{int64(stats.HeapAlloc), cmemory.InUse()}
}

func TestCancellationStormLeavesNothingBehind(t *testing.T) {
	notShort(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		if !overTLS {
			needsPipelining(t) // without pipelining, hardly any request is cancelled while it is in flight
		}
		size := *stormSize
		warmUp := min(size, 2000)
		goroutines, files := runtime.NumGoroutine(), openFiles()
		s := newStorm(t, overTLS, warmUp+size)
		settled := func() bool {
			stats := s.transport.Stats()
			return stats.InFlight == 0 && stats.Queued == 0
		}
		s.run(0, warmUp)
		until(t, settled, "the abandoned ones of the first storm have ended")
		then := memoryInUse()

		begun := time.Now()
		s.run(warmUp, warmUp+size)
		until(t, settled, "the abandoned ones have ended")
		took := time.Since(begun)
		now := memoryInUse()

		if failure := s.firstFailure.Load(); failure != nil {
			t.Errorf("%d requests failed that should not have, the first: %v", s.failures.Load(), *failure)
		}
		stats := s.transport.Stats()
		t.Logf("%+v", stats)
		t.Logf("%d requests in %s; cancelled: %d before, %d in the queue, %d on the wire, %d in the body, %d too late; Go heap %+d bytes, C heap %+d, %d easy handles",
			size, took.Round(time.Millisecond), s.before.Load(), s.queued.Load(), s.onWire.Load(), s.inBody.Load(), s.tooLate.Load(),
			now.goHeap-then.goHeap, now.cHeap-then.cHeap, stats.EasyHandles)
		for moment, count := range map[string]*atomic.Int64{
			"before": &s.before, "in the queue": &s.queued, "on the wire": &s.onWire, "in the body": &s.inBody,
		} {
			require.Positive(t, count.Load(), "none was cancelled %s: the storm did not exercise it", moment)
		}
		require.Positive(t, stats.BodiesAbandoned)
		require.EqualValues(t, 1, s.server.accepted.Load())
		require.EqualValues(t, 1, stats.ConnectionsOpened)
		require.Zero(t, stats.Retries)
		require.LessOrEqual(t, stats.EasyHandles, int64(stormDepth+1))
		require.Less(t, now.goHeap-then.goHeap, int64(stormGoTolerance))
		require.Less(t, now.cHeap-then.cHeap, int64(stormCTolerance))

		require.NoError(t, s.transport.Close())
		s.server.Close()
		const asking = 1 // until itself uses a goroutine
		until(t, func() bool { return runtime.NumGoroutine() <= goroutines+asking && openFiles() <= files },
			"goroutines and files are as many as before")
	})
}
