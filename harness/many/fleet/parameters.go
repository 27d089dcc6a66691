package fleet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Parameters define a run. All its shards have the same.
type Parameters struct {
	// Client is the name of the client program.
	Client string `json:"client"`
	// Library is the libcurl that the clients load, by version and variant;
	// Variant is the variant alone.
	Library string `json:"library"`
	Variant string `json:"variant"`
	// TLS is the version of TLS, plan.TLS12 or plan.TLS13.
	TLS string `json:"tls"`
	// Clients is the number of clients in all shards, each with its own
	// connection.
	Clients int `json:"clients"`
	// Requests is the number of requests of each client.
	Requests int `json:"requests_per_client"`
	// StallEvery is after how many requests of each client, on average, the
	// server stops reading once on every connection; 0 is never.
	StallEvery int `json:"stall_every"`
	// Patience is the time in seconds after which a client gives up its
	// requests in flight if none of them has ended.
	Patience int `json:"patience_seconds"`
	// Shards is the number of shards.
	Shards int `json:"shards"`
}

// Check returns an error that says which numbers are invalid.
func (f *Parameters) Check() error {
	switch {
	case f.Clients < 1 || f.Requests < 1:
		return errors.New("a fleet needs at least one client and one request of each")
	case f.StallEvery < 0:
		return errors.New("the number of requests before a stall is below 0")
	case f.Patience < 1:
		return errors.New("the patience of a client is at least a second")
	case f.TLS != plan.TLS12 && f.TLS != plan.TLS13:
		return fmt.Errorf("unknown version of TLS %q; it is %s or %s", f.TLS, plan.TLS12, plan.TLS13)
	case f.Shards < 1 || f.Shards > f.Clients:
		return fmt.Errorf("%d clients cannot be divided into %d shards", f.Clients, f.Shards)
	}
	return nil
}

// words describes the parameters.
func (f *Parameters) words() string {
	return fmt.Sprintf("%d clients (%d requests each, a stall every %d, patience %v) in %s with libcurl %s and TLS %s, in %d shards",
		f.Clients, f.Requests, f.StallEvery, time.Duration(f.Patience)*time.Second, f.Client, f.Library, f.TLS, f.Shards)
}

// spareDescriptors are descriptors that are not for connections.
const spareDescriptors = 100

// checkDescriptors returns an error if a process may not open this many
// connections twice: a client that gives one up opens the next before the
// server has closed the old one. Go and the clients raise the soft limit to the
// hard one.
func checkDescriptors(clients int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("reading the limit of open files: %w", err)
	}
	if need := uint64(2*clients + spareDescriptors); limit.Max < need {
		return fmt.Errorf("%d clients need %d open files, and the limit is %d; raise it with ulimit -Hn %d",
			clients, need, limit.Max, need)
	}
	return nil
}
