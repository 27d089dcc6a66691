package curlpipe

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// open gets a URL and returns the response, whose body has not been read.
func open(ctx context.Context, t testing.TB, transport http.RoundTripper, target string) *http.Response {
	t.Helper()
	response, err := transport.RoundTrip(get(t, target).WithContext(ctx))
	require.NoError(t, err)
	t.Cleanup(func() { response.Body.Close() })
	return response
}

// block is a piece of a body that says where in the body it is.
func block(number int) []byte {
	return bytes.Repeat([]byte(strconv.Itoa(1e7+number)), 8<<10)
}

const blockSize = 64 << 10

// blocks writes a body of n blocks and counts those that were accepted.
func blocks(writer io.Writer, count int, taken *atomic.Int64) {
	for number := range count {
		if _, err := writer.Write(block(number)); err != nil {
			return
		}
		taken.Add(1)
	}
}

// standsStill waits until a number has not changed for a while. The tests do
// not depend on how long that is.
func standsStill(t testing.TB, number func() int64) {
	last, since := int64(-1), time.Now()
	until(t, func() bool {
		if now := number(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 50*time.Millisecond
	}, "the number stands still")
}

func TestSlowReaderHoldsUpTheServer(t *testing.T) {
	const (
		count      = 1024 // 64 MiB in all
		readBuffer = 1 << 20
		overhead   = 16 << 10 // libcurl delivers up to this much at once
		memoryMost = 4*readBuffer + 1<<20
	)
	forBoth(t, func(t *testing.T, overTLS bool) {
		var taken atomic.Int64
		s := newServer(t, overTLS, func(writer http.ResponseWriter, _ *http.Request) { blocks(writer, count, &taken) })
		transport := newTestTransport(t, s, &Transport{ReadBufferSize: readBuffer})
		before := memoryInUse()

		response := open(t.Context(), t, transport, s.URL)
		standsStill(t, taken.Load)
		require.GreaterOrEqual(t, (taken.Load()+1)*blockSize, int64(readBuffer))
		require.Less(t, taken.Load(), int64(count), "nobody has read, and the server could write it all")
		stream := response.Body.(*streamedBody)
		stream.mutex.Lock()
		unread := len(stream.pieces) - stream.read
		stream.mutex.Unlock()
		require.LessOrEqual(t, unread, readBuffer+overhead)
		after := memoryInUse()
		require.Less(t, after.goHeap+after.cHeap-before.goHeap-before.cHeap, int64(memoryMost))

		got := make([]byte, blockSize)
		for number := range count {
			_, err := io.ReadFull(response.Body, got)
			require.NoError(t, err)
			require.True(t, bytes.Equal(block(number), got), "block %d is another one", number)
		}
		_, err := response.Body.Read(got)
		require.Equal(t, io.EOF, err)
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

// The sizes of chunks are not part of the body, and do not count towards its
// limits.
func TestBodyInSmallChunks(t *testing.T) {
	const chunks = 50_000
	url := newRawServer(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1\r\nx\r\n", chunks)+"0\r\n\r\n", false)
	transport := newTestTransport(t, nil, &Transport{ReadBufferSize: 1})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	response := open(ctx, t, transport, url)
	require.Equal(t, strings.Repeat("x", chunks), readAll(t, response))
}

func TestBodyClosedEarlyIsDrained(t *testing.T) {
	needsPipelining(t) // an HTTP/2 stream can be ended alone, at no cost for others
	forBoth(t, func(t *testing.T, overTLS bool) {
		var taken atomic.Int64
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/large" {
				blocks(writer, 64, &taken)
				return
			}
			echo(writer, request)
		})
		transport := newTestTransport(t, s, &Transport{MaxAbandonedBytes: 8 << 20})
		for range 5 {
			response := open(t.Context(), t, transport, s.URL+"/large")
			_, err := io.ReadFull(response.Body, make([]byte, 100))
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			_, err = response.Body.Read(make([]byte, 1))
			require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
			require.Equal(t, "you asked for /next", readAll(t, open(t.Context(), t, transport, s.URL+"/next")))
		}
		require.EqualValues(t, 5*64, taken.Load())
		require.EqualValues(t, 1, s.accepted.Load())
		require.EqualValues(t, 5, transport.Stats().BodiesAbandoned)
		require.Zero(t, transport.Stats().ConnectionsGivenUp)
	})
}

// held is a handler that answers /held with "part" and holds back the rest until it is
// released, at the latest at the end of the test.
type held struct {
	release  func()
	released <-chan struct{}
}

func (h *held) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if request.URL.Path != "/held" {
		echo(writer, request)
		return
	}
	writer.Header().Set("Trailer", "X-Sum")
	_, _ = io.WriteString(writer, "part")
	_ = http.NewResponseController(writer).Flush()
	<-h.released
	_, _ = io.WriteString(writer, "rest")
	writer.Header().Set("X-Sum", "42")
}

func newHeldServer(t *testing.T, overTLS bool) (*server, *held) {
	released, release := context.WithCancel(context.Background())
	h := &held{release: release, released: released.Done()}
	s := newServer(t, overTLS, h.ServeHTTP)
	t.Cleanup(release)
	return s, h
}

// behind starts requests and waits until they have been sent behind others.
func behind(t *testing.T, transport *Transport, target string, count int) []<-chan outcome {
	t.Helper()
	client, err := New(transport)
	require.NoError(t, err)
	before := transport.Stats()
	var waiting []<-chan outcome
	for range count {
		waiting = append(waiting, begin(t.Context(), t, client, target))
	}
	until(t, func() bool { return transport.Stats().InFlight == before.InFlight+int64(count) }, "they are in flight")
	return waiting
}

func allAnswered(t *testing.T, waiting []<-chan outcome) {
	t.Helper()
	for _, each := range waiting {
		answered := <-each
		require.NoError(t, answered.err)
		require.Equal(t, "you asked for /behind", readAll(t, answered.response))
	}
}

func TestBodyClosedEarlyThatGoesOnIsGivenUp(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			var taken atomic.Int64
			if request.URL.Path == "/large" {
				blocks(writer, 1024, &taken)
				return
			}
			echo(writer, request)
		})
		transport := newTestTransport(t, s, &Transport{MaxAbandonedBytes: 1 << 20})
		readAll(t, open(t.Context(), t, transport, s.URL)) // from now on libcurl knows that it can pipeline
		response := open(t.Context(), t, transport, s.URL+"/large")
		waiting := behind(t, transport, s.URL+"/behind", 3)
		require.NoError(t, response.Body.Close())
		allAnswered(t, waiting)
		stats := transport.Stats()
		require.EqualValues(t, 1, stats.ConnectionsGivenUp)
		require.EqualValues(t, 2, stats.ConnectionsOpened)
		require.LessOrEqual(t, stats.Retries, uint64(3)) // the requests that were already in flight
		require.EqualValues(t, 2, s.accepted.Load())
	})
}

