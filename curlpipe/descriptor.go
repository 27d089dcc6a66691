package curlpipe

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// take gives a line a socket that libcurl can use for its connection: the
// connection's own, or one end of a socket pair whose other end is relayed to the
// connection. mine says that a function of the caller's has made it.
func (d *dialer) take(made *line, connection net.Conn, mine bool) error {
	var raw syscall.Conn
	switch own := connection.(type) {
	case *net.TCPConn:
		raw = own
	case *net.UnixConn:
		if !d.connects {
			raw = own
		}
	} // any other connection may do more with the bytes than its socket does
	if raw != nil {
		socket, control, err := copyOf(raw)
		switch {
		case err != nil:
			return err
		case mine:
			made.owned = newOwned(connection, control)
			made.ending = &made.owned.ending
		default:
			_ = connection.Close() // only libcurl uses the socket from now on
		}
		made.socket = socket
		return nil
	}
	near, socket, err := socketPair()
	if err != nil {
		return err
	}
	made.socket, made.ending = socket, &startRelay(connection, near).ending
	return nil
}

// copyOf duplicates the descriptor of a connection's socket.
func copyOf(connection syscall.Conn) (int, syscall.RawConn, error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return -1, nil, err
	}
	socket := -1
	var refused error
	err = raw.Control(func(fd uintptr) { socket, refused = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return socket, raw, errors.Join(err, refused)
}

// firstOnceOnly is the first libcurl after firstOnceMore that does not connect a
// socket again that it was told is connected.
const (
	firstOnceMore = 0x75800 // 7.88.0
	firstOnceOnly = 0x80000 // 8.0.0
)

// connectsAgain reports whether this libcurl connects such a socket again. Only
// Linux allows that.
func (l library) connectsAgain(system string) (bool, error) {
	again := l.number >= firstOnceMore && l.number < firstOnceOnly
	if again && system != "linux" {
		return false, fmt.Errorf("%w: %s connects a socket that is connected, which %s refuses: use libcurl 8.0.0 or later, or one before 7.88.0", ErrUnsupportedByLibcurl, l.version, system)
	}
	return again, nil
}

// socketPair makes two connected sockets, one for us and one for libcurl. They
// are TCP sockets over loopback, because a reset on one shows that what it
// carried was truncated. libcurl 7.88 connects a connected socket again. Linux
// accepts that for a TCP socket that was connected without blocking, as package
// net does, and for no other.
func socketPair() (*net.TCPConn, int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, -1, err
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return nil, -1, err
	}
	defer far.Close()
	for {
		near, err := listener.Accept()
		if err != nil {
			return nil, -1, err
		}
		if near.RemoteAddr().String() != far.LocalAddr().String() {
			_ = near.Close() // another program's
			continue
		}
		socket, _, err := copyOf(far.(*net.TCPConn))
		if err != nil {
			_ = near.Close()
		}
		return near.(*net.TCPConn), socket, err
	}
}
