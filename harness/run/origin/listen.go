package origin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrAddress is wrapped by the errors of Listen and Start if the origin cannot
// listen at the given address, for example because the port is in use.
var ErrAddress = errors.New("the origin cannot listen")

// Listen listens at an address, host and port; empty means any port of
// 127.0.0.1. It sets SO_RCVBUF and TCP_MAXSEG of the connections, in bytes; 0
// leaves the system's values.
func Listen(address string, receiveBuffer, maxSegment int) (*net.TCPListener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	// set before connections are made; later would be too late for them
	listen := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		set := func(fd uintptr, level, name, value int, what string) {
			if value == 0 || failed != nil {
				return
			}
			if err := unix.SetsockoptInt(int(fd), level, name, value); err != nil {
				failed = fmt.Errorf("setting %s to %d: %w", what, value, err)
			}
		}
		err := raw.Control(func(fd uintptr) {
			set(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer, "SO_RCVBUF")
			set(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, maxSegment, "TCP_MAXSEG")
		})
		return errors.Join(err, failed)
	}}
	listener, err := listen.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w on %s: %w", ErrAddress, address, err)
	}
	return listener.(*net.TCPListener), nil
}

// Drain waits until all connections have been served. If the context ends
// first, it calls force, which has to end the remaining ones.
func Drain(ctx context.Context, serving *sync.WaitGroup, force func()) {
	done := make(chan struct{})
	go func() {
		serving.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		force()
		<-done
	}
}
