package origin

import "time"

// Log is what the origin saw in a run, in the order of the connections.
type Log struct {
	Connections []Connection `json:"connections"`
}

// Connection is what the origin saw of one connection.
type Connection struct {
	// Number counts the accepted connections from 1.
	Number int `json:"number"`
	// TLS is the negotiated version, "TLS 1.2"; empty for plain TCP, and if
	// the handshake failed.
	TLS string `json:"tls,omitempty"`
	// Handshake is how long the handshake took, in nanoseconds.
	Handshake time.Duration `json:"handshake_ns,omitempty"`
	// Requests in the order in which they arrived on the wire.
	Requests []Request `json:"requests"`
	// Stalls is how often the origin stopped reading until the client was
	// stuck; VainStalls is how often it gave up waiting for that.
	Stalls     int `json:"stalls"`
	VainStalls int `json:"vain_stalls"`
	// End tells how the connection ended.
	End End `json:"end"`
}

// Request is one request as it arrived.
type Request struct {
	// ID is the value of its X-Request-Id; empty if it has none.
	ID string `json:"id"`
	// Method and Target are the first two parts of the request line.
	Method string `json:"method"`
	Target string `json:"target"`
	// Arrived is when its last byte did.
	Arrived time.Time `json:"arrived"`
	// Offset of its first byte among the bytes that the client sent on this
	// connection, and its length in bytes.
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Problem says what is wrong with it, as a request that another one got
	// into; empty for a whole request.
	Problem string `json:"problem,omitempty"`
	// Answered is true when the whole response could be written.
	Answered bool `json:"answered"`
}

// End tells how a connection ended.
type End struct {
	// Time of the end.
	Time time.Time `json:"time"`
	// ByClient is true if the client ended it, false if the origin did.
	ByClient bool `json:"by_client"`
	// Reset is true if the client ended it with a TCP RST.
	Reset bool `json:"reset"`
	// Early is true if the client ended it when it was not done: before all
	// requests of the run had been answered, or to make some of them again.
	Early bool `json:"early"`
	// PartialBytes is the length of a request that had begun to arrive.
	PartialBytes int64 `json:"partial_bytes"`
	// Error as the origin's read or write had it; empty for an orderly end.
	Error string `json:"error,omitempty"`
}

// EarlyEnds returns how many connections the client ended before it had all
// its answers.
func (l *Log) EarlyEnds() int {
	n := 0
	for _, c := range l.Connections {
		if c.End.Early {
			n++
		}
	}
	return n
}

// findEarlyEnds sets Early. Whether the client was done is known only when the
// run is over: it was not if one of the requests of the run was never answered
// or if it made another one later.
func (l *Log) findEarlyEnds(requests int) {
	var last time.Time
	answered := make(map[string]bool)
	for _, c := range l.Connections {
		for _, r := range c.Requests {
			if r.Arrived.After(last) {
				last = r.Arrived
			}
			if r.Answered {
				answered[r.ID] = true
			}
		}
	}
	for i := range l.Connections {
		end := &l.Connections[i].End
		done := len(answered) >= requests && end.PartialBytes == 0 && !last.After(end.Time)
		end.Early = end.ByClient && !done
	}
}
