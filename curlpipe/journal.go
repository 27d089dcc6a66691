package curlpipe

import (
	"context"
	"log/slog"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// journal tells a logger what changed in the loop's counters. A nil journal
// tells nobody.
type journal struct {
	logger *slog.Logger
	engine *engine
	last   cshim.Counters

	lastFailed, lastResent uint64 // counters of the engine
}

func newJournal(logger *slog.Logger, e *engine) *journal {
	if logger == nil {
		return nil
	}
	return &journal{logger: logger, engine: e}
}

// write tells what happened since the last time.
func (j *journal) write() {
	if j == nil {
		return
	}
	now, last := j.engine.loop.Counters(), j.last
	j.last = now
	failed, resent := j.engine.counters.notConnected.Load(), j.engine.counters.resent.Load()
	notConnected, again := failed-j.lastFailed, resent-j.lastResent
	j.lastFailed, j.lastResent = failed, resent
	for _, line := range [...]struct {
		level   slog.Level
		message string
		count   uint64
	}{
		{slog.LevelInfo, "connection opened", now.SocketsOpened - last.SocketsOpened},
		{slog.LevelInfo, "TLS handshake made", now.Handshakes - last.Handshakes},
		{slog.LevelInfo, "TLS session resumed", now.Resumptions - last.Resumptions},
		{slog.LevelInfo, "connection closed by the client", now.ClosedByClient - last.ClosedByClient},
		{slog.LevelInfo, "connection closed by the server", now.ClosedByServer - last.ClosedByServer},
		{slog.LevelWarn, "connection reset by the server", now.ResetByServer - last.ResetByServer},
		{slog.LevelWarn, "connection not established", notConnected},
		{slog.LevelWarn, "connection given up over an unwanted response", now.GivenUp - last.GivenUp},
		{slog.LevelInfo, "request sent again", again},
	} {
		if line.count > 0 {
			j.logger.LogAttrs(context.Background(), line.level, "curlpipe: "+line.message, slog.Uint64("count", line.count))
		}
	}
}

// stalled tells that everything in flight is failed.
func (j *journal) stalled(limit time.Duration) {
	if j != nil {
		j.logger.LogAttrs(context.Background(), slog.LevelWarn, "curlpipe: stalled, connections closed", slog.Duration("limit", limit))
	}
}
