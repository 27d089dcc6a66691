package check

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/origin/openssl"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Deed is what the origin did in a scenario.
type Deed struct {
	// Done is true if the misbehaviour happened; otherwise Problem says what
	// prevented it.
	Done    bool
	Problem string
	// Connection is the number of the connection, and Place the place of the
	// request on it. Method and Target are the request's.
	Connection, Place int
	Method, Target    string
	// Expected is the size of the request's body according to its Content-Length,
	// -1 without one. Read is how many bytes of it arrived.
	Expected, Read int64
	// Over says how the client exceeded a limit of HTTP/2; empty if it did not.
	Over string
	// Most is the largest number of streams that were open at a time under a
	// limit; 0 if there was none.
	Most int
	// Unacknowledged says what the client did not acknowledge; empty if it did.
	Unacknowledged string
}

// words are unique words in the bodies of a run with a scenario. They show in
// the client's output which bodies it printed.
type words struct{ own, foreign string }

func newWords() words {
	return words{own: "own" + rand.Text()[:8], foreign: "foe" + rand.Text()[:8]}
}

// chosen reports whether the scenario happens to this request, and records
// that. It happens once.
func (c *connection) chosen(method string, bodyBytes int64, multiplexed bool) *Scenario {
	s := c.server.config.Scenario
	if s == nil || s.ID == honest || s.HTTP2 != multiplexed || !s.fits(method, bodyBytes) {
		return nil
	}
	c.server.mutex.Lock()
	defer c.server.mutex.Unlock()
	if c.server.chosen {
		return nil
	}
	c.server.chosen = true
	return s
}

// did records what was done to the request at a position.
func (c *connection) did(place int, expected, read int64, problem string) {
	c.server.mutex.Lock()
	defer c.server.mutex.Unlock()
	r := c.seen.Requests[place]
	d := &c.server.deed
	d.Done, d.Problem = problem == "", problem
	d.Connection, d.Place, d.Method, d.Target = c.seen.Number, place, r.Method, r.Target
	d.Expected, d.Read = expected, read
}

// text returns the body of a response: the request's id, or its target, and the
// word that identifies the response.
func (s *Server) text(id, target string) string {
	if id == "" {
		id = target
	}
	if s.words.own != "" {
		id += " " + s.words.own
	}
	return id + "\n"
}

// wordField has the word of a response in its header section, for a client that
// prints only that section.
const wordField = "X-Origin-Word"

// foreignBody returns the body of what is not a valid response.
func (w words) foreignBody() string {
	return w.foreign + " is nobody's response, and this is more of it\n"
}

// wire returns the response that the scenario prescribes.
func (s *Server) wire(m *Scenario, r *http.Request) (head, body string) {
	own, foreign := body1(s, m, r), s.words.foreignBody()
	id := ""
	if value := r.Header.Get(requestID); value != "" {
		id = requestID + ": " + value + "\r\n"
	}
	a := m.Answer
	if a.Raw != "" {
		return strings.NewReplacer(
			"{id}", id, "{length}", strconv.Itoa(len(own)), "{size}", strconv.FormatInt(int64(len(own)), 16), "{body}", own,
			"{foreign-length}", strconv.Itoa(len(foreign)), "{foreign}", foreign,
			"{foreign-field}", wordField+": "+s.words.foreign+"\r\n",
		).Replace(a.Raw), ""
	}
	head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + id
	if a.CloseAnnounced {
		head += "Connection: close\r\n"
	}
	if a.Chunked {
		return head + "Transfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(own), own)
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(own)), own
}

// body1 returns the body of the scenario's response. If the client must not
// take it for a response, the body shows if it did.
func body1(s *Server, m *Scenario, r *http.Request) string {
	switch m.Allows {
	case Discard, Incomplete, Recover:
		return s.words.foreignBody()
	}
	return s.text(r.Header.Get(requestID), r.URL.RequestURI())
}

// misbehave answers a request as the scenario prescribes; more has the next
// request. It returns false when the connection is over.
func (c *connection) misbehave(stream stream, more *bufio.Reader, m *Scenario, r *http.Request, place int) bool {
	time.Sleep(m.Late)
	a := m.Answer
	if a.Drop {
		c.finish(stream, a.Reset)
		return false
	}
	head, body := c.server.wire(m, r)
	if a.CutAfter > 0 {
		body = body[:a.CutAfter]
	}
	err := c.write(stream, m, head+body)
	c.answered(place, err)
	if err != nil {
		c.end(err)
		return false
	}
	if a.Reset {
		time.Sleep(resetDelay) // the kernel may discard what was received before a RST
	}
	if a.CloseAnnounced {
		c.announced(stream, more)
		return false
	}
	if a.Close && m.Allows == Surplus {
		c.another(stream, more, surplusPause)
	}
	if a.Ends() || r.Close || r.ProtoMinor == 0 { // the response does not say that the connection is kept
		c.finish(stream, a.Reset)
		return false
	}
	return true
}

