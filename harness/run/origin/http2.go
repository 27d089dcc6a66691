package origin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// protocolHTTP2 is the name of HTTP/2 in ALPN.
const protocolHTTP2 = "h2"

// http2Session is a connection of HTTP/2 [RFC 9113]. Requests are answered as
// soon as they are whole and what their answers wait for has come, the responses
// frame by frame in turn. Where the origin stalls it answers one after the other,
// as with HTTP/1.1.
type http2Session struct {
	*connection
	framer  *http2.Framer
	frames  chan http2Frame // those that were read
	readOn  chan struct{}   // closed when the last frame has been handled
	encoder *hpack.Encoder
	encoded bytes.Buffer
	streams map[uint32]*http2Stream // streams that have not been answered
	waiting []*http2Stream          // complete requests whose answers have not begun, oldest first
	sending []*http2Stream          // streams with unfinished responses, the next one first
	windows *Windows                // of the client
	settled bool                    // the client knows the origin's settings
	pinged  bool                    // and the client has not answered yet
	away    bool                    // GOAWAY has told the client to open no more streams
	last    uint32                  // the last stream that is answered then
}

// http2Stream is a stream of HTTP/2, with one request.
type http2Stream struct {
	id       uint32
	exchange exchange
	fields   textproto.MIMEHeader
	body     []byte
	offset   int64 // of its first byte on the connection
	response []byte
	carried  bool // what its answer waited for has happened
}

// http2Frame is a frame that was read, and its position on the connection.
type http2Frame struct {
	http2.Frame
	begin, end int64
	failed     error
}

// counter counts the bytes that were read.
type counter struct {
	io.Reader
	offset int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.offset += int64(n)
	return n, err
}

// maxStreams is how many requests the origin accepts at a time by default.
const maxStreams = 1000

// errHungUp says that the connection ended as its answer requires.
var errHungUp = errors.New("the origin has hung up")

// serveHTTP2 serves the connection to its end.
func (c *connection) serveHTTP2() {
	c.seen.HTTP2 = true
	read := &counter{Reader: c.stream}
	s := &http2Session{
		connection: c, framer: http2.NewFramer(c.stream, read),
		frames: make(chan http2Frame), readOn: make(chan struct{}), streams: make(map[uint32]*http2Stream),
		windows: NewWindows(),
	}
	s.encoder = hpack.NewEncoder(&s.encoded)
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.framer.MaxHeaderListSize = maxLine
	done := make(chan struct{})
	defer close(done)
	if err := s.open(read); err != nil {
		c.end(err, false)
		return
	}
	go s.read(read, done)
	err := s.serve()
	s.forgetAll()
	if !errors.Is(err, errHungUp) {
		c.end(err, false)
	}
}

// open reads the client's preface and sends the settings.
func (s *http2Session) open(read *counter) error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(read, preface); err != nil {
		return err
	}
	if string(preface) != http2.ClientPreface {
		return errors.New("what the client sent does not begin with the preface of HTTP/2")
	}
	settings := []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: uint32(s.mostStreams())}}
	if n := s.server.config.StreamWindow; n > 0 {
		settings = append(settings, http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(n)})
	}
	if err := s.framer.WriteSettings(settings...); err != nil || s.server.config.StreamWindow == 0 {
		return err
	}
	return s.framer.WriteWindowUpdate(0, uint32(s.server.config.StreamWindow))
}

func (s *http2Session) mostStreams() int {
	if n := s.server.config.MaxStreams; n > 0 {
		return n
	}
	return maxStreams
}

