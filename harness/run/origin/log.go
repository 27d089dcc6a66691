package origin

import (
	"net"
	"net/netip"
	"time"
)

// Log is what the origin saw in a run, in the order of the connections.
type Log struct {
	// Problem says what went wrong with the origin itself; empty if nothing.
	Problem     string       `json:"problem,omitempty"`
	Connections []Connection `json:"connections"`
}

// Connection is what the origin saw of one connection.
type Connection struct {
	// Number counts the accepted connections from 1.
	Number int `json:"number"`
	// Client is the client's address and port.
	Client netip.AddrPort `json:"client,omitzero"`
	// TLS is the negotiated version, "TLS 1.2"; empty for plain TCP, and if
	// the handshake failed.
	TLS string `json:"tls,omitempty"`
	// Handshake is how long the handshake took, in nanoseconds.
	Handshake time.Duration `json:"handshake_ns,omitempty"`
	// HTTP2 is true if it was served over HTTP/2.
	HTTP2 bool `json:"http2,omitempty"`
	// Requests in the order in which they arrived on the wire.
	Requests []Request `json:"requests"`
	// Stalls is how often the origin stopped reading until the client was
	// stuck; VainStalls is how often it gave up waiting for that.
	Stalls     int `json:"stalls"`
	VainStalls int `json:"vain_stalls"`
	// Waits are the periods in which the origin made the client wait.
	Waits []Wait `json:"waits,omitempty"`
	// Renegotiations is how many handshakes the origin asked for and the client
	// completed; KeyUpdates is how many KeyUpdates the client sent.
	Renegotiations int `json:"renegotiations,omitempty"`
	KeyUpdates     int `json:"key_updates,omitempty"`
	// Handshakes are those that the origin asked for.
	Handshakes []Handshake `json:"handshakes,omitempty"`
	// KeyUpdated is when each KeyUpdate of the client arrived.
	KeyUpdated []time.Time `json:"key_updated,omitempty"`
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
	// Arrived is when its last byte arrived.
	Arrived time.Time `json:"arrived"`
	// Offset of its first byte among the bytes that the client sent on this
	// connection, and its length in bytes.
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	// Problem says what is wrong with the request, for example that another one
	// is inside it; empty for a whole request.
	Problem string `json:"problem,omitempty"`
	// Credentials are the user and password of its Authorization field,
	// "user:password"; empty if it has none.
	Credentials string `json:"credentials,omitempty"`
	// BodyBytes is the size of its body.
	BodyBytes int `json:"body_bytes,omitempty"`
	// Behind is how many requests before it on this connection were still
	// unanswered when it arrived.
	Behind int `json:"behind"`
	// Ignored is true if it came after the origin had closed its half of the
	// connection, or could not write any more.
	Ignored bool `json:"ignored,omitempty"`
	// Answered is true when the whole response could be written, or was kept
	// back for the next one.
	Answered bool `json:"answered"`
	// AnswerBegan and AnswerEnded are when the origin began to write the
	// response, and when it had written it; zero if it did not.
	AnswerBegan time.Time `json:"answer_began,omitzero"`
	AnswerEnded time.Time `json:"answer_ended,omitzero"`
	// AsPlanned is true if everything happened that the scenario expects before
	// the answer, such as the client getting stuck.
	AsPlanned bool `json:"as_planned"`
}

// Wait is a period in which the origin made the client wait and the client
// could do nothing.
type Wait struct {
	// Duration of the wait, in nanoseconds.
	Duration time.Duration `json:"duration_ns"`
	// CPU time that the client used meanwhile, in nanoseconds.
	CPU time.Duration `json:"cpu_ns"`
}

// Handshake is a renegotiation.
type Handshake struct {
	// Asked is when the origin sent its HelloRequest, Ended when it had the
	// client's Finished; zero if that did not come.
	Asked time.Time `json:"asked"`
	Ended time.Time `json:"ended,omitzero"`
}

// End tells how a connection ended.
type End struct {
	// Time of the end.
	Time time.Time `json:"time"`
	// ByClient is true if the client ended it, false if the origin did.
	ByClient bool `json:"by_client"`
	// Reset is true if the client ended it with a TCP RST.
	Reset bool `json:"reset"`
	// Early is true if the client ended the connection too soon: before all
	// requests of the run had been answered, or in order to send some of them
	// again.
	Early bool `json:"early"`
	// PartialBytes is the length of a request that had begun to arrive, and
	// PartialID its id, if that had arrived.
	PartialBytes int64  `json:"partial_bytes"`
	PartialID    string `json:"partial_id,omitempty"`
	// Error of the origin's read or write; empty for an orderly end.
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
// run is over: it was not if fewer requests than these were ever answered,
// beside those that need no answer, or if it made one later. A RST followed by
// another connection that is used comes from a client that was not done, even
// if the origin was busy and noticed it only when all was over.
func (l *Log) findEarlyEnds(requests int, needNoAnswer []string) {
	answered := make(map[string]bool)
	for _, c := range l.Connections {
		for _, r := range c.Requests {
			if r.Answered {
				answered[r.ID] = true
			}
		}
	}
	for _, id := range needNoAnswer {
		answered[id] = true
	}
	var last time.Time // of the requests on later connections; zero if there are none
	for i := len(l.Connections) - 1; i >= 0; i-- {
		end := &l.Connections[i].End
		cameBack := last.After(end.Time) || end.Reset && !last.IsZero()
		done := len(answered) >= requests && end.PartialBytes == 0 && !cameBack
		end.Early = end.ByClient && !done
		for _, r := range l.Connections[i].Requests {
			if r.Arrived.After(last) {
				last = r.Arrived
			}
		}
	}
}

// ClientOf returns the address and port of the client of a connection, in the
// form that packets have.
func ClientOf(tcp net.Conn) netip.AddrPort {
	address, isTCP := tcp.RemoteAddr().(*net.TCPAddr)
	if !isTCP {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(address.AddrPort().Addr().Unmap(), address.AddrPort().Port())
}
