package curlpipe

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// MaxPipelineDepth is how many requests are on a connection, whatever limit
// libcurl has by itself.
func TestMoreStreamsThanLibcurlOpensByItself(t *testing.T) {
	needsMultiplexing(t)
	const depth = 250
	s := newRawHTTP2Server(t, func(c *rawHTTP2) {
		var open []uint32
		c.each(func(stream uint32) {
			if open = append(open, stream); stream != 1 && len(open) < depth {
				return
			}
			for _, each := range open {
				c.good(each)
			}
			open = nil
		})
	})
	client, err := New(&Transport{InsecureSkipVerify: true, MaxPipelineDepth: depth})
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it hangs otherwise
	defer cancel()
	requests := make([]*http.Request, 1+depth)
	for i := range requests {
		requests[i] = get(t, s.url())
	}
	for i, result := range client.DoBatch(ctx, requests) {
		require.NoError(t, result.Err, "request %d", i)
		require.Contains(t, readAll(t, result.Response), secondHalf)
	}
}
