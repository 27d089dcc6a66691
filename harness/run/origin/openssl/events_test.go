package openssl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// readAll reads for a client, because crypto/tls answers messages after the
// handshake only while it reads.
func readAll(client *tls.Conn, length int) <-chan error {
	return later(func() error {
		got := make([]byte, length)
		_, err := io.ReadFull(client, got)
		return errors.Join(err, same(got, counted(0, length)))
	})
}

func TestRenegotiatesAtRest(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client := s.connect(s.trust())
	for i := range 3 {
		read := readAll(client, 700)
		require.NoError(t, stream.Renegotiate())
		require.True(t, stream.Renegotiating())
		require.NoError(t, stream.Handshake())
		require.False(t, stream.Renegotiating())
		require.Equal(t, i+1, stream.Renegotiations())
		require.Equal(t, i+1, stream.Count(true, HelloRequest))
		require.Equal(t, i+2, stream.Count(false, ClientHello))
		require.Equal(t, i+2, stream.Count(false, Finished))
		_, err := stream.Write(counted(0, 700))
		require.NoError(t, err)
		require.NoError(t, <-read)
		say(t, client, stream, "and back")
	}
}

// Bytes that the client sent before it noticed the HelloRequest are still
// unread when the origin writes. Writing at once would make OpenSSL fail.
func TestWriteAwaitsTheEndOfARenegotiation(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client := s.connect(s.trust())
	before := counted(0, 100<<10)
	_, err := client.Write(before)
	require.NoError(t, err)
	require.NoError(t, stream.Renegotiate())
	read := readAll(client, 1<<20)
	_, err = stream.Write(counted(0, 1<<20))
	require.NoError(t, err)
	require.Equal(t, 1, stream.Renegotiations())
	require.NoError(t, <-read)
	expect(t, stream, before)
}

func isReading(stream *Stream) bool {
	stream.mutex.Lock()
	defer stream.mutex.Unlock()
	return stream.reading
}

func TestWriteAwaitsARenegotiationThatAReaderBringsToItsEnd(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client := s.connect(s.trust())
	arrived := later(func() error {
		got := make([]byte, 5)
		_, err := io.ReadFull(stream, got)
		return errors.Join(err, same(got, []byte("after")))
	})
	for !isReading(stream) {
		runtime.Gosched()
	}
	require.NoError(t, stream.Renegotiate())
	written := later(func() error {
		_, err := stream.Write(counted(0, 700))
		return err
	})
	require.NoError(t, <-readAll(client, 700))
	require.NoError(t, <-written)
	require.Equal(t, 1, stream.Renegotiations())
	_, err := client.Write([]byte("after"))
	require.NoError(t, err)
	require.NoError(t, <-arrived)
}

func TestReadGetsWhatAWriteTookIn(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client := s.connect(s.trust())
	require.NoError(t, stream.Renegotiate())
	written := later(func() error {
		_, err := stream.Write([]byte("after"))
		return err
	})
	for !isReading(stream) {
		runtime.Gosched()
	}
	say(t, client, stream, "before") // the client has not read the HelloRequest
	require.True(t, stream.Renegotiating())
	expect(t, client, []byte("after"))
	require.NoError(t, <-written)
}

// large is the size of a write that the buffers of both sockets cannot hold.
const large = 60000

// stuck returns both ends of a connection whose client is stuck in a large
// write, and how many bytes it wrote before.
func stuck(t *testing.T, s *server) (stream *Stream, client *leash, sent int) {
	client = s.listen(8 << 10).leash(4 << 10)
	stream = s.accept()
	require.NoError(t, stream.Handshake())
	client.is("connected")
	_, err := fmt.Sscanf(client.does(fmt.Sprintf("fill %d", large)), "WANT_WRITE %d", &sent)
	require.NoError(t, err)
	return stream, client, sent
}

