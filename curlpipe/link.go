package curlpipe

import (
	"errors"
	"net"
	"time"
)

// link stands for libcurl's connection in httptrace.GotConnInfo: it has its
// addresses and can do nothing.
type link struct{ local, remote net.Addr }

// unknownAddr is an address that DialContext has not told.
type unknownAddr struct{}

func (unknownAddr) Network() string { return "tcp" }
func (unknownAddr) String() string  { return "unknown" }

var errNotYours = errors.New("curlpipe: the connection is libcurl's: it can neither be read, written nor closed here")

func (*link) Read([]byte) (int, error)         { return 0, errNotYours }
func (*link) Write([]byte) (int, error)        { return 0, errNotYours }
func (*link) Close() error                     { return errNotYours }
func (l *link) LocalAddr() net.Addr            { return known(l.local) }
func (l *link) RemoteAddr() net.Addr           { return known(l.remote) }
func (*link) SetDeadline(time.Time) error      { return errNotYours }
func (*link) SetReadDeadline(time.Time) error  { return errNotYours }
func (*link) SetWriteDeadline(time.Time) error { return errNotYours }

func known(address net.Addr) net.Addr {
	if address == nil {
		return unknownAddr{}
	}
	return address
}
