package origin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// protocolHTTP2 is the name of HTTP/2 in ALPN.
const protocolHTTP2 = "h2"

// http2Session is a connection of HTTP/2 [RFC 9113]. Requests are answered one after
// the other, in the order in which they became whole, and the origin stalls
// between them as it does with HTTP/1.1.
type http2Session struct {
	*connection
	read     *counter
	framer   *http2.Framer
	encoder  *hpack.Encoder
	encoded  bytes.Buffer
	streams  map[uint32]*http2Stream // those that are not answered yet
	waiting  []*http2Stream          // requests that are whole, the oldest first
	window   int64                   // bytes of bodies that the client takes on this connection
	initial  int64                   // and on each new stream
	maxFrame int
}

// http2Stream is a stream of HTTP/2, with one request.
type http2Stream struct {
	id       uint32
	window   int64
	exchange exchange
	fields   textproto.MIMEHeader
	body     []byte
	offset   int64 // of its first byte on the connection
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

// Defaults of a client's settings [RFC 9113 §6.5.2].
const (
	defaultWindow   = 65_535
	defaultMaxFrame = 16_384
)

// maxStreams is how many requests the origin takes at a time.
const maxStreams = 1000

// serveHTTP2 serves the connection to its end.
func (c *connection) serveHTTP2() {
	read := &counter{Reader: c.stream}
	s := &http2Session{
		connection: c, read: read, framer: http2.NewFramer(c.stream, read), streams: make(map[uint32]*http2Stream),
		window: defaultWindow, initial: defaultWindow, maxFrame: defaultMaxFrame,
	}
	s.encoder = hpack.NewEncoder(&s.encoded)
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.framer.MaxHeaderListSize = maxLine
	c.end(s.serve(), false)
}

// serve serves until the error that it returns, which is io.EOF in good order.
func (s *http2Session) serve() error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(s.read, preface); err != nil {
		return err
	}
	if string(preface) != http2.ClientPreface {
		return errors.New("what the client sent does not begin as HTTP/2 does")
	}
	if err := s.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams}); err != nil {
		return err
	}
	for {
		if len(s.waiting) == 0 {
			if err := s.receive(); err != nil {
				return err
			}
			continue
		}
		oldest := s.waiting[0]
		s.waiting = s.waiting[1:]
		if oldest.exchange.number > 0 && s.server.stalls(s.seen.Number) {
			s.stall() // but not before the first answer, clients wait for that one
		}
		if err := s.respond(oldest); err != nil {
			return err
		}
	}
}

// receive reads one frame and does what it asks for.
func (s *http2Session) receive() error {
	offset := s.read.offset
	frame, err := s.framer.ReadFrame()
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		return s.begin(f, offset)
	case *http2.DataFrame:
		return s.take(f)
	case *http2.RSTStreamFrame:
		s.forget(f.StreamID)
	case *http2.WindowUpdateFrame:
		s.widen(f)
	case *http2.SettingsFrame:
		return s.settle(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			return s.framer.WritePing(true, f.Data)
		}
	}
	return nil
}

// begin takes the header section of a request.
func (s *http2Session) begin(f *http2.MetaHeadersFrame, offset int64) error {
	one := &http2Stream{id: f.StreamID, window: s.initial, offset: offset, fields: make(textproto.MIMEHeader)}
	one.fields.Set("Host", f.PseudoValue("authority"))
	for _, field := range f.RegularFields() {
		one.fields.Add(field.Name, field.Value)
	}
	h := &head{}
	h.ID, h.Offset = one.fields.Get(plan.RequestIDField), offset
	// a message of HTTP/2 says the same as this request line [RFC 9113 §8.3.1]
	h.Problem = h.understand(f.PseudoValue("method")+" "+f.PseudoValue("path")+" HTTP/1.1", one.fields)
	if f.Truncated {
		h.Problem = fmt.Sprintf("a header section of more than %d bytes", maxLine)
	}
	one.exchange.head = h
	s.streams[f.StreamID] = one
	if f.StreamEnded() {
		return s.whole(one)
	}
	return nil
}

