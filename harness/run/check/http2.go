package check

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// protocolHTTP2 is the name of HTTP/2 in ALPN.
const protocolHTTP2 = "h2"

// Sizes of HTTP/2 in bytes [RFC 9113 §6.5.2].
const (
	largeWindow = 1 << 20
	frameBytes  = 16 << 10
	smallBytes  = 500 // of the window for an upload, if it is small
	maxStreams  = 1000
)

// atOnce is how long to wait for frames that the client has sent together.
const atOnce = 20 * time.Millisecond

// session is an HTTP/2 connection. One goroutine serves it.
type session struct {
	*connection
	stream  stream
	reader  *bufio.Reader
	framer  *http2.Framer
	encoder *hpack.Encoder
	encoded bytes.Buffer
	streams map[uint32]*exchange // that are open
	windows *origin.Windows      // of the client
	waiting []*exchange          // complete requests that have not been answered, oldest first
	last    uint32               // the highest stream so far
	limit   int                  // maximum number of open streams; 0 for none
	small   bool                 // windows for uploads are
	away    bool                 // GOAWAY was sent
	known   bool                 // the client has acknowledged the limit
	few     bool                 // only one stream may be open, once the client knows
	unacked int                  // SETTINGS and PING of ours that the client has to acknowledge
	vain    int                  // number of stalls in which the client did not get stuck
}

// exchange is a stream with its request.
type exchange struct {
	id      uint32
	request *http.Request
	place   int
	room    int64 // bytes of the body that the client may send
	read    int64
	misdeed *Scenario
}

// serveHTTP2 serves a connection that has negotiated HTTP/2, to its end.
func (c *connection) serveHTTP2(stream stream) {
	reader := bufio.NewReader(stream)
	s := &session{
		connection: c, stream: stream, reader: reader, framer: http2.NewFramer(stream, reader),
		streams: make(map[uint32]*exchange), windows: origin.NewWindows(),
	}
	s.encoder = hpack.NewEncoder(&s.encoded)
	s.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	s.framer.MaxHeaderListSize = origin.LongestHead
	err := s.serve()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.finish(stream, false)
	} else if !errors.Is(err, errFinished) {
		c.end(err)
	}
}

// errFinished ends a connection that the origin has ended.
var errFinished = errors.New("the origin has ended the connection")

func (s *session) serve() error {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(s.stream, preface); err != nil {
		return err
	}
	if string(preface) != http2.ClientPreface {
		return errors.New("what the client sent does not begin with the preface of HTTP/2")
	}
	scenario := s.server.config.Scenario
	s.small = scenario != nil && scenario.Move == smallWindow
	settings := []http2.Setting{
		{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams}, {ID: http2.SettingInitialWindowSize, Val: largeWindow},
	}
	if s.small {
		settings[1].Val = smallBytes
	}
	s.unacked = 1
	if err := s.framer.WriteSettings(settings...); err != nil {
		return err
	}
	if err := s.framer.WriteWindowUpdate(0, largeWindow); err != nil {
		return err
	}
	s.pause()
	for {
		if len(s.waiting) == 0 || s.limit > 0 && s.more() {
			if err := s.receive(); err != nil {
				return err
			}
			continue
		}
		oldest := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.pause()
		if err := s.answer(oldest); err != nil {
			return err
		}
	}
}

// pause stalls, unless that has failed before.
func (s *session) pause() {
	if s.vain < origin.VainStalls && !s.stall() {
		s.vain++
	}
}

// more reports whether more frames arrive at once.
func (s *session) more() bool {
	_ = s.stream.SetReadDeadline(time.Now().Add(atOnce))
	_, err := s.reader.Peek(1)
	_ = s.stream.SetReadDeadline(time.Time{}) // the next read reports an error, if there is one
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// receive reads one frame and acts on it.
func (s *session) receive() error {
	frame, err := s.framer.ReadFrame()
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		return s.begin(f)
	case *http2.DataFrame:
		return s.take(f)
	case *http2.RSTStreamFrame:
		s.forget(f.StreamID)
	case *http2.WindowUpdateFrame:
		s.windows.Widen(f)
	case *http2.SettingsFrame:
		return s.settle(f)
	case *http2.PingFrame:
		if f.IsAck() {
			return s.acknowledged()
		}
		return s.framer.WritePing(true, f.Data)
	}
	return nil
}

// begin handles the header section of a request.
func (s *session) begin(f *http2.MetaHeadersFrame) error {
	if s.streams[f.StreamID] != nil { // trailers
		if f.StreamEnded() {
			return s.whole(s.streams[f.StreamID])
		}
		return nil
	}
	s.last = f.StreamID
	if s.known {
		s.server.mutex.Lock()
		s.server.deed.Over = "a stream was opened after the client had answered a PING behind GOAWAY"
		s.server.mutex.Unlock()
	}
	header := make(http.Header)
	for _, field := range f.RegularFields() {
		header.Add(field.Name, field.Value)
	}
	target, method := f.PseudoValue("path"), f.PseudoValue("method")
	r, err := http.NewRequestWithContext(context.Background(), method, "https://"+s.server.Host()+target, nil)
	if err != nil {
		return fmt.Errorf("an invalid request: %w", err)
	}
	r.Header, r.Proto, r.RequestURI, r.ContentLength = header, "HTTP/2.0", target, -1
	if n, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64); err == nil {
		r.ContentLength = n
	} else if f.StreamEnded() {
		r.ContentLength = 0
	}
	x := &exchange{id: f.StreamID, request: r, room: origin.DefaultWindow}
	if s.unacked == 0 {
		x.room = smallBytes
	}
	s.streams[f.StreamID] = x
	x.misdeed = s.chosen(method, r.ContentLength, true)
	s.underLimit()
	if f.StreamEnded() {
		return s.whole(x)
	}
	return nil
}

