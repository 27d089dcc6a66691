package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

const (
	// chunkSize is the size of the chunks of a chunked body.
	chunkSize = 3000
	// pieceSize is the size of the pieces in which a response is written if the
	// scenario needs to know whether the client reads it: one TLS record.
	pieceSize = 16 << 10
	// blockedTime is the time without progress after which a write counts as
	// blocked.
	blockedTime = 100 * time.Millisecond
)

// excess is repeated in the bytes that belong to no response.
const excess = "excess"

// response is the wire form of one response.
type response struct {
	head []byte
	body []byte // as transferred, with everything that follows it
}

// answer answers the oldest request. It returns false when the connection is
// over.
func (c *connection) answer(x *exchange) bool {
	if x.answer.Honest() {
		if x.number > 0 && c.server.stalls(c.seen.Number) {
			c.stall() // not before the first answer, because clients wait for that one
		}
	}
	carried := c.wait(x)
	a := x.answer
	c.queue = c.queue[1:]
	if a.Drop {
		c.note(x, false, carried)
		c.hangUp(a.Reset)
		return false
	}
	wire := respond(x.head, a).cut(a)
	now := len(wire)
	if a.WithNext && carried {
		now = 0
	} else if a.SplitTail > 0 && carried {
		now = max(0, len(wire)-a.SplitTail)
	}
	c.seen.Requests[x.number].AnswerBegan = time.Now()
	if err := c.writeWith(x, wire, now); err != nil {
		c.note(x, false, carried)
		c.drain() // what had arrived before
		c.end(err, true)
		return false
	}
	c.note(x, a.CutAfter == 0, carried)
	if a.Ends() {
		c.hangUp(a.Reset)
		return false
	}
	return true
}

// writeWith writes like write, and lets TLS send the message that follows. Both
// are sent together, so that a client that has the response has both.
func (c *connection) writeWith(x *exchange, wire []byte, now int) error {
	event := x.answer.EventAfter
	if event == scenario.NoEvent {
		return c.write(x, wire, now)
	}
	if err := Cork(c.tcp, true); err != nil {
		return err
	}
	return errors.Join(c.write(x, wire, now), c.event(event), Cork(c.tcp, false))
}

// write sends what was held back and the first now bytes of a response, in one
// write, and holds back the rest.
func (c *connection) write(x *exchange, wire []byte, now int) error {
	if now > 0 {
		out := append(c.kept, wire[:now]...)
		c.kept = nil
		if err := c.send(out, x.answer.SignalBlocked); err != nil {
			return err
		}
	}
	c.kept = append(c.kept, wire[now:]...)
	return nil
}

// send writes, and raises the signal, if any, when the client reads no more or
// when everything is written.
func (c *connection) send(out []byte, signal string) error {
	if signal == "" {
		_, err := c.stream.Write(out)
		return err
	}
	var once sync.Once
	raise := func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), holdBound)
			defer cancel()
			_ = c.server.config.Process.Signal(ctx, signal) // the judge sees the result
		})
	}
	defer raise()
	for len(out) > 0 {
		piece := out[:min(len(out), pieceSize)]
		out = out[len(piece):]
		blocked := time.AfterFunc(blockedTime, raise)
		_, err := c.stream.Write(piece)
		blocked.Stop()
		if err != nil {
			return err
		}
	}
	return nil
}

// note records the outcome of a request.
func (c *connection) note(x *exchange, answered, carried bool) {
	r := &c.seen.Requests[x.number]
	r.Answered = answered
	r.AsPlanned = carried
	if answered {
		r.AnswerEnded = time.Now()
		c.server.noteAnswered(x.ID)
	}
}

// respond makes the response to a request, changed as the answer says.
func respond(h *head, a scenario.Answer) response {
	body := plan.Body(h.ID, h.bodyBytes)
	status := http.StatusOK
	fields := fmt.Sprintf("%s: %s\r\n", plan.RequestIDField, h.ID)
	if a.Raw != "" {
		return response{head: []byte(strings.NewReplacer(
			"{id}", fields, "{length}", strconv.Itoa(len(body)), "{size}", strconv.FormatInt(int64(len(body)), 16),
			"{body}", string(body),
		).Replace(a.Raw))}
	}
	if a.Redirect != "" {
		status = http.StatusFound
		fields += "Location: " + a.Redirect + "\r\n"
	}
	if a.CloseAnnounced {
		fields += "Connection: close\r\n"
	}
	if a.Chunked {
		fields += "Transfer-Encoding: chunked\r\n"
		body = chunked(body)
	} else {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	if h.Method == http.MethodHead && !a.HeadBody {
		body = nil
	}
	return response{
		head: fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n%s\r\n", status, http.StatusText(status), fields),
		body: append(body, plan.Padding(excess, a.Excess)...),
	}
}

// cut returns the bytes to be sent: all of them or, with CutAfter, that many.
func (r response) cut(a scenario.Answer) []byte {
	body := r.body
	if a.CutAfter > 0 {
		body = body[:min(a.CutAfter, len(body))]
	}
	return append(r.head, body...)
}

// chunked encodes a body in the chunked transfer coding.
func chunked(body []byte) []byte {
	var out []byte
	for len(body) > 0 {
		chunk := body[:min(len(body), chunkSize)]
		body = body[len(chunk):]
		out = fmt.Appendf(out, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	return append(out, "0\r\n\r\n"...)
}
