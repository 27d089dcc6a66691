package check

import (
	"context"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// Signs of a stuck client without the interposer: this many bytes are unread in
// the origin's socket, and their number has not grown for this long.
const (
	clogBytes = 2 << 10
	clogTime  = 100 * time.Millisecond
	clogLook  = 5 * time.Millisecond
)

// waitStuck returns true if the client is stuck: in a write that the interposer
// saw, or before one, because its socket is full and it waits for room, or in a
// write that cannot be seen. It returns false if none of that happens in time.
func (s *Server) waitStuck(tcp *net.TCPConn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), origin.StallBound)
	defer cancel()
	clogged := make(chan bool, 1)
	go func() {
		clogged <- isClogged(ctx, tcp)
		cancel() // nobody needs the interposer's result now
	}()
	stuck := s.config.Client.WaitStuck(ctx)
	cancel()
	if full := <-clogged; full && !stuck {
		s.mutex.Lock()
		s.clogs++
		s.mutex.Unlock()
		return true
	}
	return stuck
}

// isClogged waits until the client has stopped writing with bytes unread, as it
// does when its socket is full.
func isClogged(ctx context.Context, tcp *net.TCPConn) bool {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false // it is closed
	}
	look := time.NewTicker(clogLook)
	defer look.Stop()
	last, since := 0, time.Now()
	for {
		waiting := 0
		if raw.Control(func(fd uintptr) { waiting, err = unix.IoctlGetInt(int(fd), unix.SIOCINQ) }) != nil || err != nil {
			return false
		}
		if waiting != last {
			last, since = waiting, time.Now()
		}
		if waiting >= clogBytes && time.Since(since) >= clogTime {
			return true
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return false
		}
	}
}

// Clogs is how often the client was seen waiting for room in its socket before a
// write, rather than in a blocked write.
func (s *Server) Clogs() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.clogs
}
