package fleet

// Messages between a shard and the server, as JSON in the bodies of HTTP
// requests and responses.

// Address is the first line of a server's output.
type Address struct {
	// Server is the URL for the shards.
	Server string `json:"server"`
}

// beginning asks for a run. The answer is a greeting, as soon as all shards
// have asked.
type beginning struct {
	Parameters Parameters `json:"parameters"`
	Shard      int        `json:"shard"`
}

// greeting says where the clients connect to.
type greeting struct {
	Run       string `json:"run"`  // names the run
	Port      int    `json:"port"` // on the host of the server's URL
	Authority []byte `json:"authority"`
}

// ending says that the clients of a shard are done, or cannot run. The answer
// is the counts, as soon as all shards are done.
type ending struct {
	Run     string `json:"run"`
	Shard   int    `json:"shard"`
	Problem string `json:"problem,omitempty"`
}

// progress is the progress of a run.
type progress struct {
	Answered int64 `json:"answered"`
}

// Counted is what the server has counted in a run.
type Counted struct {
	Connections     int64 `json:"connections"`
	PeakConnections int   `json:"peak_connections"`
	Handshakes      int64 `json:"handshakes"`
	// Resets are the connections that a client reset.
	Resets    int64 `json:"resets"`
	Responses int64 `json:"answered_by_server"`
	// Stalls is how often the server stopped reading from a connection,
	// StuckStalls how often this left the client unable to write.
	Stalls      int64 `json:"stalls"`
	StuckStalls int64 `json:"stuck_stalls"`
	// Seconds is the time from the arrival of the last shard to the end of the
	// last one.
	Seconds float64 `json:"seconds"`
	// CPUSeconds is the CPU time of the server's process, user and system.
	CPUSeconds float64  `json:"server_cpu_seconds"`
	Samples    []Sample `json:"samples"`
}
