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
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true, StallTimeout: limit})
	request, err := http.NewRequest(http.MethodPost, s.url(), bytes.NewReader(make([]byte, 1<<20)))
	require.NoError(t, err)
	before := cpuTime(t)
	_, err = transport.RoundTrip(request)
	require.ErrorIs(t, err, ErrStalled)
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
