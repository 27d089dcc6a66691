package curlpipe

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// frameSpace has the dimensions of all frames that TestHTTP2FramesOfAllKinds
// sends.
var frameSpace = struct {
	kinds   []byte
	lengths []int
	flags   []byte
	streams []string
	orders  []string
}{
	kinds: []byte{
		frameData, frameHeaders, framePriority, frameReset, frameSettings, framePushPromise, framePing, frameGoAway, frameWindowUpdate, frameContinuation, frameUnknown,
	},
	lengths: []int{0, 1, 4, 5, 6, 8, 9, 17},
	flags:   []byte{0, flagEndStream, flagEndHeaders, flagEndStream | flagEndHeaders, flagPadded, 0x20 | flagEndHeaders, 0xff},
	streams: []string{"the connection", "its stream", "an idle stream", "a server's stream", "an ended stream", "an innocent stream"},
	orders:  []string{"alone", "within its header section", "behind its header section", "after an interim response", "after its end"},
}

// framePayloads are what valid frames begin with.
var framePayloads = map[byte][]byte{
	frameHeaders:      fieldBlock("x", "y"),
	frameReset:        code(codeCancel),
	frameSettings:     {0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0},
	framePushPromise:  append(code(2), fieldBlock(":method", "GET", ":path", "/")...),
	frameGoAway:       append(code(1<<31-1), code(codeNone)...),
	frameWindowUpdate: code(1),
	frameContinuation: fieldBlock("x", "y"),
}

// framesOfAllKinds returns every combination.
func framesOfAllKinds() (kinds []http2Kind) {
	space := &frameSpace
	for _, order := range space.orders {
		for _, place := range space.streams {
			for _, flags := range space.flags {
				for _, length := range space.lengths {
					for _, kind := range space.kinds {
						payload := append(append([]byte{}, framePayloads[kind]...), make([]byte, 20)...)[:length]
						kinds = append(kinds, http2Kind{
							name: fmt.Sprintf("type %#x with flags %#x and %d bytes on %s, %s", kind, flags, length, place, order),
							say: func(c *rawHTTP2, stream uint32, others []uint32) {
								c.begun(order, stream)
								on := map[string]uint32{"its stream": stream, "an idle stream": stream + 100, "a server's stream": 2, "an ended stream": 1, "an innocent stream": others[2]}[place]
								c.frame(kind, flags, on, payload...)
							},
						})
					}
				}
			}
		}
	}
	return kinds
}

// begun sends the part of a response that comes before the frame.
func (c *rawHTTP2) begun(order string, stream uint32) {
	switch order {
	case "within its header section":
		c.frame(frameHeaders, 0, stream, fieldBlock(":status", "200")...)
	case "behind its header section":
		c.headers(stream, 0, ":status", "200")
	case "after an interim response":
		c.headers(stream, 0, ":status", "103", "link", "x")
	case "after its end":
		c.good(stream)
	}
}

// framesSampled is the share of the table that TestHTTP2FramesOfAllKinds tries
// unless it tries all: one in this many. It is a prime.
const framesSampled = 241

// Whatever frame a server sends, in whatever place, no caller takes another's or
// a truncated response for its own, every caller gets a result, and the next
// request succeeds, see http2Kind.check.
func TestHTTP2FramesOfAllKinds(t *testing.T) {
	needsMultiplexing(t)
	kinds := framesOfAllKinds()
	every := 1
	if !long() {
		every = framesSampled
	}
	for i := rand.IntN(every); i < len(kinds); i += every {
		t.Run(kinds[i].name, func(t *testing.T) {
			t.Parallel()
			transport := &Transport{InsecureSkipVerify: true}
			kinds[i].check(t, transport)
			require.NoError(t, transport.Close())
		})
	}
}