// underLimit records how many streams are open under a limit.
func (s *session) underLimit() {
	if s.limit == 0 {
		return
	}
	s.server.mutex.Lock()
	defer s.server.mutex.Unlock()
	d := &s.server.deed
	d.Most = max(d.Most, len(s.streams))
	if len(s.streams) > s.limit {
		d.Over = fmt.Sprintf("%d streams were open after the client had acknowledged a limit of %d", len(s.streams), s.limit)
	}
}

// take handles a part of a request's body.
func (s *session) take(f *http2.DataFrame) error {
	n := int64(f.Length)
	x := s.streams[f.StreamID]
	if n > 0 {
		if err := s.framer.WriteWindowUpdate(0, uint32(n)); err != nil {
			return err
		}
	}
	if x == nil {
		return nil // the client or the origin has ended the stream
	}
	x.read += int64(len(f.Data()))
	if x.room -= n; s.small && s.unacked == 0 && x.room < 0 {
		s.server.mutex.Lock()
		s.server.deed.Over = fmt.Sprintf("%d bytes came that the window of the stream had no room for", -x.room)
		s.server.mutex.Unlock()
	}
	if err := s.open(x, n); err != nil {
		return err
	}
	if f.StreamEnded() {
		return s.whole(x)
	}
	return nil
}

// open lets the client send more of a body, of which n bytes have arrived.
func (s *session) open(x *exchange, n int64) error {
	if s.small {
		if s.unacked > 0 || x.room > 0 {
			return nil
		}
		n = -x.room + frameBytes // one frame at a time would take for ever otherwise
		x.room += n
	}
	if n == 0 {
		return nil
	}
	return s.framer.WriteWindowUpdate(x.id, uint32(n))
}

// whole notes that a request is complete.
func (s *session) whole(x *exchange) error {
	x.place = s.arrived(x.request, x.read, 0, 0)
	s.waiting = append(s.waiting, x)
	return nil
}

// answer answers a request.
func (s *session) answer(x *exchange) error {
	if s.streams[x.id] == nil {
		return nil // the client has cancelled it
	}
	if x.misdeed == nil {
		return s.respond(x, s.server.text(x.request.Header.Get(requestID), x.request.RequestURI), 0)
	}
	s.did(x.place, x.request.ContentLength, x.read, "")
	return s.misbehave(x)
}

// forget forgets a request that the client has cancelled.
func (s *session) forget(id uint32) {
	delete(s.streams, id)
}

// settle applies the client's settings.
func (s *session) settle(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return s.acknowledged()
	}
	return errors.Join(s.windows.Settle(f, s.encoder), s.framer.WriteSettingsAck())
}

// acknowledged notes that the client has acknowledged SETTINGS or a PING.
func (s *session) acknowledged() error {
	if s.unacked--; s.unacked > 0 {
		return nil
	}
	s.known = s.away
	if s.few {
		s.limit = 1
	}
	if !s.small {
		return nil
	}
	for _, x := range s.streams {
		x.room += smallBytes - origin.DefaultWindow // bytes sent earlier count [RFC 9113 §6.9.2]
		if err := s.open(x, 0); err != nil {
			return err
		}
	}
	return nil
}

// head writes the header section of a response.
func (s *session) head(x *exchange, length int, ended bool) error {
	s.encoded.Reset()
	for _, field := range []hpack.HeaderField{
		{Name: ":status", Value: "200"}, {Name: "content-type", Value: "text/plain"},
		{Name: "content-length", Value: strconv.Itoa(length)},
	} {
		if err := s.encoder.WriteField(field); err != nil {
			return err
		}
	}
	return s.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: x.id, BlockFragment: s.encoded.Bytes(), EndHeaders: true, EndStream: ended,
	})
}

// respond answers with a body. Its last surplus bytes are not part of the
// Content-Length.
func (s *session) respond(x *exchange, body string, surplus int) error {
	if x.request.Method == http.MethodHead {
		err := s.head(x, len(body), true)
		s.over(x, err)
		return err
	}
	if err := s.head(x, len(body)-surplus, false); err != nil {
		return err
	}
	for len(body) > 0 && s.streams[x.id] != nil {
		n := min(int64(len(body)), s.windows.Room(x.id))
		if n <= 0 {
			if err := s.receive(); err != nil { // the client opens its window, or gives up
				return err
			}
			continue
		}
		if err := s.framer.WriteData(x.id, int(n) == len(body), []byte(body[:n])); err != nil {
			return err
		}
		body = body[n:]
		s.windows.Sent(x.id, n)
	}
	if len(body) == 0 {
		s.over(x, nil)
	}
	return nil
}

// over ends a stream that has been answered.
func (s *session) over(x *exchange, err error) {
	s.answered(x.place, err)
	delete(s.streams, x.id)
}
