package openssl

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// maxAhead is how many bytes a client may send before it takes part in a
// handshake for which the origin waits.
const maxAhead = 4 << 20

// Stream is the server's end of TLS on one socket. It is used like a tls.Conn:
// by one goroutine that reads and one that writes, or by a single one. Errors
// are the same, too: io.EOF for a close_notify or for a FIN between records,
// io.ErrUnexpectedEOF for a FIN within one, what the socket says, such as
// ECONNRESET, and a net.OpError with the Op "remote error" for an alert of
// the client and "local error" for what OpenSSL does not accept.
type Stream struct {
	engine *Engine
	number uint32
	tcp    *net.TCPConn
	record recordReader // used only by the goroutine that set reading

	// mutex guards the fields below, and keeps the bytes to be sent in
	// OpenSSL's order. changed is broadcast when any of the fields has changed.
	mutex          sync.Mutex
	changed        sync.Cond
	reading        bool   // a goroutine reads from the socket
	writing        bool   // a goroutine writes to the socket
	plain          []byte // decrypted and not yet returned by Read
	send           []byte // to be written to the socket
	established    bool
	renegotiating  bool
	renegotiations int
	messages       []Message
	readError      error // what is read after plain
	writeError     error // TLS cannot write any more
	socketError    error // nor can the socket
	closed         bool
}

func newStream(engine *Engine, number uint32, tcp *net.TCPConn) *Stream {
	s := &Stream{engine: engine, number: number, tcp: tcp}
	s.changed.L = &s.mutex
	return s
}

// Handshake reads from the client until no handshake is in progress, neither
// the first one nor one that Renegotiate has started. Application data that
// arrives meanwhile is kept for Read. Like Read it respects the read deadline.
func (s *Stream) Handshake() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.settle()
}

// Read reads as an io.Reader does. A Read that reached the read deadline can
// be tried again.
func (s *Stream) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for len(s.plain) == 0 {
		if err := s.advance(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

// Write writes as an io.Writer does, in as few records as possible. It waits
// for the end of a handshake that is in progress, see Handshake.
func (s *Stream) Write(b []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for n := 0; n < len(b); {
		if err := s.settle(); err != nil {
			return n, err
		}
		piece := b[n:min(n+recordSize, len(b))]
		if err := s.do(commandWrite, piece); err != nil {
			return n, err
		}
		if err := s.flush(); err != nil {
			return n, err
		}
		n += len(piece)
	}
	return len(b), nil
}

// Renegotiate sends a HelloRequest, which asks the client for a new handshake
// (TLS 1.2 only). It is sent whatever the client is doing. The handshake takes
// place within later reads; until the client notices the request, it may send
// more application data. Handshake waits for the end.
func (s *Stream) Renegotiate() error { return s.tell(commandRenegotiate, nil) }

// KeyUpdate changes the key for all data that is sent from now on (TLS 1.3
// only). With request, the client has to do the same; its own KeyUpdate arrives
// within later reads, see Messages.
func (s *Stream) KeyUpdate(request bool) error {
	content := []byte{0}
	if request {
		content[0] = 1
	}
	return s.tell(commandKeyUpdate, content)
}

// SendTicket sends a NewSessionTicket (TLS 1.3 only, and it needs OpenSSL 3.0).
func (s *Stream) SendTicket() error { return s.tell(commandTicket, nil) }

// CloseWrite sends a close_notify and a FIN; nothing can be written afterwards.
func (s *Stream) CloseWrite() error {
	return errors.Join(s.tell(commandCloseNotify, nil), s.tcp.CloseWrite())
}

// tell sends a TLS message.
func (s *Stream) tell(command byte, content []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err := s.do(command, content); err != nil {
		return err
	}
	return s.flush()
}

// Close closes the socket without a close_notify and frees the engine's state.
// Reads and writes in progress fail. A second call does nothing.
func (s *Stream) Close() error {
	err := s.tcp.Close() // first, so that no goroutine holds the mutex for long
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.changed.Broadcast()
	_, _ = s.engine.call(s.number, commandFree, nil) // an engine that has ended has no state
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// SetReadDeadline sets the deadline for reads from the socket; the zero time
// removes it.
func (s *Stream) SetReadDeadline(t time.Time) error { return s.tcp.SetReadDeadline(t) }

// Version returns the version of TLS, "TLS 1.2"; empty until the handshake is
// complete.
func (s *Stream) Version() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.established {
		return ""
	}
	return s.engine.tls
}

// Renegotiating reports whether a handshake that Renegotiate has asked for is
// not complete.
func (s *Stream) Renegotiating() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.renegotiating
}

// Renegotiations returns the number of complete handshakes that Renegotiate has
// asked for.
func (s *Stream) Renegotiations() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.renegotiations
}

