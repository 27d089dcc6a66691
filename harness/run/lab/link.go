package lab

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// link connects the origin with the subject's process. The origin gets it
// before the process exists, but no connection can arrive earlier than that.
type link struct {
	process atomic.Pointer[running]
}

// running is a subject that has been started.
type running struct {
	pid   int
	input *input
}

var errNotStarted = errors.New("the subject was not started")

func (l *link) set(r *running) { l.process.Store(r) }

// Signal implements origin.Process.
func (l *link) Signal(ctx context.Context, name string) error {
	r := l.process.Load()
	if r == nil {
		return errNotStarted
	}
	return r.input.signal(ctx, name)
}

// CPUTime implements origin.Process. It counts all threads.
func (l *link) CPUTime() (time.Duration, error) {
	r := l.process.Load()
	if r == nil {
		return 0, errNotStarted
	}
	var now unix.Timespec
	if err := unix.ClockGettime(cpuClock(r.pid), &now); err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", r.pid, err)
	}
	return time.Duration(now.Nano()), nil
}

// cpuClock returns the clock id of a process's CPU time, computed as in
// clock_getcpuclockid(3).
func cpuClock(pid int) int32 {
	const scheduled = 2 // CPUCLOCK_SCHED: the time that the process ran, in nanoseconds
	return int32(^pid)<<3 | scheduled
}
