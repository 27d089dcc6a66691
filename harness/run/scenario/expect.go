package scenario

// Expect is the expected result of a scenario. The zero value is the result of an
// honest origin and a client without faults: each request is sent once, over one
// connection, and answered with status 200 and its own body.
type Expect struct {
	// MaxConnections is how many connections the origin may see; 0 means 1.
	MaxConnections int
	// MaxEarlyEnds is how many connections the client may end early.
	MaxEarlyEnds int
	// MaxRequests is how often a request may reach the origin; 0 means once,
	// and once more for each connection beyond the first.
	MaxRequests int
	// MaxMemory, if not 0, is how much memory the client may use, in bytes.
	MaxMemory int64
	// MinPipelined is how many requests have to arrive behind others that are not
	// answered yet.
	MinPipelined int
	// MinPipes is on how many connections a request has to arrive behind another
	// that is not answered yet.
	MinPipes int
	// MaxTurns, if not 0, limits how often the client's loop calls libcurl, for
	// clients that count this.
	MaxTurns int
	// Results has the requests that end in another way, by their number.
	Results map[int]Result
	// MaxFailed, if not 0, limits how many of the requests that may fail do fail.
	MaxFailed int
	// MinBlockedWrites is how many writes must have been blocked for the run
	// to count, with a client that the interposer can see into.
	MinBlockedWrites int
	// MinWantRead is how many writes must have answered WANT_READ.
	MinWantRead int
	// MinTLSAnswers is how many renegotiations and KeyUpdates of the client
	// the origin must have seen.
	MinTLSAnswers int
	// MinBlockedReads is how many reads must have answered WANT_WRITE.
	MinBlockedReads int
	// Stock has the known defects of stock libcurl. With a release and a driver
	// that none of them is about, stock has to pass.
	Stock []Defect
	// Control is the failure of a libcurl whose only change is
	// SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER; empty if the scenario is not meant for
	// it.
	Control string
}

// Result is the expected result of one request.
type Result struct {
	// Outcome is how the request has to end.
	Outcome Outcome
	// Codes are the CURLcodes that it may fail with; empty means any.
	Codes []int
}

// Outcome is how a request can end.
type Outcome string

// The outcomes.
const (
	// Answered: with status 200 and its own body.
	Answered Outcome = ""
	// Failed: with a CURLcode.
	Failed Outcome = "failed"
	// AnsweredOrFailed: either is right.
	AnsweredOrFailed Outcome = "answered or failed"
	// Removed: by the application, before it ended.
	Removed Outcome = "removed"
)

// AllowedConnections returns how many connections the origin may see.
func (s *Scenario) AllowedConnections() int {
	return max(1, s.Expect.MaxConnections)
}

// AllowedRequests returns how often a request may reach the origin.
func (s *Scenario) AllowedRequests() int {
	if s.Expect.MaxRequests > 0 {
		return s.Expect.MaxRequests
	}
	return s.AllowedConnections()
}

// ResultOf returns the expected result of the request with that id.
func (s *Scenario) ResultOf(id string) Result {
	number, known := Number(id)
	if !known {
		return Result{}
	}
	return s.Expect.Results[number]
}

// NeedNoAnswer returns the ids of the requests that may end without an answer.
func (s *Scenario) NeedNoAnswer() []string {
	var ids []string
	for number, result := range s.Expect.Results {
		if result.Outcome != Answered {
			ids = append(ids, ID(number))
		}
	}
	return ids
}
