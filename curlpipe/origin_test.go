package curlpipe

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A connection that is not established in time is closed one turn later. Its
// origin stays the same until then: a request in the meantime waits in the
// origin's queue, can leave it, and fails when the transport is closed.
func TestOriginOutlivesAConnectionThatDoesNotComeAbout(t *testing.T) {
	s := newServedServer(t, func(_ int64, _ net.Conn, requests *bufio.Reader) {
		_, _ = io.Copy(io.Discard, requests) // and no handshake
	})
	url := "https" + strings.TrimPrefix(s.url, "http")
	client, err := New(&Transport{ConnectTimeout: 10 * time.Millisecond, InsecureSkipVerify: true})
	require.NoError(t, err)
	var callers sync.WaitGroup
	for caller := range 8 {
		callers.Go(func() {
			for try := range 8 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(caller*(try+1))*time.Millisecond/4)
				if caller == 0 { // asks again as soon as it has the error
					ctx = t.Context()
				}
				_, err := client.Do(ctx, get(t, url))
				require.Error(t, err)
				cancel()
			}
		})
	}
	callers.Wait()
	stats := client.Stats()
	require.Zero(t, stats.Queued)
	require.Equal(t, stats.Requests, stats.Failed+stats.Abandoned)
	callers.Go(func() {
		_, err := client.Do(t.Context(), get(t, url))
		require.Error(t, err)
	})
	require.NoError(t, client.Close())
	callers.Wait()
}
