package curlpipe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// outcome is the result of a Do in another goroutine.
type outcome struct {
	response *http.Response
	err      error
}

// begin starts a Do in another goroutine.
func begin(ctx context.Context, t testing.TB, client *Client, target string) <-chan outcome {
	request := get(t, target)
	came := make(chan outcome, 1)
	go func() {
		response, err := client.Do(ctx, request)
		came <- outcome{response, err}
	}()
	return came
}

func TestCancelInFlight(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, g := newGateServer(t, overTLS)
		client := newTestClient(t, s, &Transport{})
		fetch(t, client, s.URL) // from now on libcurl knows that it can pipeline

		head := begin(t.Context(), t, client, s.URL+"/wait")
		<-g.arrived
		ctx, cancel := context.WithCancel(t.Context())
		second := begin(ctx, t, client, s.URL+"/second")
		third := begin(t.Context(), t, client, s.URL+"/third")
		until(t, func() bool { return client.Stats().InFlight == 3 }, "three in flight")

		cancel()
		left := <-second // while the server still holds back the response before it
		require.ErrorIs(t, left.err, context.Canceled)
		require.EqualValues(t, 1, client.Stats().Abandoned)
		require.EqualValues(t, 3, client.Stats().InFlight)

		g.open()
		first, last := <-head, <-third
		require.NoError(t, first.err)
		require.NoError(t, last.err)
		require.Equal(t, "you asked for /wait", readAll(t, first.response))
		require.Equal(t, "you asked for /third", readAll(t, last.response))
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

func TestCancelWhileQueued(t *testing.T) {
	s, g := newGateServer(t, true)
	client := newTestClient(t, s, &Transport{MaxPipelineDepth: 1})

	head := begin(t.Context(), t, client, s.URL+"/wait")
	<-g.arrived
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := client.Do(ctx, get(t, s.URL+"/never"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var failed *Error
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.Timeout())
	until(t, func() bool { return client.Stats().Queued == 0 }, "the queue is empty")

	g.open()
	require.NoError(t, (<-head).err)
	require.Equal(t, "you asked for /after", fetch(t, client, s.URL+"/after"))
}

func TestContextThatHasEnded(t *testing.T) {
	client := newTestClient(t, newServer(t, false, echo), &Transport{})
	reason := errors.New("had enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	_, err := client.Do(ctx, get(t, "http://127.0.0.1:1/"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, reason)
	require.Zero(t, client.Stats().Requests)
}

func TestCancellationStorm(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo)
		client := newTestClient(t, s, patient(&Transport{MaxPipelineDepth: 50}))
		var group sync.WaitGroup
		for i := range 3000 {
			group.Go(func() {
				ctx := t.Context()
				if i%2 == 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(20_000))*time.Microsecond)
					defer cancel()
				}
				path := fmt.Sprintf("/%d", i)
				response, err := client.Do(ctx, get(t, s.URL+path))
				switch {
				case err == nil:
					if text := readAll(t, response); text != "you asked for "+path {
						t.Errorf("%s was answered with %q", path, text)
					}
				case i%2 != 0 || !errors.Is(err, context.DeadlineExceeded):
					t.Error(err)
				}
			})
		}
		group.Wait()
		require.Equal(t, "you asked for /after", fetch(t, client, s.URL+"/after"))
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

func TestAbandonedResponseThatGoesOnIsGivenUp(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		arrived := make(chan struct{}, 1)
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path != "/endless" {
				echo(writer, request)
				return
			}
			arrived <- struct{}{}
			block := make([]byte, 16<<10)
			for {
				if _, err := writer.Write(block); err != nil {
					return // nobody takes it any more
				}
			}
		})
		client := newTestClient(t, s, &Transport{MaxAbandonedBytes: 1 << 20, MaxResponseBytes: 1 << 40})
		fetch(t, client, s.URL)
		ctx, cancel := context.WithCancel(t.Context())
		came := begin(ctx, t, client, s.URL+"/endless")
		<-arrived
		cancel()
		require.ErrorIs(t, (<-came).err, context.Canceled)
		require.Equal(t, "you asked for /after", fetch(t, client, s.URL+"/after"))
		require.EqualValues(t, 1, client.Stats().ConnectionsGivenUp)
		require.EqualValues(t, 2, client.Stats().ConnectionsOpened)
	})
}

func TestResponseThatIsTooLarge(t *testing.T) {
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/body":
			_, _ = writer.Write(make([]byte, 100_000))
		case "/header":
			for i := range 100 {
				writer.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 200))
			}
		default:
			echo(writer, request)
		}
	})
	client := newTestClient(t, s, &Transport{MaxResponseBytes: 50_000, MaxResponseHeaderBytes: 10_000})
	paths := []string{"/body", "/header"}
	if systemLibcurl() {
		paths = paths[:1] // libcurl 7.88 can wait for ever for the end of such a header section over HTTP/2
	}
	for _, path := range paths {
		_, err := client.Do(t.Context(), get(t, s.URL+path))
		require.ErrorIs(t, err, ErrResponseTooLarge)
		require.Equal(t, "you asked for /small", fetch(t, client, s.URL+"/small"))
	}
	require.EqualValues(t, 1, s.accepted.Load(), "the rest of the large ones was read, for the connection's sake")
}

func TestCloseWhileInFlight(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, g := newGateServer(t, overTLS)
		client := newTestClient(t, s, &Transport{MaxPipelineDepth: 5})
		fetch(t, client, s.URL)
		var waiting []<-chan outcome
		for range 10 {
			waiting = append(waiting, begin(t.Context(), t, client, s.URL+"/wait"))
		}
		until(t, func() bool {
			stats := client.Stats()
			return stats.InFlight == 5 && stats.Queued == 5
		}, "five in flight, five in the queue")

		var group sync.WaitGroup
		for range 3 {
			group.Go(func() { _ = client.Close() })
		}
		group.Wait()
		for _, each := range waiting {
			require.ErrorIs(t, (<-each).err, ErrClosed)
		}
		_, err := client.Do(t.Context(), get(t, s.URL))
		require.ErrorIs(t, err, ErrClosed)
		g.open()
	})
}

func TestCloseRacesWithUse(t *testing.T) {
	s := newServer(t, false, echo)
	for range 20 {
		client := newTestClient(t, s, &Transport{})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for {
					if _, err := client.Do(t.Context(), get(t, s.URL)); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		until(t, func() bool { return client.Stats().Answered > 0 }, "one was answered")
		require.NoError(t, client.Close())
		group.Wait()
	}
}

func TestStall(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, g := newGateServer(t, overTLS)
		client := newTestClient(t, s, &Transport{StallTimeout: 500 * time.Millisecond})
		fetch(t, client, s.URL)
		first := begin(t.Context(), t, client, s.URL+"/wait")
		second := begin(t.Context(), t, client, s.URL+"/wait")
		require.ErrorIs(t, (<-first).err, ErrStalled)
		require.ErrorIs(t, (<-second).err, ErrStalled)
		g.open()
		require.Equal(t, "you asked for /after", fetch(t, client, s.URL+"/after"))
		require.EqualValues(t, 2, client.Stats().ConnectionsOpened)
	})
}

func TestSlowIsNotStalled(t *testing.T) {
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		for range 30 { // longer in all than the limit, but never that long without a byte
			time.Sleep(50 * time.Millisecond)
			_, _ = writer.Write([]byte("."))
			writer.(http.Flusher).Flush()
		}
	})
	client := newTestClient(t, s, &Transport{StallTimeout: time.Second})
	require.Len(t, fetch(t, client, s.URL), 30)
}
