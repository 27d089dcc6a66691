package curlpipe

import (
	"io"
	"net"
	"sync"
)

// relay carries bytes between a connection of the caller's and the socket pair whose
// other end libcurl has.
type relay struct {
	own    net.Conn
	pair   *net.TCPConn
	first  sync.Once
	ending ownEnd
}

// startRelay copies in both directions until one of the two connections ends.
func startRelay(own net.Conn, pair *net.TCPConn) *relay {
	r := &relay{own: own, pair: pair}
	// without the methods with which package net would wrap the caller's errors
	go r.carry(struct{ io.Writer }{pair}, own)
	go r.carry(own, struct{ io.Reader }{pair})
	return r
}

// carry copies in one direction, and closes both connections at the end. After an
// error it resets the pair, so that a truncated stream does not look complete.
func (r *relay) carry(to io.Writer, from io.Reader) {
	_, err := io.Copy(to, from)
	r.first.Do(func() { // the other direction fails because this one has ended
		if err != nil {
			r.ending.end(err)
			_ = r.pair.SetLinger(0)
		}
	})
	_ = r.pair.Close()
	_ = r.own.Close()
}
