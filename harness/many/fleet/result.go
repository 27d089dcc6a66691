package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// Result is the result of a run, or of a shard of it. Sizes are in bytes.
type Result struct {
	Parameters
	// Run identifies the run; all its shards have the same value.
	Run string `json:"run"`
	// Shard is the part of the clients that Fleet describes. Counted describes
	// all clients.
	Shard shard.Shard `json:"shard"`
	Counted
	plan.Fleet
	// MemoryPerClient is the peak of a client's memory, including its callers
	// and garbage. HandlesPerClient is its memory when each of its handles has
	// made one request and nothing is in flight.
	MemoryPerClient  int64 `json:"memory_per_client_bytes"`
	HandlesPerClient int64 `json:"handles_per_client_bytes"`
}

// complete computes the fields that follow from the others.
func (r *Result) complete() *Result {
	first, next := r.Shard.Range(r.Clients)
	clients := int64(next - first)
	r.MemoryPerClient = (r.MemoryPeak - r.MemoryBefore) / clients
	r.HandlesPerClient = (r.MemoryIdle - r.MemoryBefore) / clients
	return r
}

// AllRequests is how many requests the clients of the shard make.
func (r *Result) AllRequests() int64 {
	first, next := r.Shard.Range(r.Clients)
	return int64(next-first) * int64(r.Requests)
}

// Judge returns an error if the result is not as it has to be with this variant
// of libcurl. Patched answers every request over one connection for each client;
// stock fails to do so if the server stalls; and writes must have been blocked if
// it stalls. The result must be of a whole run.
func (r *Result) Judge() error {
	stalls := r.StallEvery > 0
	kept := r.kept()
	switch {
	case stalls && r.BlockedWrites == 0:
		return fmt.Errorf("%s: inconclusive, no write of a client was ever blocked; have it make more requests", r.label())
	case stalls && r.StuckStalls == 0:
		return fmt.Errorf("%s: inconclusive, %d writes were blocked, but no stall of the server lasted until a client was stuck; "+
			"have it make more requests", r.label(), r.BlockedWrites)
	case r.Variant == library.Stock && stalls && kept:
		return fmt.Errorf("%s: shows no defect, every client kept its connection", r.label())
	case r.Variant != library.Stock && !kept:
		return fmt.Errorf("%s: %d clients made %d connections, %d of %d requests got their own response",
			r.label(), r.Clients, r.Connections, r.Answered, r.AllRequests())
	}
	return nil
}

// Judge returns the errors of all results, joined.
func Judge(results []*Result) error {
	var wrong []error
	for _, r := range results {
		wrong = append(wrong, r.Judge())
	}
	return errors.Join(wrong...)
}

// kept reports whether every request was answered over one connection per
// client.
func (r *Result) kept() bool {
	return r.Connections == int64(r.Clients) && r.Answered == r.AllRequests()
}

func (r *Result) label() string { return r.Client + ", " + r.Library }

// Document is the JSON of a fleet: an object whose "fleet" are the results of
// all runs, or of one shard of each.
type Document struct {
	Runs []*Result `json:"fleet"`
}

// IsDocument reports whether the JSON is a fleet's.
func IsDocument(text []byte) bool {
	var d struct {
		Fleet json.RawMessage `json:"fleet"`
	}
	return json.Unmarshal(text, &d) == nil && d.Fleet != nil
}

// Read reads a file that Write has written. The error says so if it is something
// else.
func Read(path string) (*Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the results of a fleet: %w", err)
	}
	var d Document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%s is not the JSON of a fleet: %w", path, err)
	}
	for _, r := range d.Runs {
		if r == nil {
			return nil, fmt.Errorf("%s is not the JSON of a fleet: a run is missing", path)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("%s is not the JSON of a fleet: %w", path, err)
		}
	}
	return &d, nil
}

func (r *Result) check() error {
	if err := r.Parameters.Check(); err != nil {
		return err
	}
	if !r.Shard.Valid() || r.Shard.Of != r.Shards && r.Shard != shard.Whole {
		return fmt.Errorf("a run in %d shards has no shard %s", r.Shards, r.Shard)
	}
	return r.checkTimes()
}

// longestRun is more than any run takes, in seconds. It limits a picture, which
// has a point for each second.
const longestRun = 7 * 24 * 60 * 60

// checkTimes refuses a run whose samples are not in order or not within its
// time.
func (r *Result) checkTimes() error {
	if r.Seconds < 0 || r.Seconds > longestRun {
		return fmt.Errorf("a run that took %g seconds: between 0 and %d is possible", r.Seconds, longestRun)
	}
	before := 0.0
	for i, s := range r.Samples {
		if s.Seconds < before || s.Seconds > r.Seconds {
			return fmt.Errorf("sample %d is of second %g: between %g and %g is possible", i, s.Seconds, before, r.Seconds)
		}
		before = s.Seconds
	}
	return nil
}
