package curlpipe

import (
	"errors"
	"net"
	"syscall"
	"time"
)

// owned is a connection of the caller's whose socket libcurl uses. It stays open
// beside libcurl's copy of the descriptor, so that a deadline that the caller sets on
// it, and its Close, have an effect. The price: Go's network poller, too, wakes each
// time data arrives, because the socket is registered there until it is closed. With
// one request at a time that is one call of epoll_wait a request, and a tenth of the
// CPU time.
type owned struct {
	conn   net.Conn
	raw    syscall.RawConn
	left   chan struct{} // closed when libcurl's connection has ended
	ending ownEnd
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
		o.fail("read", err)
		ended()
	}
}

// fail notes an error of the connection in the form that package net gives it.
func (o *owned) fail(op string, err error) {
	var failed *net.OpError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	to := o.conn.RemoteAddr()
	o.ending.end(&net.OpError{Op: op, Net: to.Network(), Source: o.conn.LocalAddr(), Addr: to, Err: err})
}

// mayWrite reports whether the connection could be written: whether its deadline for
// writing has not passed, and the caller has not closed it. Only then is there a failure
// otherwise.
func (o *owned) mayWrite() bool {
	err := o.raw.Write(func(uintptr) bool { return true })
	if err != nil {
		o.fail("write", err)
	}
	return err == nil
}

// close closes the connection, once. It may wait for calls of the caller's.
func (o *owned) close() {
	close(o.left)
	_ = o.conn.Close()
}
