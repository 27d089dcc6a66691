package curlpipe

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// slowHandler counts records, once it is released.
type slowHandler struct {
	slog.Handler
	may   chan struct{}
	mutex sync.Mutex
	told  map[string]uint64
}

func (h *slowHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *slowHandler) Handle(_ context.Context, record slog.Record) error {
	<-h.may
	h.mutex.Lock()
	defer h.mutex.Unlock()
	record.Attrs(func(attribute slog.Attr) bool {
		h.told[record.Message] += attribute.Value.Uint64()
		return true
	})
	return nil
}

func (h *slowHandler) count(message string) uint64 {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.told[message]
}

// A slow logger delays no request, and loses no record.
func TestLoggerThatBlocks(t *testing.T) {
	logger := &slowHandler{may: make(chan struct{}), told: make(map[string]uint64)}
	s := newServer(t, false, echo)
	transport := newTestTransport(t, s, &Transport{Logger: slog.New(logger)})
	const connections = 20
	for range connections {
		request := get(t, s.URL)
		request.Close = true
		response, err := transport.RoundTrip(request)
		require.NoError(t, err)
		readAll(t, response)
	}
	require.Zero(t, logger.count("curlpipe: connection opened"))
	close(logger.may)
	until(t, func() bool { return logger.count("curlpipe: connection opened") == connections }, "the logger has heard of all connections")
}

// Close does not wait for ever for a logger.
func TestCloseDoesNotWaitForALogger(t *testing.T) {
	logger := &slowHandler{may: make(chan struct{}), told: make(map[string]uint64)}
	defer close(logger.may)
	s := newServer(t, false, echo)
	transport := newTestTransport(t, s, &Transport{Logger: slog.New(logger)})
	readAll(t, open(t.Context(), t, transport, s.URL))
	begun := time.Now()
	require.NoError(t, transport.Close())
	require.Less(t, time.Since(begun), 30*time.Second)
}

// A slow Configure does not delay requests that have an easy handle, or that
// reuse another one's. Contexts and Close work meanwhile.
func TestConfigureThatBlocks(t *testing.T) {
	s, gate := newGateServer(t, false)
	other := newServer(t, false, echo)
	var blocks atomic.Bool
	release, inside := make(chan struct{}), make(chan struct{}, 10)
	defer close(release)
	transport := newTestTransport(t, s, &Transport{Configure: func(*curl.CURL) error {
		if blocks.Load() {
			inside <- struct{}{}
			<-release
		}
		return nil
	}})
	ask := func(ctx context.Context, target string) <-chan error {
		request, answered := get(t, target).WithContext(ctx), make(chan error, 1)
		go func() {
			response, err := transport.RoundTrip(request)
			if err == nil {
				response.Body.Close()
			}
			answered <- err
		}()
		return answered
	}
	has := ask(t.Context(), s.URL+"/wait")
	<-gate.arrived
	blocks.Store(true)
	waits := ask(t.Context(), other.URL)
	<-inside
	ctx, cancel := context.WithCancelCause(t.Context())
	cancelled := ask(ctx, other.URL)
	cancel(http.ErrAbortHandler)
	require.ErrorIs(t, <-cancelled, http.ErrAbortHandler)
	gate.open()
	require.NoError(t, <-has)
	if handlesServeOnce(t) {
		require.NoError(t, transport.Close())
		require.ErrorIs(t, <-waits, ErrClosed)
		return
	}
	require.NoError(t, <-waits)
	require.NoError(t, transport.Close())
}

// A Configure that blocks from the beginning holds up neither contexts nor Close.
func TestFirstConfigureThatBlocks(t *testing.T) {
	release, inside := make(chan struct{}), make(chan struct{}, 10)
	defer close(release)
	transport := &Transport{Configure: func(*curl.CURL) error {
		inside <- struct{}{}
		<-release
		return nil
	}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-inside; cancel() }()
	_, err := transport.RoundTrip(get(t, newServer(t, false, echo).URL).WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, transport.Close())
}
