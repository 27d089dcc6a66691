package curlpipe

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// bulky are octets whose HPACK code is no shorter than they are. A field value
// of such octets is sent as it is [RFC 7541 §5.2], so the servers of the model
// need no decoder to recognise their requests.
const bulky = "XZ&*,;"

// unsqueezed encodes a text in those octets, with a recognisable end.
func unsqueezed(text string) string {
	var value strings.Builder
	for i := range len(text) {
		for n, digits := int(text[i]), 0; digits < 4; digits++ { // 5^4 > 256
			value.WriteByte(bulky[n%5])
			n /= 5
		}
	}
	return idBegins + value.String() + idEnds
}

const idBegins, idEnds = ";;;;", ";" // appear also in what HPACK has compressed

// squeezed finds such a text in a header block; empty: there is none.
func squeezed(block []byte) string {
	_, block, _ = bytes.Cut(block, []byte(idBegins))
	block, _, _ = bytes.Cut(block, []byte(idEnds))
	var text []byte
	for ; len(block) >= 4; block = block[4:] {
		n := 0
		for i := 3; i >= 0; i-- {
			n = n*5 + strings.IndexByte(bulky, block[i])
		}
		text = append(text, byte(n))
	}
	return string(text)
}

// fickleHTTP2Server is the same over HTTP/2. It ends streams with true or false
// reasons, refuses them, announces the end of connections, and ends connections or
// violates the protocol while requests are in flight.
func fickleHTTP2Server(t *testing.T, book *ledger, seed uint64) string {
	t.Helper()
	s := newRawHTTP2Server(t, func(c *rawHTTP2) {
		f := &fickleHTTP2{rawHTTP2: c, t: t, book: book, dice: rand.New(rand.NewPCG(seed, uint64(c.number))), asked: make(map[uint32]string)}
		f.run()
	})
	return s.address
}

// fickleHTTP2 is one of its connections.
type fickleHTTP2 struct {
	*rawHTTP2
	t       *testing.T
	book    *ledger
	dice    *rand.Rand
	asked   map[uint32]string // by stream, until the request is complete
	highest uint32            // stream that was processed
	leaves  bool              // GOAWAY was sent: streams above highest are not processed
	group   sync.WaitGroup
}

func (f *fickleHTTP2) run() {
	defer f.group.Wait()
	// no table: a repeated request sends its Id in full [RFC 7541 §4.2]
	f.frame(frameSettings, 0, 0, 0, 1, 0, 0, 0, 0)
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(f.in, head); err != nil {
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(f.in, payload); err != nil {
			return
		}
		stream := binary.BigEndian.Uint32(head[5:])
		switch kind := head[3]; {
		case kind == frameSettings && head[4]&flagAck == 0:
			f.frame(frameSettings, flagAck, 0)
		case kind == framePing && head[4]&flagAck == 0:
			f.frame(framePing, flagAck, 0, payload...)
		case kind == frameReset:
			delete(f.asked, stream)
		case kind == frameHeaders:
			if f.leaves && stream > f.highest {
				continue
			}
			if f.asked[stream] = squeezed(payload); f.asked[stream] == "" {
				f.t.Errorf("no Id in the header block %q", payload)
			}
		case kind == frameData && len(payload) > 0:
			f.frame(frameWindowUpdate, 0, 0, code(uint32(len(payload)))...)
		}
		if id := f.asked[stream]; id != "" && head[4]&flagEndStream != 0 && (head[3] == frameHeaders || head[3] == frameData) {
			delete(f.asked, stream)
			f.answer(stream, id)
		}
	}
}

// answer decides what happens to a request.
func (f *fickleHTTP2) answer(stream uint32, id string) {
	fate, reset, half := f.dice.IntN(150), uint32(f.dice.IntN(lastCode+1)), f.dice.IntN(2) == 0
	if fate < 3 {
		f.frame(frameReset, 0, stream, code(codeRefused)...)
		return
	}
	if fate == 3 && stream > f.highest && !f.leaves {
		f.leave()
		return
	}
	f.highest = max(f.highest, stream)
	f.book.book(id)
	if fate == 4 && !f.leaves {
		f.leave()
	}
	pause := time.Duration(f.dice.IntN(500)) * time.Microsecond
	f.group.Go(func() {
		time.Sleep(pause) // makes answers arrive in another order than the requests
		f.reply(stream, id, fate, reset, half)
	})
}

// leave announces that later requests are not processed.
func (f *fickleHTTP2) leave() {
	f.leaves = true
	for stream := range f.asked {
		if stream > f.highest {
			delete(f.asked, stream)
		}
	}
	f.goAway(f.highest, codeNone)
}

func (f *fickleHTTP2) reply(stream uint32, id string, fate int, reset uint32, half bool) {
	if fate >= 5 && fate < 20 {
		if half || fate == 5 { // nothing may have been sent on a stream that is refused, or for which the server requires HTTP/1.1
			f.headers(stream, 0, ":status", "200")
			f.data(stream, 0, id[:len(id)/2])
		} else if reset == codeRefused || reset == codeHTTP11Required {
			reset = codeCancel
		}
		switch {
		case fate < 12:
			f.frame(frameReset, 0, stream, code(reset)...)
		case fate < 14:
			_ = f.tcp.SetLinger(0)
			_ = f.tcp.Close()
		case fate < 16:
			_ = f.tcp.Close()
		case fate < 18:
			_ = f.CloseWrite() // TCP stays open
		default:
			f.headers(0, 0, ":status", "200") // breaks the protocol
		}
		return
	}
	f.headers(stream, 0, ":status", "200")
	f.data(stream, flagEndStream, id)
	if fate == 20 {
		_ = f.Close()
	}
}
