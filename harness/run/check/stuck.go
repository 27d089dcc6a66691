package check

import (
	"context"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// How it shows, without the interposer, that a client is stuck: this many bytes
// wait in the origin's socket, and for this long they do not become more.
const (
	clogBytes = 2 << 10
	clogTime  = 100 * time.Millisecond
	clogLook  = 5 * time.Millisecond
)

// waitStuck returns true when the client is stuck in a write, which the interposer
// saw, or in front of one: its socket is full, and it waits for room before it
// writes, or what it writes with cannot be seen. It returns false when none of that
// came to be in good time.
func (s *Server) waitStuck(tcp *net.TCPConn) bool {
	ctx, cancel := context.WithTimeout(context.Background(), origin.StallBound)
	defer cancel()
	clogged := make(chan bool, 1)
	go func() {
		clogged <- isClogged(ctx, tcp)
		cancel() // nobody waits for the interposer any more
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

// isClogged waits until the client's writes have come to rest with something left
// unread, as they do when its socket is full.
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
