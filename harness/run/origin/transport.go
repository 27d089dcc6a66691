package origin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/origin/openssl"
)

// transport carries the bytes of one connection, inside TLS or not.
type transport interface {
	io.ReadWriter
	// SetReadDeadline limits reads; the zero time removes the limit. A read that
	// exceeded it may be tried again.
	SetReadDeadline(time.Time) error
	// CloseWrite ends the writing.
	CloseWrite() error
	// Version is the negotiated version of TLS, "TLS 1.2"; empty without TLS.
	Version() string
	// Release frees what the transport holds besides the socket.
	Release()
}

// plainTransport is just the socket.
type plainTransport struct{ *net.TCPConn }

func (plainTransport) Version() string { return "" }

func (plainTransport) Release() {}

// tlsTransport is the TLS of Go's own library.
type tlsTransport struct {
	*tls.Conn
	tcp *net.TCPConn
}

func (t tlsTransport) Version() string {
	return tls.VersionName(t.ConnectionState().Version)
}

// CloseWrite sends a close_notify, and then a FIN.
func (t tlsTransport) CloseWrite() error {
	return errors.Join(t.Conn.CloseWrite(), t.tcp.CloseWrite())
}

func (tlsTransport) Release() {}

// engineTransport is the TLS of OpenSSL.
type engineTransport struct{ *openssl.Stream }

func (t engineTransport) Release() { _ = t.Stream.Close() } // also closes the socket, whose connection has ended

// handshake makes a transport of a socket.
func (s *Server) handshake(tcp *net.TCPConn) (transport, error) {
	if s.engine != nil {
		stream, err := s.engine.Server(tcp)
		if err != nil {
			return nil, err
		}
		t := engineTransport{stream}
		if err := t.Handshake(); err != nil {
			t.Release()
			return nil, err
		}
		return t, nil
	}
	if s.tls == nil {
		return plainTransport{tcp}, nil
	}
	conn := tls.Server(tcp, s.tls)
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	return tlsTransport{conn, tcp}, nil
}

// reset ends the connection with a RST.
func reset(tcp *net.TCPConn) {
	_ = tcp.SetLinger(0) // fails only if the socket is already closed
	tcp.Close()
}

// errLingered is the error of waitHangup and waitUnread when the time is up.
var errLingered = errors.New("it did not come in time")

// waitHangup returns nil when the client has closed the connection, or its
// half. It reads nothing.
func waitHangup(tcp *net.TCPConn, limit time.Duration) error {
	return wait(tcp, unix.POLLRDHUP, limit)
}

// waitUnread returns nil when this many unread bytes have arrived, or when no
// more will. It reads nothing.
func waitUnread(tcp *net.TCPConn, n int, limit time.Duration) error {
	if err := setLowWater(tcp, n); err != nil {
		return err
	}
	err := wait(tcp, unix.POLLIN, limit)
	return errors.Join(err, setLowWater(tcp, 1))
}

// setLowWater sets how many bytes must have arrived for the socket to be
// readable.
func setLowWater(tcp *net.TCPConn, n int) error {
	return setOption(tcp, unix.SOL_SOCKET, unix.SO_RCVLOWAT, n, "SO_RCVLOWAT")
}

// setOption sets a socket option; errors contain its name.
func setOption(tcp *net.TCPConn, level, option, value int, name string) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("setting %s to %d: %w", name, value, err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), level, option, value)
	})
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("setting %s to %d: %w", name, value, err)
	}
	return nil
}

// wait waits for an event of poll(2).
func wait(tcp *net.TCPConn, events int16, limit time.Duration) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("watching a connection of the origin: %w", err)
	}
	until := time.Now().Add(limit)
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			left := time.Until(until)
			if left <= 0 {
				failed = errLingered
				return
			}
			set := []unix.PollFd{{Fd: int32(fd), Events: events}}
			n, err := unix.Poll(set, int(left.Milliseconds())+1)
			if n > 0 {
				return
			}
			if err != nil && !errors.Is(err, unix.EINTR) {
				failed = fmt.Errorf("watching a connection of the origin: %w", err)
				return
			}
		}
	})
	return errors.Join(err, failed)
}
