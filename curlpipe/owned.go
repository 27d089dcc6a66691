package curlpipe

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// owned is a connection of the caller's whose socket libcurl uses. It stays open
// beside libcurl's copy of the descriptor, so that a deadline that the caller sets on
// it, and its Close, have an effect.
type owned struct {
	conn   net.Conn
	raw    syscall.RawConn
	left   chan struct{} // closed when libcurl's connection has ended
	failed atomic.Pointer[error]
}

func newOwned(conn net.Conn, raw syscall.RawConn) *owned {
	return &owned{conn: conn, raw: raw, left: make(chan struct{})}
}

// breather is how long watch pauses after data has arrived.
const breather = 20 * time.Millisecond

// watch waits until the connection's deadline for reading passes or the caller closes
// it, and calls ended then. It returns without that if libcurl's connection ends first.
func (o *owned) watch(ended func()) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		woken := false
		// The function reads nothing, so the runtime's poller waits until data
		// arrives. Each arrival would wake it again, therefore the pause.
		err := o.raw.Read(func(uintptr) bool {
			arrived := woken
			woken = true
			return arrived
		})
		if err != nil {
			o.end(err, ended)
			return
		}
		pause.Reset(breather)
		select {
		case <-pause.C:
		case <-o.left:
			return
		}
	}
}

func (o *owned) end(err error, ended func()) {
	select {
	case <-o.left:
	default:
		var failed *net.OpError
		if errors.As(err, &failed) {
			err = failed.Err
		}
		o.failed.Store(&err)
		ended()
	}
}

// close closes the connection, once. It may wait for calls of the caller's.
func (o *owned) close() {
	close(o.left)
	_ = o.conn.Close()
}

// failure returns why the connection has ended on the caller's side; nil if it has
// not.
func (o *owned) failure() error {
	if o == nil {
		return nil
	}
	if failed := o.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}
