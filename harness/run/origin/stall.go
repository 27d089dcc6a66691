package origin

import (
	"context"
	"errors"
	"time"
)

// The rule by which an origin stalls: it reads nothing until the client is
// stuck in a write.
const (
	// StallBound is the longest wait for that. It is only reached if the client
	// has nothing left to send.
	StallBound = 300 * time.Millisecond
	// VainStalls is how many such waits in a row, without a stuck client, end the
	// stalling on a connection.
	VainStalls = 2
)

// stalls reports whether the origin is to stall now on this connection.
func (s *Server) stalls(connection int) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return connection <= s.config.StallConnections &&
		s.config.Requests-len(s.answered) > s.config.StallUntilLeft
}

// stall reads nothing until the client is stuck in a write, or has left.
func (c *connection) stall() {
	if c.vain >= VainStalls {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), StallBound)
	defer cancel()
	go c.cancelAtHangup(ctx, cancel)
	c.seen.Stalls++
	if c.server.config.Client.WaitStuck(ctx) {
		c.vain = 0
		return
	}
	c.seen.VainStalls++
	c.vain++
}

// hangupCheck limits how long cancelAtHangup delays the closing of the socket.
const hangupCheck = time.Millisecond

// cancelAtHangup ends a context when the client closes the connection. The time
// matters: the log says whether the client was done by then.
func (c *connection) cancelAtHangup(ctx context.Context, cancel context.CancelFunc) {
	for ctx.Err() == nil {
		if err := waitHangup(c.tcp, hangupCheck); !errors.Is(err, errLingered) {
			cancel()
		}
	}
}
