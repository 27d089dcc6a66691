package plan

// Fleet is the report of a process of many clients, a program of pipelab fleet.
// It counts each request once.
type Fleet struct {
	// Answered is how many requests got their own response.
	Answered int64 `json:"answered"`
	// Wrong is how many got the response to another request.
	Wrong int64 `json:"wrong"`
	// Failed is how many ended with an error.
	Failed int64 `json:"failed"`
	// GivenUp is how many had not ended when the client's patience ran out.
	GivenUp int64 `json:"given_up"`
	// BlockedWrites is how often the socket did not take what was written.
	BlockedWrites int64 `json:"blocked_writes"`
	// MemoryBefore is the memory of the process in bytes before it made its
	// clients, MemoryIdle when each handle had made one request, and MemoryPeak
	// the largest value.
	MemoryBefore int64 `json:"memory_before_bytes"`
	MemoryIdle   int64 `json:"memory_idle_bytes"`
	MemoryPeak   int64 `json:"memory_peak_bytes"`
}

// Add adds the report of another process.
func (f *Fleet) Add(o *Fleet) {
	f.Answered += o.Answered
	f.Wrong += o.Wrong
	f.Failed += o.Failed
	f.GivenUp += o.GivenUp
	f.BlockedWrites += o.BlockedWrites
	f.MemoryBefore += o.MemoryBefore
	f.MemoryIdle += o.MemoryIdle
	f.MemoryPeak += o.MemoryPeak
}
