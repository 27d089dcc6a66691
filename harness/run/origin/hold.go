package origin

import (
	"context"
	"errors"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Process gives the origin access to the subject's process.
type Process interface {
	// Signal sends a signal and returns when the subject has taken notice of it.
	// It returns an error if the subject never will, or if the context ended.
	Signal(ctx context.Context, name string) error
	// CPUTime is the CPU time that the subject has used so far, user and
	// system.
	CPUTime() (time.Duration, error)
}

// holdBound limits the wait for what a scenario expects. It is reached only if
// the client misbehaves.
const holdBound = time.Second

// patience is how long the origin waits for one more request.
func patience(hold scenario.Hold) time.Duration {
	if hold == scenario.HoldQuiet {
		return scenario.QuietTime
	}
	return holdBound
}

// needsMore reports whether other requests must arrive before x is answered.
func (c *connection) needsMore(x *exchange) bool {
	if x.waited {
		return false
	}
	switch x.answer.Hold {
	case scenario.HoldNext, scenario.HoldQuiet:
		return len(c.queue) < 2
	case scenario.HoldRest:
		return !c.server.allArrived()
	}
	return false
}

// wait waits as the scenario says before x is answered, and reports whether all
// of it happened.
func (c *connection) wait(x *exchange) bool {
	a := x.answer
	happened := !x.waited || a.Hold == scenario.HoldQuiet
	ctx, cancel := context.WithTimeout(context.Background(), holdBound)
	defer cancel()
	if a.Hold == scenario.HoldStuck && !c.server.config.Client.WaitStuck(ctx) {
		happened = false
	}
	if a.Hold == scenario.HoldUnread && waitUnread(c.tcp, a.Unread, holdBound) != nil {
		happened = false
	}
	if a.Event != scenario.NoEvent && c.event(a.Event) != nil {
		happened = false
	}
	if a.Signal != "" && c.server.config.Process.Signal(ctx, a.Signal) != nil {
		happened = false
	}
	if a.Linger > 0 {
		c.linger(a.Linger)
	}
	return happened
}

// linger makes the client wait and measures the CPU time that it uses.
func (c *connection) linger(limit time.Duration) {
	begin, arrivals := time.Now(), c.server.arrivals()
	before, failed := c.server.config.Process.CPUTime()
	if err := waitHangup(c.tcp, limit); !errors.Is(err, errLingered) {
		return // the client was not waiting but closing
	}
	after, err := c.server.config.Process.CPUTime()
	if failed != nil || err != nil || arrivals != c.server.arrivals() {
		return // the subject has ended, or continues on another connection
	}
	c.seen.Waits = append(c.seen.Waits, Wait{Duration: time.Since(begin), CPU: after - before})
}
