package curlpipe

import "sync/atomic"

// Stats count what a client did since it was made. Requests is the sum of
// Answered, Failed, Abandoned and those that still wait for their result.
type Stats struct {
	ConnectionsOpened  uint64 // sockets opened to connect, successful or not
	ConnectionsClosed  uint64 // sockets closed, by either side's wish
	ConnectionsGivenUp uint64 // of these, closed over Options.MaxAbandonedBytes
	Requests           uint64 // taken from callers
	Answered           uint64 // returned to the caller with a response
	Failed             uint64 // returned to the caller with an error, the context's excepted
	Abandoned          uint64 // left by their caller, whose context ended
	InFlight           int64  // handed to libcurl and not ended, abandoned ones included
	Queued             int64  // wait for room in a pipeline
	EasyHandles        int64  // libcurl's easy handles, in use or kept for the next request
}

// counters are the part of Stats that this package keeps itself.
type counters struct {
	requests, answered, failed, abandoned atomic.Uint64
	inFlight, queued, easyHandles         atomic.Int64
}

// count counts the end of a request for its caller.
func (c *counters) count(err error) {
	if err != nil {
		c.failed.Add(1)
	} else {
		c.answered.Add(1)
	}
}

// Stats reads the counters. Any goroutine may call it, after Close as well. The
// numbers are each exact, not taken at the same instant.
func (c *Client) Stats() Stats {
	sockets := c.engine.loop.Counters()
	counted := &c.engine.counters
	return Stats{
		ConnectionsOpened:  sockets.SocketsOpened,
		ConnectionsClosed:  sockets.SocketsClosed,
		ConnectionsGivenUp: sockets.GivenUp,
		Requests:           counted.requests.Load(),
		Answered:           counted.answered.Load(),
		Failed:             counted.failed.Load(),
		Abandoned:          counted.abandoned.Load(),
		InFlight:           counted.inFlight.Load(),
		Queued:             counted.queued.Load(),
		EasyHandles:        counted.easyHandles.Load(),
	}
}