// Messages returns all TLS messages so far, in both directions, the oldest
// first.
func (s *Stream) Messages() []Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.messages)
}

// Count is how many messages of that name were sent, or received.
func (s *Stream) Count(sent bool, name string) int {
	n := 0
	for _, m := range s.Messages() {
		if m.Sent == sent && m.Name == name {
			n++
		}
	}
	return n
}

// Call the methods below with the mutex held.

// settle processes what the client sends until no handshake is in progress.
func (s *Stream) settle() error {
	for !s.established || s.renegotiating {
		if len(s.plain) > maxAhead {
			return fmt.Errorf("the client has sent %d bytes and does not react to a HelloRequest", len(s.plain))
		}
		if err := s.advance(); err != nil {
			return err
		}
	}
	return nil
}

// advance processes one record, or waits for another goroutine that does.
func (s *Stream) advance() error {
	if s.closed {
		return net.ErrClosed
	}
	if s.readError != nil {
		return s.readError
	}
	if s.reading {
		s.changed.Wait()
		return nil
	}
	s.reading = true
	s.mutex.Unlock()
	record, err := s.record.read(s.tcp)
	s.mutex.Lock()
	s.reading = false
	s.changed.Broadcast()
	if err != nil {
		return err
	}
	if err := s.do(commandReceived, record); err != nil {
		_ = s.flush() // sends the alert with the reason, if the client is still there
		if len(s.plain) > 0 {
			return nil // data that came before it is returned first
		}
		return err
	}
	if s.writing {
		return nil // the goroutine that writes sends these as well
	}
	if err := s.flush(); err != nil && !s.established {
		return err
	}
	return nil
}

// do makes the engine carry out a command and applies the answer.
func (s *Stream) do(command byte, content []byte) error {
	if s.closed {
		return net.ErrClosed
	}
	if command != commandReceived {
		if err := cmp.Or(s.writeError, s.socketError); err != nil {
			return err
		}
	}
	a, err := s.engine.call(s.number, command, content)
	if err != nil {
		s.fail(err)
		return err
	}
	s.send = append(s.send, a.send...)
	s.plain = append(s.plain, a.plain...)
	s.messages = append(s.messages, a.messages...)
	s.established = a.flags&flagEstablished != 0
	wasRenegotiating := s.renegotiating
	s.renegotiating = a.flags&flagRenegotiating != 0
	switch a.status {
	case statusOK:
	case statusRefused:
		return fmt.Errorf("%w: %s", ErrRefused, a.text)
	default:
		err := whose(a)
		s.fail(err)
		return err
	}
	if wasRenegotiating && !s.renegotiating {
		s.renegotiations++
	}
	if a.flags&flagCloseNotify != 0 {
		s.readError = io.EOF
	}
	return nil
}

// whose returns the error for an answer that reports a failure of TLS.
func whose(a *answer) error {
	for _, m := range a.messages {
		if m.Alert && !m.Sent {
			return &net.OpError{Op: "remote error", Err: m.Description}
		}
	}
	return &net.OpError{Op: "local error", Err: errors.New("OpenSSL: " + a.text)}
}

// fail makes all reads and writes fail from now on.
func (s *Stream) fail(err error) {
	s.readError, s.writeError = err, err
	s.changed.Broadcast()
}

// flush writes to the socket all bytes that are to be sent.
func (s *Stream) flush() error {
	for s.writing {
		s.changed.Wait()
	}
	for len(s.send) > 0 && s.socketError == nil {
		out := s.send
		s.send, s.writing = nil, true
		s.mutex.Unlock()
		_, err := s.tcp.Write(out)
		s.mutex.Lock()
		s.writing = false
		s.changed.Broadcast()
		s.socketError = err
	}
	return s.socketError
}