// read delivers frame after frame; each is valid until the next is read.
func (s *http2Session) read(from *counter, done <-chan struct{}) {
	for {
		begin := from.offset
		frame, err := s.framer.ReadFrame()
		select {
		case s.frames <- http2Frame{frame, begin, from.offset, err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
		select {
		case <-s.readOn:
		case <-done:
			return
		}
	}
}

// serve serves until the error that it returns, which is io.EOF after a normal
// end.
func (s *http2Session) serve() error {
	for {
		if err := s.begin(); err != nil {
			return err
		}
		if s.away && !s.unanswered() {
			return s.hangUp(false)
		}
		one := s.next()
		if one == nil {
			if err := s.await(); err != nil {
				return err
			}
			continue
		}
		select {
		case f := <-s.frames:
			if err := s.take(f); err != nil {
				return err
			}
		default:
			if err := s.send(one); err != nil {
				return err
			}
		}
	}
}

// await waits for a frame, or until an answer has waited long enough.
func (s *http2Session) await() error {
	var enough <-chan time.Time
	for _, one := range s.waiting {
		if !one.exchange.waited {
			timer := time.NewTimer(time.Until(one.exchange.Arrived.Add(patience(one.exchange.answer.Hold))))
			defer timer.Stop()
			enough = timer.C // the oldest has waited longest
			break
		}
	}
	select {
	case f := <-s.frames:
		return s.take(f)
	case <-enough:
		return nil
	}
}

// take acts on a frame.
func (s *http2Session) take(f http2Frame) error {
	if f.failed != nil {
		return f.failed
	}
	err := s.understand(f)
	s.readOn <- struct{}{}
	return err
}

func (s *http2Session) understand(f http2Frame) error {
	switch frame := f.Frame.(type) {
	case *http2.MetaHeadersFrame:
		return s.headers(frame, f)
	case *http2.DataFrame:
		return s.data(frame, f)
	case *http2.RSTStreamFrame:
		s.forget(frame.StreamID)
	case *http2.WindowUpdateFrame:
		s.windows.Widen(frame)
	case *http2.SettingsFrame:
		return s.settle(frame)
	case *http2.PingFrame:
		if !frame.IsAck() {
			return s.framer.WritePing(true, frame.Data)
		}
		s.pinged = false
	}
	return nil
}

// headers handles the header section of a request.
func (s *http2Session) headers(frame *http2.MetaHeadersFrame, f http2Frame) error {
	one := &http2Stream{id: frame.StreamID, offset: f.begin, fields: make(textproto.MIMEHeader)}
	one.fields.Set("Host", frame.PseudoValue("authority"))
	for _, field := range frame.RegularFields() {
		one.fields.Add(field.Name, field.Value)
	}
	h := &head{}
	h.ID, h.Offset = one.fields.Get(plan.RequestIDField), f.begin
	// in HTTP/2 these fields have the same meaning as this request line [RFC
	// 9113 §8.3.1]
	h.Problem = h.understand(frame.PseudoValue("method")+" "+frame.PseudoValue("path")+" HTTP/1.1", one.fields)
	if frame.Truncated {
		h.Problem = fmt.Sprintf("a header section of more than %d bytes", maxLine)
	}
	if s.settled && len(s.streams) >= s.mostStreams() {
		h.Problem = fmt.Sprintf("a stream beyond the %d that there may be at a time", s.mostStreams())
	}
	one.exchange.head = h
	s.streams[one.id] = one
	if frame.StreamEnded() {
		return s.whole(one, f.end)
	}
	return nil
}

// data handles a part of a request's body.
func (s *http2Session) data(frame *http2.DataFrame, f http2Frame) error {
	one := s.streams[frame.StreamID]
	if n := frame.Length; n > 0 {
		for _, id := range []uint32{0, frame.StreamID} {
			if err := s.framer.WriteWindowUpdate(id, n); err != nil {
				return err
			}
		}
	}
	if one == nil {
		return nil // the client has cancelled it, or it is not answered any more
	}
	if one.body = append(one.body, frame.Data()...); len(one.body) > maxBody {
		return fmt.Errorf("the body of a request is longer than %d bytes", maxBody)
	}
	if frame.StreamEnded() {
		return s.whole(one, f.end)
	}
	return nil
}

// whole notes that a request is complete. An invalid one ends the connection,
// as over HTTP/1.1.
func (s *http2Session) whole(one *http2Stream, end int64) error {
	h := one.exchange.head
	h.BodyBytes = len(one.body)
	if h.Problem == "" && !bytes.Equal(one.body, plan.Body(h.ID, h.BodyBytes)) {
		h.Problem = "a body that is not its own"
	}
	h.Length = end - one.offset
	h.Arrived, h.Behind, h.Ignored = time.Now(), len(s.waiting)+len(s.sending), s.away && one.id > s.last
	one.exchange.number = len(s.seen.Requests)
	s.seen.Requests = append(s.seen.Requests, h.Request)
	if h.Problem != "" {
		return errors.New("the request makes no sense: " + h.Problem)
	}
	one.exchange.answer = s.server.noteArrived(h.ID, s.seen.Number, one.exchange.number)
	if !h.Ignored {
		s.waiting = append(s.waiting, one)
	}
	return nil
}

// settle applies the client's settings.
func (s *http2Session) settle(f *http2.SettingsFrame) error {
	if f.IsAck() {
		s.settled = true
		return nil
	}
	return errors.Join(s.windows.Settle(f, s.encoder), s.framer.WriteSettingsAck())
}

// unanswered reports whether there are requests that still get an answer.
func (s *http2Session) unanswered() bool {
	for id := range s.streams {
		if id <= s.last {
			return true
		}
	}
	return false
}

// hangUp ends the connection on purpose, and reads until the client has
// noticed.
func (s *http2Session) hangUp(withReset bool) error {
	s.seen.End = End{Time: time.Now()}
	if withReset {
		reset(s.tcp)
		return errHungUp
	}
	if err := s.stream.CloseWrite(); err != nil {
		s.seen.End.Error = err.Error()
		return errHungUp
	}
	s.away = true
	for f := range s.frames {
		if f.failed != nil {
			break
		}
		if frame, opened := f.Frame.(*http2.MetaHeadersFrame); opened && frame.StreamEnded() {
			if err := s.headers(frame, f); err != nil {
				break
			}
		}
		s.readOn <- struct{}{}
	}
	return errHungUp
}
