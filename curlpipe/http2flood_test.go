package curlpipe

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A server that floods the client with frames of no request keeps libcurl
// reading. No other host waits for that, nor does a caller whose context ends.
func TestHTTP2FloodOfOneHostDelaysNoOther(t *testing.T) {
	needsMultiplexing(t)
	for name, frame := range map[string][]byte{
		"PINGs":          append(frameHead(8, framePing, 0, 0), make([]byte, 8)...),
		"unknown frames": append(frameHead(1, frameUnknown, 0, 0), 0),
	} {
		for _, disabled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s DisableCoalescing=%v", name, disabled), func(t *testing.T) {
				released, release := context.WithCancel(t.Context())
				defer release()
				var sent atomic.Int64 // bytes
				frames := []byte(strings.Repeat(string(frame), 16_000/len(frame)))
				flooding := newRawHTTP2Server(t, func(c *rawHTTP2) {
					c.each(func(uint32) {
						go func() {
							for released.Err() == nil {
								if _, err := c.Write(frames); err != nil {
									return
								}
								sent.Add(int64(len(frames)))
							}
						}()
					})
				})
				honest := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(c.good) })
				transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true, DisableCoalescing: disabled})
				ctx, cancel := context.WithCancel(t.Context())
				asked := make(chan *http2Answer, 1)
				go func() { asked <- askHTTP2(ctx, transport, http.MethodGet, flooding.url()) }()
				<-flooding.wait
				// the flood goes on as long as the client reads; nghttp2 since 2025
				// ends the connection
				goesOn := func() bool {
					before := sent.Load()
					for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
						if sent.Load() > before+1<<18 || len(asked) > 0 {
							return true
						}
					}
					return false
				}
				require.True(t, goesOn(), "there is a flood")
				bounded, stop := context.WithTimeout(t.Context(), 20*time.Second)
				defer stop()
				for range 3 {
					require.NoError(t, askHTTP2(bounded, transport, http.MethodGet, honest.url()).err)
				}
				require.True(t, goesOn(), "and it has not ended")
				cancel()
				require.Error(t, (<-asked).err)
				require.NoError(t, askHTTP2(bounded, transport, http.MethodGet, honest.url()).err)
			})
		}
	}
}