// unstick reads what the client writes, from this byte to the end of its large
// write.
func unstick(t *testing.T, stream *Stream, client *leash, from, to int) {
	read := later(func() error {
		got := make([]byte, to-from)
		_, err := io.ReadFull(stream, got)
		return errors.Join(err, same(got, counted(from, to-from)))
	})
	for client.does("go on") != fmt.Sprintf("wrote %d", large) {
		require.Equal(t, "ready", client.does("wait for writing"))
	}
	require.NoError(t, <-read)
}

// A HelloRequest reaches a client that is stuck in a write while the origin has
// half a record. When the write is done, the next one begins with a
// ClientHello, and then has to read. In this way a write returns WANT_READ.
func TestRenegotiatesWhileTheClientIsStuckInAWrite(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client, sent := stuck(t, s)
	begin := []byte{}
	for stream.record.filled == 0 { // on a busy machine, a deadline may pass before everything has come
		require.NoError(t, stream.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		came, err := io.ReadAll(stream)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		begin = append(begin, came...)
	}
	require.NoError(t, stream.SetReadDeadline(time.Time{}))

	require.NoError(t, stream.Renegotiate())
	require.Equal(t, "ready", client.does("wait for reading"))
	require.Equal(t, "WANT_READ", client.does("read"))
	require.Equal(t, "1", client.does("hellos"))
	require.Equal(t, "WANT_WRITE", client.does("go on"))

	sent += large
	require.Equal(t, counted(0, len(begin)), begin)
	unstick(t, stream, client, len(begin), sent)
	require.Equal(t, "WANT_READ", client.does("write 6000"))
	require.Equal(t, "WANT_READ", client.does("go on"), "the origin does not read")
	require.True(t, stream.Renegotiating())

	shaken := later(stream.Handshake)
	for client.does("go on") != "wrote 6000" {
		require.Equal(t, "ready", client.does("wait for reading"))
	}
	require.NoError(t, <-shaken)
	require.Equal(t, 1, stream.Renegotiations())
	expect(t, stream, counted(sent, 6000))
	_, err := stream.Write([]byte("hello"))
	require.NoError(t, err)
	require.Equal(t, "ready", client.does("wait for reading"))
	require.Equal(t, "read hello", client.does("read"))
}

func TestKeyUpdate(t *testing.T) {
	s := newServer(t, "1.3")
	stream, client := s.connect(s.trust())
	for i := range 3 {
		require.NoError(t, stream.KeyUpdate(false))
		say(t, stream, client, "hello")
		say(t, client, stream, "hello")
		require.Equal(t, 2*i+1, stream.Count(true, KeyUpdate))
		require.Equal(t, i, stream.Count(false, KeyUpdate))

		require.NoError(t, stream.KeyUpdate(true))
		say(t, stream, client, "hello")
		say(t, client, stream, "hello")
		require.Equal(t, 2*i+2, stream.Count(true, KeyUpdate))
		require.Equal(t, i+1, stream.Count(false, KeyUpdate))
	}
}

func TestKeyUpdateWhileTheClientIsStuckInAWrite(t *testing.T) {
	s := newServer(t, "1.3")
	stream, client, sent := stuck(t, s)
	require.NoError(t, stream.KeyUpdate(true))
	require.Equal(t, "ready", client.does("wait for reading"))
	require.Equal(t, "WANT_READ", client.does("read"))
	require.Equal(t, "WANT_WRITE", client.does("go on"))

	unstick(t, stream, client, 0, sent+large)
	require.Zero(t, stream.Count(false, KeyUpdate))
	require.Equal(t, "wrote 10", client.does("write 10"))
	expect(t, stream, counted(sent+large, 10))
	require.Equal(t, 1, stream.Count(false, KeyUpdate))
}

func TestAnswersAKeyUpdateThatTheClientAsksFor(t *testing.T) {
	s := newServer(t, "1.3")
	client := s.leash(0)
	stream := s.accept()
	require.NoError(t, stream.Handshake())
	client.is("connected")
	client.does("update key")
	require.Equal(t, "wrote 10", client.does("write 10"))
	expect(t, stream, counted(0, 10))
	require.Equal(t, 1, stream.Count(false, KeyUpdate))
	_, err := stream.Write([]byte("hello")) // OpenSSL's answer is sent with it
	require.NoError(t, err)
	require.Equal(t, 1, stream.Count(true, KeyUpdate))
	require.Equal(t, "ready", client.does("wait for reading"))
	require.Equal(t, "read hello", client.does("read"))
}

// purse counts a client's tickets.
type purse struct {
	tls.ClientSessionCache
	tickets int
}

func (p *purse) Put(key string, session *tls.ClientSessionState) {
	p.tickets++
	p.ClientSessionCache.Put(key, session)
}

func TestSendsLateTickets(t *testing.T) {
	s := newServer(t, "1.3")
	config := s.trust()
	got := &purse{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	config.ClientSessionCache = got
	stream, client := s.connect(config)
	say(t, stream, client, "hello")
	atFirst, sent := got.tickets, stream.Count(true, NewSessionTicket)
	require.Equal(t, atFirst, sent)
	for i := range 3 {
		require.NoError(t, stream.SendTicket())
		say(t, stream, client, "hello")
		require.Equal(t, atFirst+i+1, got.tickets)
		require.Equal(t, sent+i+1, stream.Count(true, NewSessionTicket))
	}
	_, client = s.connect(config)
	require.True(t, client.ConnectionState().DidResume)
}

func TestWhatCannotBeDoneIsRefusedAndChangesNothing(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		events := map[string]func(*Stream) error{
			"renegotiation": (*Stream).Renegotiate,
			"KeyUpdate":     func(stream *Stream) error { return stream.KeyUpdate(true) },
			"tickets":       (*Stream).SendTicket,
		}
		client := s.dial(s.trust())
		early := s.accept()
		for _, event := range events {
			err := event(early)
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, "the handshake is not through")
		}
		say(t, early, client, "hello")

		stream, client := s.connect(s.trust())
		for name, event := range events {
			if (name == "renegotiation") != (s.version == "1.2") {
				err := event(stream)
				require.ErrorIs(t, err, ErrRefused)
				require.ErrorContains(t, err, name)
			}
		}
		say(t, stream, client, "hello")
	})
}

