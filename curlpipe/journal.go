package curlpipe

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// journal sends a logger the changes since the last record. The logger is the
// user's and may be slow, so a separate goroutine calls it, and events that
// occur meanwhile are added up. A nil journal does nothing.
type journal struct {
	logger *slog.Logger
	engine *engine
	lines  chan []entry
	late   atomic.Bool // there was no room for lines
	ended  chan struct{}

	told, counted count
}

// entry is the number of events of one kind.
type entry struct {
	level   slog.Level
	message string
	count   uint64
}

// count has all numbers that a journal reports.
type count struct {
	loop                                   cshim.Counters
	notConnected, resent, stalled, givenUp uint64
}

// farewell is how long a slow logger may delay Transport.Close.
const farewell = time.Second

func newJournal(logger *slog.Logger, e *engine) *journal {
	if logger == nil {
		return nil
	}
	j := &journal{logger: logger, engine: e, lines: make(chan []entry, 1), ended: make(chan struct{})}
	go j.run()
	return j
}

func (j *journal) run() {
	defer close(j.ended)
	for lines := range j.lines {
		for _, each := range lines {
			j.logger.LogAttrs(context.Background(), each.level, "curlpipe: "+each.message, slog.Uint64("count", each.count))
		}
		if j.late.Swap(false) {
			j.engine.mailbox.look() // it calls write
		}
	}
}

// news returns the entries for what was counted and not yet reported.
func (j *journal) news() []entry {
	j.counted.loop = j.engine.loop.Counters()
	j.counted.notConnected = j.engine.counters.notConnected.Load()
	j.counted.resent = j.engine.counters.resent.Load()
	j.counted.givenUp = j.counted.loop.GivenUp + j.engine.counters.givenUp.Load()
	now, last := &j.counted, &j.told
	if *now == *last {
		return nil
	}
	var lines []entry
	for _, each := range [...]entry{
		{slog.LevelInfo, "connection opened", now.loop.SocketsOpened - last.loop.SocketsOpened},
		{slog.LevelInfo, "TLS handshake made", now.loop.Handshakes - last.loop.Handshakes},
		{slog.LevelInfo, "TLS session resumed", now.loop.Resumptions - last.loop.Resumptions},
		{slog.LevelInfo, "connection closed by the client", now.loop.ClosedByClient - last.loop.ClosedByClient},
		{slog.LevelInfo, "connection closed by the server", now.loop.ClosedByServer - last.loop.ClosedByServer},
		{slog.LevelWarn, "connection reset by the server", now.loop.ResetByServer - last.loop.ResetByServer},
		{slog.LevelWarn, "connection not established", now.notConnected - last.notConnected},
		{slog.LevelWarn, "connection stalled for StallTimeout", now.stalled - last.stalled},
		{slog.LevelWarn, "connection given up over an unwanted response", now.givenUp - last.givenUp},
		{slog.LevelInfo, "request sent again", now.resent - last.resent},
	} {
		if each.count > 0 {
			lines = append(lines, each)
		}
	}
	return lines
}

// write reports what has happened. If the logger is busy, the next call reports
// it.
func (j *journal) write() {
	if j == nil {
		return
	}
	lines := j.news()
	if len(lines) > 0 {
		j.late.Store(true) // set first: run looks at it after it has made room
		select {
		case j.lines <- lines:
			j.late.Store(false)
		default:
			return
		}
	}
	j.told = j.counted
}

// stalled notes a connection on which nothing has moved.
func (j *journal) stalled() {
	if j != nil {
		j.counted.stalled++
	}
}

// end reports the rest, and waits a while for the logger.
func (j *journal) end() {
	if j == nil {
		return
	}
	enough := time.NewTimer(farewell)
	defer enough.Stop()
	select {
	case j.lines <- j.news():
	case <-enough.C:
	}
	close(j.lines)
	select {
	case <-j.ended:
	case <-enough.C:
	}
}