func TestBodyClosedEarlyThatDoesNotEndIsGivenUp(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, _ := newHeldServer(t, overTLS)
		transport := newTestTransport(t, s, &Transport{MaxAbandonedTime: 20 * time.Millisecond})
		readAll(t, open(t.Context(), t, transport, s.URL))
		response := open(t.Context(), t, transport, s.URL+"/held")
		waiting := behind(t, transport, s.URL+"/behind", 3)
		require.NoError(t, response.Body.Close())
		allAnswered(t, waiting)
		stats := transport.Stats()
		require.EqualValues(t, 1, stats.ConnectionsGivenUp)
		require.EqualValues(t, 2, stats.ConnectionsOpened)
		require.LessOrEqual(t, stats.Retries, uint64(3)) // the requests that were already in flight
	})
}

func TestContextEndsWhileTheBodyStreams(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, h := newHeldServer(t, overTLS)
		transport := newTestTransport(t, s, &Transport{})
		ctx, cancel := context.WithCancelCause(t.Context())
		response := open(ctx, t, transport, s.URL+"/held")
		_, err := io.ReadFull(response.Body, make([]byte, 4))
		require.NoError(t, err)

		reason := errors.New("seen enough")
		ended := readElsewhere(response)
		cancel(reason)
		require.Equal(t, reason, <-ended, "the cause alone, as with net/http")

		h.release() // the rest is read and dropped to keep the connection
		require.Equal(t, "you asked for /next", readAll(t, open(t.Context(), t, transport, s.URL+"/next")))
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

// readElsewhere reads in another goroutine and returns how it ended.
func readElsewhere(response *http.Response) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(response.Body)
		ended <- err
	}()
	return ended
}

