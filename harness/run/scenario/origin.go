package scenario

import (
	"maps"
	"slices"
)

// Origin is the server's half of a scenario.
type Origin struct {
	// ReceiveBuffer, if not 0, is what SO_RCVBUF is set to, in bytes. Linux
	// doubles it.
	ReceiveBuffer int
	// MaxSegment, if not 0, is the TCP maximum segment size in bytes. The
	// loopback's own of 64 KB makes small windows depend on timers.
	MaxSegment int
	// StallConnections, if not 0, is the number of connections on which the
	// origin stalls: it reads a request, stops reading until the client is stuck
	// in a write, and only then answers. Later connections are served honestly,
	// which limits the run time of a client that loses each connection.
	StallConnections int
	// StallUntilLeft ends the stalling when at most this many requests are
	// unanswered: what fits into the buffers does not get stuck.
	StallUntilLeft int
	// Answers has the answers to the requests that are not answered honestly, by
	// the number of the request.
	Answers map[int]Answer
	// EveryAnswer is the answer to all other requests.
	EveryAnswer Answer
	// Places has the answers to the requests at certain places of a connection,
	// whichever requests arrive there. A client may send requests that were
	// submitted together in any order.
	Places []Place

	// MaxStreams, if not 0, is SETTINGS_MAX_CONCURRENT_STREAMS [RFC 9113 §6.5.2],
	// over HTTP/2.
	MaxStreams int
	// StreamWindow, if not 0, is SETTINGS_INITIAL_WINDOW_SIZE in bytes, over
	// HTTP/2: how much of the body of a request may arrive before the origin asks
	// for more. The window of the connection grows by the same number.
	StreamWindow int
	// InStep, if true, sends a PING after each frame of a response, over HTTP/2,
	// and continues when it is acknowledged: by then the client has seen the
	// frame.
	InStep bool
}

// all returns every answer that the origin may give.
func (o *Origin) all() []Answer {
	list := []Answer{o.EveryAnswer}
	for _, number := range slices.Sorted(maps.Keys(o.Answers)) {
		list = append(list, o.Answers[number])
	}
	for _, place := range o.Places {
		list = append(list, place.Answer)
	}
	return list
}

// AnswerTo returns how the request with that id is answered.
func (o *Origin) AnswerTo(id string) Answer {
	number, known := Number(id)
	if !known {
		return Answer{}
	}
	if a, special := o.Answers[number]; special {
		return a
	}
	return o.EveryAnswer
}

// Honest reports whether every answer is one that an honest origin would give. The
// origin may stall before it.
func (o *Origin) Honest() bool {
	return !slices.ContainsFunc(o.all(), func(a Answer) bool { return !a.Honest() })
}

// OverHTTP2 reports whether HTTP/2 has every answer.
func (o *Origin) OverHTTP2() bool {
	return len(o.Places) == 0 && !slices.ContainsFunc(o.all(), func(a Answer) bool { return !a.OverHTTP2() })
}

// WatchesClient reports whether the origin waits for the client to be seen
// stuck in a write.
func (o *Origin) WatchesClient() bool {
	return o.StallConnections > 0 || slices.ContainsFunc(o.all(), func(a Answer) bool { return a.Hold == HoldStuck })
}

// stalls reports whether the origin relies on a client that cannot write.
func (o *Origin) stalls() bool {
	return o.WatchesClient() || slices.ContainsFunc(o.all(), func(a Answer) bool { return a.Hold == HoldUnread })
}

// AsksClient reports whether the origin signals the client or measures it.
func (o *Origin) AsksClient() bool {
	return slices.ContainsFunc(o.all(), func(a Answer) bool {
		return a.Signal != "" || a.SignalBlocked != "" || a.Linger > 0
	})
}

// NeedsOpenSSL reports whether the origin has to send what only OpenSSL can.
func (s *Scenario) NeedsOpenSSL() bool {
	return slices.ContainsFunc(s.Origin.all(), func(a Answer) bool {
		return a.Event != NoEvent || a.EventAfter != NoEvent
	})
}

// Place selects requests by their place on a connection.
type Place struct {
	// Connections is the number of connections it applies to, from the first.
	Connections int
	// Request is its place there, counted from 0.
	Request int
	// Answer is the answer to that request.
	Answer Answer
}
