package curlpipe

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHTTP2ResponsesThatEndTogether sends several responses in pieces of random size
// and order, all at once and nothing after them, while their callers read. libcurl up to
// 8.0.1 stops in the middle of what it has read when the buffer of one is full. Each
// has to end all the same.
func TestHTTP2ResponsesThatEndTogether(t *testing.T) {
	needsMultiplexing(t)
	rounds := 20
	if long() {
		rounds = 1000
	}
	seed := rand.Uint64()
	dice := rand.New(rand.NewPCG(seed, 1))
	for range rounds {
		lengths := make([]int, 1+dice.IntN(6))
		for i := range lengths {
			lengths[i] = dice.IntN(64 << 10)
		}
		endTogether(t, seed, rand.New(rand.NewPCG(dice.Uint64(), 1)), lengths)
	}
}

func endTogether(t *testing.T, seed uint64, dice *rand.Rand, lengths []int) {
	var streams []uint32
	s := newRawHTTP2Server(t, func(c *rawHTTP2) {
		c.each(func(stream uint32) {
			if stream == 1 { // shows the client that it is HTTP/2
				c.good(stream)
				return
			}
			c.headers(stream, 0, ":status", "200")
			if streams = append(streams, stream); len(streams) == len(lengths) {
				c.together(func() { c.interleave(dice, streams, lengths) })
			}
		})
	})
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true, ReadBufferSize: leastReadBufferSize})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	readAll(t, open(ctx, t, transport, s.url()))
	got := make([]int, len(lengths))
	var group sync.WaitGroup
	for i := range lengths {
		group.Go(func() {
			response, err := transport.RoundTrip(get(t, s.url()).WithContext(ctx))
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
				return
			}
			length, err := io.Copy(io.Discard, response.Body)
			if err != nil {
				t.Errorf("seed %d, lengths %v, after %d bytes: %v", seed, lengths, length, err)
			}
			got[i] = int(length)
		})
	}
	group.Wait()
	require.ElementsMatch(t, lengths, got, "seed %d", seed)
	require.NoError(t, transport.Close())
}

// interleave sends bodies in pieces.
func (c *rawHTTP2) interleave(dice *rand.Rand, streams []uint32, lengths []int) {
	left := append([]int{}, lengths...)
	open := make([]int, len(streams))
	for i := range open {
		open[i] = i
	}
	for len(open) > 0 {
		at := dice.IntN(len(open))
		i := open[at]
		piece := min(left[i], 1+dice.IntN(1<<14))
		if left[i] -= piece; left[i] > 0 {
			c.data(streams[i], 0, strings.Repeat("x", piece))
			continue
		}
		c.data(streams[i], flagEndStream, strings.Repeat("x", piece))
		open = append(open[:at], open[at+1:]...)
	}
}
