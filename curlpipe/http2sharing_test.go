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

// Requests whose connection ends are sent again on another one, which may not
// speak HTTP/2 as far as anybody knows: easy handles that some releases of
// libcurl let be used for HTTP/2 alone are not.
func TestHandlesThatRememberAResponse(t *testing.T) {
	needsMultiplexing(t)
	const depth = 20
	s := newRawHTTP2Server(t, func(c *rawHTTP2) {
		seen := 0
		c.each(func(stream uint32) {
			seen++
			switch {
			case c.number < 3 && seen == 3*depth:
				c.tcp.Close() // under those that came before, too
			case c.number < 3 && seen > 2*depth:
			default:
				c.good(stream)
			}
		})
	})
	client, err := New(&Transport{InsecureSkipVerify: true, MaxPipelineDepth: depth})
	require.NoError(t, err)
	defer client.Close()
	for range 10 {
		requests := make([]*http.Request, depth)
		for i := range requests {
			requests[i] = get(t, s.url())
			requests[i].Header.Set("X-Number", fmt.Sprint(i))
		}
		for i, result := range client.DoBatch(t.Context(), requests) {
			require.NoError(t, result.Err, "request %d", i)
			require.Contains(t, readAll(t, result.Response), secondHalf)
		}
	}
	stats := client.Stats()
	require.Greater(t, stats.ConnectionsOpened, uint64(2))
	require.LessOrEqual(t, stats.EasyHandles, int64(2*depth))
}
