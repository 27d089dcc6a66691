package openssl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// expect reads exactly those bytes.
func expect(t *testing.T, from io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(from, got)
	require.NoError(t, err, "after %d bytes of %d", n, len(want))
	require.Equal(t, want, got)
}

// say writes a text to one end, and requires that the other end reads it.
func say(t *testing.T, to io.Writer, from io.Reader, text string) {
	t.Helper()
	written := later(func() error {
		_, err := io.WriteString(to, text)
		return err
	})
	expect(t, from, []byte(text))
	require.NoError(t, <-written)
}

func TestCarriesBytesBothWays(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		stream, client := s.connect(s.trust())
		require.Equal(t, "TLS "+s.version, stream.Version())
		require.Equal(t, versions[s.version], client.ConnectionState().Version)
		for i, size := range []int{1, 700, recordSize, recordSize + 1, 1 << 20} {
			out, back := counted(i, size), counted(i+7, size)
			sent := later(func() error {
				_, err := client.Write(out)
				return err
			})
			expect(t, stream, out)
			require.NoError(t, <-sent)
			sent = later(func() error {
				_, err := stream.Write(back)
				return err
			})
			expect(t, client, back)
			require.NoError(t, <-sent)
		}
	})
}

func TestReadsAndWritesAtTheSameTime(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		stream, client := s.connect(s.trust())
		data := counted(0, 3<<20)
		echoed := later(func() error {
			_, err := io.Copy(stream, stream)
			return err
		})
		sent := later(func() error {
			_, err := client.Write(data)
			return errors.Join(err, client.CloseWrite())
		})
		expect(t, client, data)
		require.NoError(t, <-sent)
		require.NoError(t, <-echoed)
	})
}

func TestReadsWhileAWriteIsStuck(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		stream, client := s.connect(s.trust())
		require.NoError(t, stream.tcp.SetWriteBuffer(256<<10))
		require.NoError(t, client.NetConn().(*net.TCPConn).SetReadBuffer(256<<10))
		const size = 8 << 20 // more than both buffers hold
		written := later(func() error {
			_, err := stream.Write(make([]byte, size))
			return err
		})
		for range 50 {
			say(t, client, stream, "hello")
		}
		require.Empty(t, written)
		_, err := io.CopyN(io.Discard, client, size)
		require.NoError(t, err)
		require.NoError(t, <-written)
	})
}

func TestOneWriteIsOneRecord(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		stream, client := s.connect(s.trust())
		_, err := stream.Write(counted(0, recordSize))
		require.NoError(t, err)
		n, err := client.Read(make([]byte, 2*recordSize))
		require.NoError(t, err)
		require.Equal(t, recordSize, n)
	})
}

func TestHandshakeHappensWithTheFirstWrite(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		client := s.dial(s.trust())
		stream := s.accept()
		require.Empty(t, stream.Version())
		say(t, stream, client, "hello")
		require.NotEmpty(t, stream.Version())
	})
}

func TestSpeaksHTTPOverALPN(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		config := s.trust()
		config.NextProtos = []string{"h2", "http/1.1"}
		_, client := s.connect(config)
		require.Equal(t, "http/1.1", client.ConnectionState().NegotiatedProtocol)

		config.NextProtos = []string{"h2"}
		refused := s.dial(config)
		stream := s.accept()
		shaken := later(refused.Handshake)
		require.ErrorContains(t, stream.Handshake(), "local error: OpenSSL: no application protocol")
		require.ErrorContains(t, <-shaken, "no application protocol")
	})
}

func TestATicketOfOneConnectionIsGoodForAnother(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		config := s.trust()
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		stream, client := s.connect(config)
		say(t, stream, client, "hello") // TLS 1.3 sends tickets after the handshake
		require.False(t, client.ConnectionState().DidResume)
		_, client = s.connect(config)
		require.True(t, client.ConnectionState().DidResume)
	})
}

func TestReadThatReachedItsDeadlineCanBeTriedAgain(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		tcp, err := net.Dial("tcp", s.listener.Addr().String())
		require.NoError(t, err)
		defer tcp.Close()
		cut := &cutter{Conn: tcp}
		client := tls.Client(cut, s.trust())
		stream := s.accept()
		shaken := later(client.Handshake)
		require.NoError(t, stream.Handshake())
		require.NoError(t, <-shaken)

		cut.hold = 100 // of the record; the rest comes later
		_, err = client.Write(counted(0, 700))
		require.NoError(t, err)
		require.NoError(t, stream.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err = stream.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, stream.SetReadDeadline(time.Time{}))
		require.NoError(t, cut.release())
		expect(t, stream, counted(0, 700))
	})
}

// cutter holds back the end of what is written, if hold is set.
type cutter struct {
	net.Conn
	hold int
	held []byte
}

func (c *cutter) Write(b []byte) (int, error) {
	keep := min(c.hold, len(b))
	c.held = append(c.held, b[len(b)-keep:]...)
	n, err := c.Conn.Write(b[:len(b)-keep])
	return n + keep, err
}

func (c *cutter) release() error {
	_, err := c.Conn.Write(c.held)
	c.hold, c.held = 0, nil
	return err
}

func TestNothingIsReadThatNobodyAsksFor(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		client := s.listen(8 << 10).leash(4 << 10)
		stream := s.accept()
		require.NoError(t, stream.Handshake())
		client.is("connected")

		// the client fills the buffers of both sockets and gets stuck
		var sent int
		_, err := fmt.Sscanf(client.does("fill 6000"), "WANT_WRITE %d", &sent)
		require.NoError(t, err)
		require.Less(t, sent, 100<<10)
		require.Equal(t, "WANT_WRITE", client.does("go on"))

		// reading one byte takes one record from the socket, and no more
		before := waiting(t, stream.tcp)
		expect(t, stream, counted(0, 1))
		require.Equal(t, 6000-1, len(stream.plain))
		require.GreaterOrEqual(t, waiting(t, stream.tcp), before-6100)

		rest := later(func() error {
			got := make([]byte, sent-1)
			_, err := io.ReadFull(stream, got)
			return errors.Join(err, same(got, counted(1, sent-1)))
		})
		require.NoError(t, <-rest)
	})
}

func same(got, want []byte) error {
	if string(got) != string(want) {
		return errors.New("the bytes are not those that were sent")
	}
	return nil
}

func TestCloseEndsAReadUnderWay(t *testing.T) {
	forEachVersion(t, func(t *testing.T, s *server) {
		stream, _ := s.connect(s.trust())
		read := later(func() error {
			_, err := stream.Read(make([]byte, 1))
			return err
		})
		require.NoError(t, stream.Close())
		require.ErrorIs(t, <-read, net.ErrClosed)
		require.NoError(t, stream.Close())
		_, err := stream.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, stream.CloseWrite(), net.ErrClosed)
	})
}
