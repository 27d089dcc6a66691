package curlpipe

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// cpuTime returns the CPU time that this process has used.
func cpuTime(t *testing.T) time.Duration {
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// An upload without window waits without using CPU, and fails after
// StallTimeout.
func TestHTTP2UploadWithoutWindowDoesNotSpin(t *testing.T) {
	needsMultiplexing(t)
	s := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(func(uint32) {}) })
	const limit = 2 * time.Second
	before := cpuTime(t)
	ended := newErrors()
	for _, transport := range []*Transport{
		{InsecureSkipVerify: true, StallTimeout: limit},
		{DialTLSContext: dialUnverified, StallTimeout: limit},
	} {
		transport := newTestTransport(t, nil, transport)
		request, err := http.NewRequest(http.MethodPost, s.url(), bytes.NewReader(make([]byte, 1<<20)))
		require.NoError(t, err)
		go func() {
			_, err := transport.RoundTrip(request)
			ended <- err
		}()
	}
	for range 2 {
		require.ErrorIs(t, <-ended, ErrStalled)
	}
	require.Less(t, cpuTime(t)-before, limit/4)
}

// A complete response is complete for its caller even if the request's body is
// not, and the connection stays up.
func TestHTTP2ResponseBeforeTheUploadEnds(t *testing.T) {
	needsMultiplexing(t)
	s := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(c.good) })
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true})
	released, release := context.WithCancel(context.Background())
	defer release()
	body := &watchedBody{Reader: &blockedReader{text: "begin", blocked: make(chan struct{}), release: released.Done()}}
	request, err := http.NewRequest(http.MethodPost, s.url(), body)
	require.NoError(t, err)
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(readAll(t, response), secondHalf))
	require.True(t, askHTTP2(t.Context(), transport, http.MethodGet, s.url()).whole())
	release()
	body.closedOnce(t)
}

// The server learns of a cancelled request even if no other request follows.
func TestHTTP2ResetLeavesAtOnce(t *testing.T) {
	needsMultiplexing(t)
	s := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(func(uint32) {}) })
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true})
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan *http2Answer, 1)
	go func() { asked <- askHTTP2(ctx, transport, http.MethodGet, s.url()) }()
	<-s.wait
	cancel()
	require.ErrorIs(t, (<-asked).err, context.Canceled)
	until(t, func() bool {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return len(s.resets) == 1
	}, "RST_STREAM has come")
}

// A server that ends every connection without a response, in whatever way, gets a
// request a few times at most.
func TestHTTP2ServerThatNeverAnswers(t *testing.T) {
	needsMultiplexing(t)
	for name, each := range map[string]struct {
		end   func(c *rawHTTP2, stream uint32)
		again int // at most
	}{
		"leaves":              {func(c *rawHTTP2, _ uint32) { c.goAway(0, codeNone); _ = c.Close() }, mostRefusals},
		"leaves and stays":    {func(c *rawHTTP2, _ uint32) { c.goAway(0, codeNone) }, mostRefusals},
		"leaves after it":     {func(c *rawHTTP2, stream uint32) { c.goAway(stream, codeNone); _ = c.Close() }, mostRefusals},
		"refuses":             {func(c *rawHTTP2, stream uint32) { c.frame(frameReset, 0, stream, code(codeRefused)...) }, mostRefusals},
		"wants HTTP/1.1":      {func(c *rawHTTP2, stream uint32) { c.frame(frameReset, 0, stream, code(codeHTTP11Required)...) }, 1},
		"says close_notify":   {func(c *rawHTTP2, _ uint32) { _ = c.CloseWrite() }, 1},
		"closes":              {func(c *rawHTTP2, _ uint32) { _ = c.tcp.Close() }, 1},
		"resets":              {func(c *rawHTTP2, _ uint32) { _ = c.tcp.SetLinger(0); _ = c.tcp.Close() }, 1},
		"breaks the protocol": {func(c *rawHTTP2, _ uint32) { c.headers(0, 0, ":status", "200") }, 1},
		"compresses wrongly":  {func(c *rawHTTP2, stream uint32) { c.frame(frameHeaders, flagEndHeaders, stream, 0xff, 0xff) }, 1},
		"has a line of 90 kB": {func(c *rawHTTP2, stream uint32) { c.longLine(stream, flagEndStream, 90_000) }, 1},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				s := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(func(stream uint32) { each.end(c, stream) }) })
				transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				answer := askHTTP2(ctx, transport, method, s.url())
				require.Error(t, answer.err)
				require.NoError(t, ctx.Err())
				streams, connections := s.seen()
				require.LessOrEqual(t, streams, 1+each.again)
				require.LessOrEqual(t, connections, 1+each.again)
			})
		}
	}
}

// A response that is a header section and nothing else, and more than libcurl
// delivers at a time, ends.
func TestHTTP2LongHeaderSectionAlone(t *testing.T) {
	needsMultiplexing(t)
	s := newRawHTTP2Server(t, func(c *rawHTTP2) {
		c.each(func(stream uint32) { c.longLine(stream, flagEndStream, 60_000) })
	})
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true})
	for range 10 {
		response := open(t.Context(), t, transport, s.url())
		require.Len(t, response.Header.Get("x-long"), 60_000)
		require.Empty(t, readAll(t, response))
	}
}
