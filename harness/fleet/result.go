package fleet

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/curlpipe/curlpipe/harness/library"
)

// Result is what one run came to. Sizes are bytes.
type Result struct {
	Client   string `json:"client"`
	Library  string `json:"library"` // its version and variant
	Clients  int    `json:"clients"`
	Requests int    `json:"requests"` // of all clients
	Counted
	Seconds float64 `json:"seconds"` // from the first client's start to the last one's end
	// As the clients saw it:
	Answered      int64 `json:"answered"` // with the response that belongs to the request
	Wrong         int64 `json:"wrong"`    // with another one
	Failed        int64 `json:"failed"`   // with an error
	Unended       int64 `json:"unended"`  // not at all
	BlockedWrites int64 `json:"blocked_writes"`
	// MemoryPerClient is the most that a client took, HandlesPerClient what it
	// took when each of its handles had made one request.
	MemoryPerClient  int64 `json:"memory_per_client_bytes"`
	HandlesPerClient int64 `json:"handles_per_client_bytes"`
}

func (c *Config) result(counted *Counted, took time.Duration, parts []said) *Result {
	r := &Result{
		Client: c.Client, Library: c.Library.Label(), Clients: c.Clients, Requests: c.Clients * c.Requests,
		Counted: *counted, Seconds: took.Seconds(),
	}
	var peak, idle int64
	for _, p := range parts {
		r.Answered += p.Answered
		r.Wrong += p.Wrong
		r.Failed += p.Failed
		r.BlockedWrites += p.BlockedWrites
		peak += p.MemoryPeak - p.MemoryBefore
		idle += p.MemoryIdle - p.MemoryBefore
	}
	r.Unended = int64(r.Requests) - r.Answered - r.Wrong - r.Failed
	r.MemoryPerClient, r.HandlesPerClient = peak/int64(c.Clients), idle/int64(c.Clients)
	return r
}

// Judge returns an error that says what is not as it has to be with that
// variant of libcurl: patched has every request answered over one connection a
// client, stock does not if the server stalls; and writes were blocked then.
func (r *Result) Judge(variant string, stalls bool) error {
	kept := r.Connections == int64(r.Clients) && r.Answered == int64(r.Requests)
	switch {
	case stalls && (r.BlockedWrites == 0 || r.StuckStalls == 0):
		return fmt.Errorf("%s: inconclusive, no client was ever stuck in a write; have it make more requests", r.Library)
	case variant == library.Stock && stalls && kept:
		return fmt.Errorf("%s: shows no defect, every client kept its connection", r.Library)
	case variant != library.Stock && !kept:
		return fmt.Errorf("%s: %d clients made %d connections, %d of %d requests got their own response",
			r.Library, r.Clients, r.Connections, r.Answered, r.Requests)
	}
	return nil
}

// Table prints the runs below each other.
func Table(w io.Writer, results []*Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "client\tlibrary\tclients\tconnections\tmost at a time\thandshakes\tmost/s\tbroken off\tanswered\tnever ended\t"+
		"blocked writes\tserver CPU\ttook\tmemory/client\t\n")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%.0f\t%d\t%d/%d\t%d\t%d\t%.1f s\t%.1f s\t%d kB\t\n",
			r.Client, r.Library, r.Clients, r.Connections, r.PeakConnections, r.Handshakes, r.mostHandshakes(), r.Resets,
			r.Answered, r.Requests, r.Unended, r.BlockedWrites, r.CPUSeconds, r.Seconds, r.MemoryPerClient/1000)
	}
	return t.Flush()
}

// Write writes the runs as JSON: an object whose "runs" are results.
func Write(w io.Writer, results []*Result) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string][]*Result{"runs": results})
}
