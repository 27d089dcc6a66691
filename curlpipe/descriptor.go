package curlpipe

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// descriptor turns a connection into a socket that libcurl can have: the
// connection's own, or one end of a pair between whose other end and the
// connection all is carried to and fro.
func (d *dialer) descriptor(connection net.Conn) (int, error) {
	var raw syscall.Conn
	switch own := connection.(type) {
	case *net.TCPConn:
		raw = own
	case *net.UnixConn:
		if !d.connects {
			raw = own
		}
	} // any other may do more with the bytes than its socket does
	if raw != nil {
		socket, err := copyOf(raw)
		if err == nil {
			_ = connection.Close() // the copy is libcurl's, and the only one from here on
		}
		return socket, err
	}
	near, socket, err := socketPair()
	if err != nil {
		return -1, err
	}
	go carryOver(near, connection)
	go carryOver(connection, near)
	return socket, nil
}

// copyOf is another descriptor of a connection's socket.
func copyOf(connection syscall.Conn) (int, error) {
	raw, err := connection.SyscallConn()
	if err != nil {
		return -1, err
	}
	socket := -1
	var refused error
	err = raw.Control(func(fd uintptr) { socket, refused = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return socket, errors.Join(err, refused)
}

// firstOnceOnly is the first libcurl, after firstOnceMore, that does not connect
// a socket of which it was told that it is connected.
const (
	firstOnceMore = 0x75800 // 7.88.0
	firstOnceOnly = 0x80000 // 8.0.0
)

// connectsAgain tells whether this libcurl does. No system but Linux lets it.
func (l library) connectsAgain(system string) (bool, error) {
	again := l.number >= firstOnceMore && l.number < firstOnceOnly
	if again && system != "linux" {
		return false, fmt.Errorf("%w: %s connects a socket that is connected, which %s refuses: use libcurl 8.0.0 or later, or one before 7.88.0", ErrUnsupportedByLibcurl, l.version, system)
	}
	return again, nil
}

// socketPair makes two sockets that are connected with each other, one for us
// and one for libcurl. They are TCP's, over loopback: such a one can tell that
// what came over it was cut short. libcurl 7.88 connects what is connected once
// more, and Linux lets that pass for a TCP socket which connected without
// blocking, as all of package net do, and for no other.
func socketPair() (net.Conn, int, error) {
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
		socket, err := copyOf(far.(*net.TCPConn))
		if err != nil {
			_ = near.Close()
		}
		return near, socket, err
	}
}

// carryOver copies one way, and ends both when there is no more; with a reset
// after an error, so that what was cut short does not look whole.
func carryOver(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if pair, ok := to.(*net.TCPConn); ok && err != nil {
		_ = pair.SetLinger(0)
	}
	_ = to.Close()
	_ = from.Close()
}