// take takes a part of the body of a request.
func (s *http2Session) take(f *http2.DataFrame) error {
	one := s.streams[f.StreamID]
	if n := uint32(f.Length); n > 0 {
		if err := s.framer.WriteWindowUpdate(0, n); err != nil {
			return err
		}
		if err := s.framer.WriteWindowUpdate(f.StreamID, n); err != nil {
			return err
		}
	}
	if one == nil {
		return nil // the client has given it up
	}
	if one.body = append(one.body, f.Data()...); len(one.body) > maxBody {
		return fmt.Errorf("the body of a request is longer than %d bytes", maxBody)
	}
	if f.StreamEnded() {
		return s.whole(one)
	}
	return nil
}

// whole notes a request that has arrived whole. One that makes no sense ends
// the connection, as with HTTP/1.1.
func (s *http2Session) whole(one *http2Stream) error {
	h := one.exchange.head
	h.BodyBytes = len(one.body)
	if h.Problem == "" && !bytes.Equal(one.body, plan.Body(h.ID, h.BodyBytes)) {
		h.Problem = "a body that is not its own"
	}
	h.Length = s.read.offset - one.offset
	h.Arrived, h.Behind = time.Now(), len(s.waiting)
	one.exchange.number = len(s.seen.Requests)
	s.seen.Requests = append(s.seen.Requests, h.Request)
	if h.Problem != "" {
		return errors.New("the request makes no sense: " + h.Problem)
	}
	s.server.noteArrived(h.ID, s.seen.Number, one.exchange.number)
	s.waiting = append(s.waiting, one)
	return nil
}

// forget gives up a request that the client has taken back.
func (s *http2Session) forget(id uint32) {
	delete(s.streams, id)
	for i, one := range s.waiting {
		if one.id == id {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			return
		}
	}
}

// widen notes that the client takes more.
func (s *http2Session) widen(f *http2.WindowUpdateFrame) {
	if f.StreamID == 0 {
		s.window += int64(f.Increment)
	} else if one := s.streams[f.StreamID]; one != nil {
		one.window += int64(f.Increment)
	}
}

// settle follows the client's settings.
func (s *http2Session) settle(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	err := f.ForeachSetting(func(setting http2.Setting) error {
		switch setting.ID {
		case http2.SettingInitialWindowSize:
			for _, one := range s.streams {
				one.window += int64(setting.Val) - s.initial
			}
			s.initial = int64(setting.Val)
		case http2.SettingMaxFrameSize:
			s.maxFrame = int(setting.Val)
		case http2.SettingHeaderTableSize:
			s.encoder.SetMaxDynamicTableSize(setting.Val)
		}
		return nil
	})
	return errors.Join(err, s.framer.WriteSettingsAck())
}

// respond answers a request honestly.
func (s *http2Session) respond(one *http2Stream) error {
	x := &one.exchange
	body := plan.Body(x.ID, x.bodyBytes)
	s.seen.Requests[x.number].AnswerBegan = time.Now()
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
	err := s.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: one.id, BlockFragment: s.encoded.Bytes(), EndHeaders: true, EndStream: len(body) == 0,
	})
	if err == nil {
		err = s.send(one, body)
	}
	if err != nil {
		return err
	}
	if s.streams[one.id] != nil || len(body) == 0 {
		s.note(x, true, true)
	}
	delete(s.streams, one.id)
	return nil
}

// send sends a body, as far as the client takes it, and waits for it to take
// more.
func (s *http2Session) send(one *http2Stream, body []byte) error {
	for len(body) > 0 && s.streams[one.id] != nil {
		n := min(int64(len(body)), int64(s.maxFrame), s.window, one.window)
		if n <= 0 {
			if err := s.receive(); err != nil {
				return err
			}
			continue
		}
		if err := s.framer.WriteData(one.id, int(n) == len(body), body[:n]); err != nil {
			return err
		}
		body = body[n:]
		s.window -= n
		one.window -= n
	}
	return nil
}