func TestOneRenegotiationAtATime(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client := s.connect(s.trust())
	require.NoError(t, stream.Renegotiate())
	require.ErrorIs(t, stream.Renegotiate(), ErrRefused)
	stream.mutex.Lock() // OpenSSL would accept the bytes and fail, so the program does not pass them on
	err := stream.do(commandWrite, []byte("too early"))
	stream.mutex.Unlock()
	require.ErrorIs(t, err, ErrRefused)
	say(t, stream, client, "hello")
	require.Equal(t, 1, stream.Renegotiations())
}

func TestAClientThatRefusesToRenegotiate(t *testing.T) {
	s := newServer(t, "1.2")
	config := s.trust()
	config.Renegotiation = tls.RenegotiateNever
	stream, client := s.connect(config)
	require.NoError(t, stream.Renegotiate())
	read := later(func() error {
		_, err := client.Read(make([]byte, 1))
		return err
	})
	require.ErrorContains(t, stream.Handshake(), "remote error: tls: no renegotiation")
	require.Zero(t, stream.Renegotiations())
	require.Error(t, <-read)
}

func TestAClientThatTakesNoNoticeOfAHelloRequest(t *testing.T) {
	s := newServer(t, "1.2")
	stream, client := s.connect(s.trust())
	require.NoError(t, stream.Renegotiate())
	go func() { // ends when the test closes the connection
		for {
			if _, err := client.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}()
	_, err := stream.Write([]byte("hello"))
	require.ErrorContains(t, err, "does not react to a HelloRequest")
}
