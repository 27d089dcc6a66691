package curlpipe

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// MaxPipelineDepth limits the requests on a connection, whatever libcurl's own
// limit is.
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
// speak HTTP/2. Easy handles that some releases of libcurl allow only for
// HTTP/2 are therefore not reused there.
func TestHandlesThatRememberAResponse(t *testing.T) {
	needsMultiplexing(t)
	const depth = 20
	s := newRawHTTP2Server(t, func(c *rawHTTP2) {
		seen := 0
		c.each(func(stream uint32) {
			seen++
			switch {
			case c.number < 3 && seen == 3*depth:
				c.tcp.Close() // after the earlier requests, too
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

// The server reads nothing until the client's socket and the buffer in front of
// it are full. Every request arrives once, and gets its response.
func TestFullSocketOfHTTP2(t *testing.T) {
	needsMultiplexing(t)
	for _, disabled := range []bool{false, true} {
		t.Run(fmt.Sprintf("DisableCoalescing=%v", disabled), func(t *testing.T) {
			release := make(chan struct{})
			s := newRawHTTP2Server(t, func(c *rawHTTP2) {
				_ = c.tcp.SetReadBuffer(64 << 10)
				c.each(func(stream uint32) {
					if stream != 1 { // the client waits for this response
						<-release
					}
					c.good(stream)
				})
			})
			transport := &Transport{InsecureSkipVerify: true, DisableCoalescing: disabled, MaxPipelineDepth: 600}
			client, err := New(transport)
			require.NoError(t, err)
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it hangs otherwise
			defer cancel()
			var requests []*http.Request
			for i := range 600 {
				request := get(t, s.url())
				// all sizes: records that are gathered, fill the buffer, exceed it
				request.Header.Set("X-Padding", strings.Repeat("x", 1+i*97%40_000))
				requests = append(requests, request)
			}
			done := make(chan []Result, 1)
			go func() { done <- client.DoBatch(ctx, requests) }()
			require.Eventually(t, func() bool { return client.Stats().WantWrite > 0 }, 30*time.Second, time.Millisecond)
			close(release)
			for i, result := range <-done {
				require.NoError(t, result.Err, "request %d", i)
				require.Contains(t, readAll(t, result.Response), secondHalf)
			}
			streams, connections := s.seen()
			require.Equal(t, len(requests), streams)
			require.Equal(t, 1, connections)
		})
	}
}

// What arrives together with the last response is read along with it, so libcurl
// does not find it in the socket before the next request. That request must not be
// sent twice. If the server has announced the end of the connection, it goes to
// another one.
func TestWhatCameWithTheLastResponse(t *testing.T) {
	needsMultiplexing(t)
	for name, test := range map[string]struct {
		send        func(*rawHTTP2, uint32)
		connections int
	}{
		"end of TLS": {func(c *rawHTTP2, _ uint32) { _ = c.CloseWrite() }, 2},
		"GOAWAY":     {func(c *rawHTTP2, last uint32) { c.goAway(last, codeNone) }, 2},
		"GOAWAY and end of TLS": {func(c *rawHTTP2, last uint32) {
			c.goAway(last, codeNone)
			_ = c.CloseWrite()
		}, 2},
		"PING and end of TLS": {func(c *rawHTTP2, _ uint32) {
			c.frame(framePing, 0, 0, make([]byte, 8)...)
			_ = c.CloseWrite()
		}, 2},
		"PINGs and GOAWAY": {func(c *rawHTTP2, last uint32) {
			for range 20 {
				c.frame(framePing, 0, 0, make([]byte, 8)...)
			}
			c.goAway(last, codeNone)
		}, 2},
		"PING": {func(c *rawHTTP2, _ uint32) { c.frame(framePing, 0, 0, make([]byte, 8)...) }, 1},
		"data of no stream": {func(c *rawHTTP2, last uint32) {
			c.frame(frameReset, 0, last, code(codeNone)...)
			c.frame(frameWindowUpdate, 0, last, code(1)...)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRawHTTP2Server(t, func(c *rawHTTP2) {
				c.each(func(stream uint32) {
					if c.number > 0 || stream == 1 {
						c.good(stream)
						return
					}
					c.together(func() {
						c.good(stream)
						test.send(c, stream)
					})
				})
			})
			client, err := New(&Transport{InsecureSkipVerify: true})
			require.NoError(t, err)
			defer client.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it hangs otherwise
			defer cancel()
			for i := range 4 {
				request := get(t, s.url())
				if i == 2 {
					request.Method = http.MethodPost
				}
				response, err := client.Do(ctx, request)
				require.NoError(t, err, "request %d", i)
				require.Contains(t, readAll(t, response), secondHalf)
			}
			streams, connections := s.seen()
			require.Equal(t, 4, streams)
			require.Equal(t, test.connections, connections)
		})
	}
}

// A response arrives together with another that nobody reads and that is longer
// than its buffer. It still reaches its caller, whether its request has a body or
// not.
func TestResponseBehindOneThatIsNotRead(t *testing.T) {
	needsMultiplexing(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			var unread uint32
			s := newRawHTTP2Server(t, func(c *rawHTTP2) {
				c.each(func(stream uint32) {
					switch {
					case stream == 1:
						c.good(stream)
					case unread == 0:
						unread = stream
						c.begin(stream, false)
						for range 4 {
							c.data(stream, 0, strings.Repeat("x", 8<<10))
						}
					default:
						c.together(func() {
							c.data(unread, 0, "and more")
							c.good(stream)
							c.data(unread, 0, "and more")
						})
					}
				})
			})
			transport := &Transport{InsecureSkipVerify: true, ReadBufferSize: 16 << 10}
			defer transport.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it hangs otherwise
			defer cancel()
			do := func(method string) *http.Response {
				request := get(t, s.url()).WithContext(ctx)
				if method == http.MethodPost {
					request, _ = http.NewRequestWithContext(ctx, method, s.url(), strings.NewReader("a body"))
				}
				response, err := transport.RoundTrip(request)
				require.NoError(t, err)
				return response
			}
			require.Contains(t, readAll(t, do(http.MethodGet)), secondHalf)
			slow := do(http.MethodGet)
			defer slow.Body.Close()
			for range 20 {
				require.Contains(t, readAll(t, do(method)), secondHalf)
			}
			_, connections := s.seen()
			require.Equal(t, 1, connections)
		})
	}
}