// announced ends a connection whose end was announced, and records a request
// that arrives nevertheless.
func (c *connection) announced(stream stream, more *bufio.Reader) {
	c.closeWrite(stream)
	c.another(stream, more, misbehavedPatience)
	c.end(nil)
}

// surplusPause is how long the end of a connection waits for another request
// after a surplus response. Without it, timing would decide whether the client
// sends one.
const surplusPause = 200 * time.Millisecond

// another waits for one more request, which it records and does not answer.
func (c *connection) another(stream stream, more *bufio.Reader, patience time.Duration) {
	_ = stream.SetReadDeadline(time.Now().Add(patience)) // reading tells
	if r, err := http.ReadRequest(more); err == nil {
		c.arrived(r, 0, 0, 0)
	}
}

// resetDelay is how long the client has to read what was sent before a RST.
const resetDelay = 50 * time.Millisecond

// write writes the response, and lets TLS send the message that follows it.
func (c *connection) write(stream stream, m *Scenario, wire string) error {
	if m.Drip {
		for i := range len(wire) {
			if _, err := io.WriteString(stream, wire[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	event := m.Answer.EventAfter
	if event == scenario.NoEvent {
		_, err := io.WriteString(stream, wire)
		return err
	}
	if err := origin.Cork(c.tcp, true); err != nil {
		return err
	}
	if _, err := io.WriteString(stream, wire); err != nil {
		return err
	}
	if err := c.event(stream, event); err != nil {
		return err
	}
	return origin.Cork(c.tcp, false)
}

// whileWriting makes TLS send a message while the client is stuck in writing
// its request. It returns what prevented that.
func (c *connection) whileWriting(stream stream, m *Scenario) (problem string) {
	if m.Answer.Hold == scenario.HoldStuck {
		if !c.server.waitStuck(c.tcp) {
			problem = "no write of the client was blocked"
		}
	}
	if m.Answer.Event != scenario.NoEvent {
		if err := c.event(stream, m.Answer.Event); err != nil {
			problem = err.Error()
		}
	}
	return problem
}

// earlyPause is how long the client has to notice an early response before the
// origin reads on.
const earlyPause = 300 * time.Millisecond

// answerEarly answers before the body has arrived, and then reads what arrives
// of it.
func (c *connection) answerEarly(stream stream, m *Scenario, r *http.Request, offset, length int64) {
	place := c.arrived(r, 0, offset, length)
	head, body := c.server.wire(m, r)
	err := c.write(stream, m, head+body)
	c.answered(place, err)
	if err != nil {
		c.did(place, r.ContentLength, 0, err.Error())
		c.end(err)
		return
	}
	time.Sleep(earlyPause)
	n := readOn(stream, r.Body)
	c.did(place, r.ContentLength, n, "")
	c.finish(stream, false)
}

// readOn reads a body until the client is silent for long enough, or closes. It
// returns how many bytes arrived.
func readOn(stream stream, body io.Reader) (n int64) {
	buffer := make([]byte, 16<<10)
	for {
		_ = stream.SetReadDeadline(time.Now().Add(misbehavedPatience)) // reading tells
		got, err := body.Read(buffer)
		if n += int64(got); err != nil {
			return n
		}
	}
}

// event makes TLS send a message of its own.
func (c *connection) event(stream stream, event scenario.TLSEvent) error {
	engine, able := stream.(*openssl.Stream)
	if !able {
		return fmt.Errorf("sending a %s takes an origin whose TLS is OpenSSL", event)
	}
	switch event {
	case scenario.HelloRequest:
		return engine.Renegotiate()
	case scenario.KeyUpdate:
		return engine.KeyUpdate(true)
	case scenario.NewSessionTicket:
		return engine.SendTicket()
	}
	return nil
}

// finish ends the connection on purpose.
func (c *connection) finish(stream stream, reset bool) {
	if !reset {
		c.hangUp(stream)
		return
	}
	c.endsIt()
	_ = c.tcp.SetLinger(0) // fails only if the socket is already closed
	c.tcp.Close()
	c.end(nil)
}
