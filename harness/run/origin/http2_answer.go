package origin

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// begin begins the answers that no longer have to wait.
func (s *http2Session) begin() error {
	for i := 0; i < len(s.waiting); {
		one := s.waiting[i]
		stalls := one.exchange.number > 0 && s.server.stalls(s.seen.Number)
		if stalls && len(s.sending) > 0 {
			return nil
		}
		if s.holds(one) {
			i++
			continue
		}
		s.waiting = slices.Delete(s.waiting, i, i+1)
		if stalls {
			s.stall() // not before the first answer, because clients wait for that one
		}
		if err := s.answer(one); err != nil {
			return err
		}
	}
	return nil
}

// holds reports whether the answer still has to wait.
func (s *http2Session) holds(one *http2Stream) bool {
	x := &one.exchange
	held := false
	switch x.answer.Hold {
	case scenario.HoldNext:
		held = len(s.waiting) < 2
	case scenario.HoldRest:
		held = !s.server.allArrived()
	case scenario.HoldGone:
		held = true
	}
	if held && time.Since(x.Arrived) >= patience(x.answer.Hold) {
		x.waited = true
	}
	return held && !x.waited
}

// answer begins to answer a request.
func (s *http2Session) answer(one *http2Stream) error {
	x := &one.exchange
	one.carried = s.wait(x)
	a := x.answer
	if a.Drop {
		s.note(x, false, one.carried)
		return s.hangUp(a.Reset)
	}
	if a.CloseAnnounced {
		s.goAway(one.id)
	}
	s.seen.Requests[x.number].AnswerBegan = time.Now()
	if a.ResetStream != http2.ErrCodeNo && a.CutAfter == 0 {
		return s.finish(one)
	}
	body := plan.Body(x.ID, x.bodyBytes)
	s.encoded.Reset()
	for _, field := range []hpack.HeaderField{
		{Name: ":status", Value: strconv.Itoa(http.StatusOK)},
		{Name: "x-request-id", Value: x.ID},
		{Name: "content-length", Value: strconv.Itoa(len(body))},
	} {
		if err := s.encoder.WriteField(field); err != nil {
			return err
		}
	}
	if x.Method == http.MethodHead {
		body = nil
	}
	one.response = body
	if a.CutAfter > 0 {
		one.response = body[:min(a.CutAfter, len(body))]
	}
	err := s.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: one.id, BlockFragment: s.encoded.Bytes(), EndHeaders: true, EndStream: len(body) == 0,
	})
	if err != nil {
		return err
	}
	if len(one.response) == 0 {
		return s.finish(one)
	}
	s.sending = append(s.sending, one)
	return nil
}

// goAway stops answers to streams above last, except those that have begun.
func (s *http2Session) goAway(last uint32) {
	s.away, s.last = true, last
	s.waiting = slices.DeleteFunc(s.waiting, func(other *http2Stream) bool {
		if other.id <= last {
			return false
		}
		s.seen.Requests[other.exchange.number].Ignored = true
		return true
	})
}

// next returns the stream that is to send next; nil if the client's windows are
// closed.
func (s *http2Session) next() *http2Stream {
	if s.pinged {
		return nil
	}
	for _, one := range s.sending {
		if s.windows.Room(one.id) > 0 {
			return one
		}
	}
	return nil
}

// send sends one frame of a response; then it is another stream's turn.
func (s *http2Session) send(one *http2Stream) error {
	n := min(int64(len(one.response)), s.windows.Room(one.id))
	left := one.response[n:]
	ends := len(left) == 0 && one.exchange.answer.CutAfter == 0
	if err := s.framer.WriteData(one.id, ends, one.response[:n]); err != nil {
		return err
	}
	if s.server.config.InStep {
		s.pinged = true
		if err := s.framer.WritePing(false, [8]byte{}); err != nil {
			return err
		}
	}
	one.response = left
	s.windows.Sent(one.id, n)
	s.sending = slices.DeleteFunc(s.sending, func(other *http2Stream) bool { return other == one })
	if len(left) == 0 {
		return s.finish(one)
	}
	s.sending = append(s.sending, one)
	return nil
}

// finish acts when the last byte that will be sent of a response has been sent.
func (s *http2Session) finish(one *http2Stream) error {
	x := &one.exchange
	a := x.answer
	delete(s.streams, one.id)
	s.note(x, a.CutAfter == 0 && a.ResetStream == http2.ErrCodeNo, one.carried)
	switch {
	case a.ResetStream != http2.ErrCodeNo:
		return s.framer.WriteRSTStream(one.id, a.ResetStream)
	case a.CloseAnnounced:
		return s.framer.WriteGoAway(s.last, http2.ErrCodeNo, nil)
	case a.Ends():
		return s.hangUp(a.Reset)
	}
	return nil
}

// forget forgets a request that the client has cancelled.
func (s *http2Session) forget(id uint32) {
	one := s.streams[id]
	if one == nil {
		return
	}
	delete(s.streams, id)
	same := func(other *http2Stream) bool { return other == one }
	s.sending = slices.DeleteFunc(s.sending, same)
	if at := slices.IndexFunc(s.waiting, same); at >= 0 {
		s.waiting = slices.Delete(s.waiting, at, at+1)
		s.note(&one.exchange, false, one.exchange.answer.Hold == scenario.HoldGone)
	} else if one.carried {
		s.note(&one.exchange, false, true)
	}
}

// forgetAll forgets all requests when the connection has ended.
func (s *http2Session) forgetAll() {
	for _, id := range slices.Sorted(maps.Keys(s.streams)) {
		s.forget(id)
	}
}