func TestTransportIsClosedWhileABodyStreams(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, _ := newHeldServer(t, overTLS)
		transport := newTestTransport(t, s, &Transport{})
		response := open(t.Context(), t, transport, s.URL+"/held")
		ended := readElsewhere(response)
		require.NoError(t, transport.Close())
		require.ErrorIs(t, <-ended, ErrClosed)
	})
}

func TestTrailerAfterAStreamedBody(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, h := newHeldServer(t, overTLS)
		transport := newTestTransport(t, s, &Transport{})
		response := open(t.Context(), t, transport, s.URL+"/held")
		require.Equal(t, http.Header{"X-Sum": nil}, response.Trailer, "announced, and not yet there")
		h.release()
		require.Equal(t, "partrest", readAll(t, response))
		require.Equal(t, http.Header{"X-Sum": {"42"}}, response.Trailer)
	})
}

func TestServerDiesWhileABodyStreams(t *testing.T) {
	for name, each := range map[string]struct {
		answer string
		reset  bool
		want   error
	}{
		"length, closed":  {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", false, io.ErrUnexpectedEOF},
		"length, reset":   {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", true, curl.CurlError(curl.E_RECV_ERROR)},
		"chunked, closed": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", false, io.ErrUnexpectedEOF},
		"chunked, reset":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", true, curl.CurlError(curl.E_RECV_ERROR)},
	} {
		t.Run(name, func(t *testing.T) {
			dies := make(chan struct{})
			s := newServer(t, false, func(writer http.ResponseWriter, _ *http.Request) {
				connection, _, err := http.NewResponseController(writer).Hijack()
				if err != nil {
					panic(err)
				}
				_, _ = io.WriteString(connection, each.answer)
				<-dies
				if each.reset {
					_ = connection.(*net.TCPConn).SetLinger(0)
				}
				_ = connection.Close()
			})
			transport := newTestTransport(t, s, &Transport{})
			response := open(t.Context(), t, transport, s.URL)
			part := make([]byte, 4)
			_, err := io.ReadFull(response.Body, part)
			require.NoError(t, err)
			require.Equal(t, "part", string(part))
			close(dies)
			_, err = response.Body.Read(part)
			require.ErrorIs(t, err, each.want)
			require.True(t, each.reset || err == io.ErrUnexpectedEOF, "bare, as from net/http: %v", err)
			_, again := response.Body.Read(part)
			require.Equal(t, err, again, "it fails the same way when read again")
			require.Zero(t, transport.Stats().Retries, "part of the response has come")
		})
	}
}

func TestSlowReaderIsNotStalled(t *testing.T) {
	const limit = time.Second // longer than a busy machine pauses
	forBoth(t, func(t *testing.T, overTLS bool) {
		var taken atomic.Int64
		s := newServer(t, overTLS, func(writer http.ResponseWriter, _ *http.Request) { blocks(writer, 256, &taken) })
		transport := newTestTransport(t, s, &Transport{StallTimeout: limit, ReadBufferSize: 64 << 10})
		response := open(t.Context(), t, transport, s.URL)
		standsStill(t, taken.Load)
		require.Less(t, taken.Load(), int64(256))
		time.Sleep(2 * limit) // time itself must have no effect here
		require.Len(t, readAll(t, response), 256*blockSize)
		require.EqualValues(t, 1, transport.Stats().ConnectionsOpened)
	})
}

func TestServerThatStallsInABody(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, _ := newHeldServer(t, overTLS)
		transport := newTestTransport(t, s, &Transport{StallTimeout: 500 * time.Millisecond})
		response := open(t.Context(), t, transport, s.URL+"/held")
		text, err := io.ReadAll(response.Body)
		require.ErrorIs(t, err, ErrStalled)
		require.Equal(t, "part", string(text))
	})
}
