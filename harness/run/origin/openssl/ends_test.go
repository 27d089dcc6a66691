package openssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// end is the server's end of a connection, with either TLS library.
type end interface {
	io.ReadWriter
	Handshake() error
	CloseWrite() error
}

// forBothKinds runs a test with an engine's stream and with crypto/tls, for
// each version of TLS. Both must report the same about the client.
func forBothKinds(t *testing.T, test func(t *testing.T, s *server, serve func(*net.TCPConn) end)) {
	forEachVersion(t, func(t *testing.T, s *server) {
		t.Run("OpenSSL", func(t *testing.T) {
			test(t, s, func(tcp *net.TCPConn) end {
				stream, err := s.engine.Server(tcp)
				require.NoError(t, err)
				t.Cleanup(func() { stream.Close() })
				return stream
			})
		})
		t.Run("crypto/tls", func(t *testing.T) {
			config := &tls.Config{
				Certificates: []tls.Certificate{s.certificate},
				MinVersion:   versions[s.version],
				MaxVersion:   versions[s.version],
			}
			test(t, s, func(tcp *net.TCPConn) end {
				t.Cleanup(func() { tcp.Close() })
				return tls.Server(tcp, config)
			})
		})
	})
}

// kind classifies an error as the origin does.
func kind(err error) string {
	var operation *net.OpError
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF within a record"
	case errors.Is(err, io.EOF):
		return "EOF"
	case errors.Is(err, syscall.ECONNRESET):
		return "ECONNRESET"
	case errors.Is(err, syscall.EPIPE):
		return "EPIPE"
	case errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"):
		return operation.Op
	}
	return err.Error()
}

// reset closes a socket with a RST.
func reset(t *testing.T, tcp *net.TCPConn) {
	require.NoError(t, tcp.SetLinger(0))
	require.NoError(t, tcp.Close())
}

func TestEndsOfAConnection(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(t *testing.T, client *tls.Conn, tcp *net.TCPConn)
		want string
		half bool // the client still reads
	}{
		{"close_notify", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			require.NoError(t, client.CloseWrite())
		}, "EOF", true},
		{"close_notify and FIN", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			require.NoError(t, client.CloseWrite())
			require.NoError(t, tcp.CloseWrite())
		}, "EOF", true},
		{"FIN", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			require.NoError(t, tcp.CloseWrite())
		}, "EOF", true},
		{"FIN within a header", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			_, err := tcp.Write([]byte{23, 3})
			require.NoError(t, err)
			require.NoError(t, tcp.CloseWrite())
		}, "EOF within a record", true},
		{"FIN within a record", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			_, err := tcp.Write([]byte{23, 3, 3, 0, 100, 1, 2, 3})
			require.NoError(t, err)
			require.NoError(t, tcp.CloseWrite())
		}, "EOF within a record", true},
		{"RST", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			reset(t, tcp)
		}, "ECONNRESET", false},
		{"forged record", func(t *testing.T, client *tls.Conn, tcp *net.TCPConn) {
			_, err := tcp.Write(append([]byte{23, 3, 3, 0, 64}, make([]byte, 64)...))
			require.NoError(t, err)
		}, "local error", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			forBothKinds(t, func(t *testing.T, s *server, serve func(*net.TCPConn) end) {
				client := s.dial(s.trust())
				accepted, err := s.listener.AcceptTCP()
				require.NoError(t, err)
				server := serve(accepted)
				shaken := later(client.Handshake)
				require.NoError(t, server.Handshake())
				require.NoError(t, <-shaken)
				say(t, server, client, "hello") // the client has read all tickets, too

				say(t, client, server, "last words")
				c.end(t, client, client.NetConn().(*net.TCPConn))
				for range 2 { // it stays like that
					_, err = server.Read(make([]byte, 1))
					if c.want != "ECONNRESET" {
						require.Equal(t, c.want, kind(err), "%v", err)
					}
				}
				if c.half {
					say(t, server, client, "good-bye")
					require.NoError(t, server.CloseWrite())
					_, err = client.Read(make([]byte, 1))
					require.ErrorIs(t, err, io.EOF)
				}
			})
		})
	}
}

func TestResetsAreSeen(t *testing.T) {
	forBothKinds(t, func(t *testing.T, s *server, serve func(*net.TCPConn) end) {
		connect := func() (end, *tls.Conn, *net.TCPConn) {
			client := s.dial(s.trust())
			accepted, err := s.listener.AcceptTCP()
			require.NoError(t, err)
			server := serve(accepted)
			shaken := later(client.Handshake)
			require.NoError(t, server.Handshake())
			require.NoError(t, <-shaken)
			return server, client, client.NetConn().(*net.TCPConn)
		}
		server, _, tcp := connect()
		reset(t, tcp)
		_, err := server.Read(make([]byte, 1))
		require.Equal(t, "ECONNRESET", kind(err))
		_, err = server.Write([]byte("x"))
		require.Equal(t, "EPIPE", kind(err))

		// closing with unread bytes causes a RST as well
		server, client, tcp := connect()
		say(t, server, client, "hello")
		_, err = server.Write([]byte("unread"))
		require.NoError(t, err)
		unread := func() bool { return waiting(t, tcp) > 0 }
		require.Eventually(t, unread, time.Minute, time.Millisecond, "what is closed before it comes ends with a FIN")
		require.NoError(t, tcp.Close())
		_, err = server.Read(make([]byte, 1))
		require.Equal(t, "ECONNRESET", kind(err))

		// a stuck write ends with the RST
		server, _, tcp = connect()
		written := later(func() error {
			_, err := server.Write(make([]byte, 64<<20))
			return err
		})
		reset(t, tcp)
		require.Contains(t, []string{"ECONNRESET", "EPIPE"}, kind(<-written))
	})
}

func TestHandshakesThatFail(t *testing.T) {
	forBothKinds(t, func(t *testing.T, s *server, serve func(*net.TCPConn) end) {
		begin := func(config *tls.Config) (end, *tls.Conn) {
			client := s.dial(config)
			accepted, err := s.listener.AcceptTCP()
			require.NoError(t, err)
			return serve(accepted), client
		}
		distrust := s.trust()
		distrust.RootCAs = x509.NewCertPool()
		server, client := begin(distrust)
		shaken := later(client.Handshake)
		err := server.Handshake()
		require.Equal(t, "remote error", kind(err))
		require.ErrorContains(t, err, "tls: ")
		require.Error(t, <-shaken)

		other := s.trust()
		other.MinVersion, other.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		server, client = begin(other)
		shaken = later(client.Handshake)
		require.Error(t, server.Handshake())
		require.ErrorContains(t, <-shaken, "protocol version")

		server, client = begin(s.trust())
		require.NoError(t, client.NetConn().Close())
		require.Equal(t, "EOF", kind(server.Handshake()))

		server, client = begin(s.trust())
		_, err = io.WriteString(client.NetConn(), "GET / HTTP/1.1\r\n\r\n")
		require.NoError(t, err)
		require.Error(t, server.Handshake()) // and does not wait for more
	})
}
