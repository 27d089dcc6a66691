package fleet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/library"
)

// Config says what to run. Every field is needed but StallEvery.
type Config struct {
	// Client names the program that is the clients, Subject is its path, as
	// scripts/build-subjects makes it.
	Client, Subject string
	// Interposer is the path of the library that makes the send buffers of the
	// clients small.
	Interposer string
	// Server is how a process is started that calls [Serve], with one argument
	// more: after how many answers to stall.
	Server []string
	// Library is the libcurl that the clients load.
	Library *library.Library
	// Clients, each with its own connection.
	Clients int
	// Requests of each client.
	Requests int
	// Processes that the clients are shared among, at most one for each.
	Processes int
	// StallEvery is after how many requests of each client, on average, the
	// server stops reading once on every connection; 0 is never.
	StallEvery int
	// Limit bounds the run, in whole seconds, at least one.
	Limit time.Duration
}

// Check returns an error if that cannot be run: wrong numbers, or too few file
// descriptors for so many connections.
func (c *Config) Check() error {
	switch {
	case c.Clients < 1 || c.Requests < 1:
		return errors.New("a fleet needs at least one client and one request of each")
	case c.Processes < 1 || c.Processes > c.Clients:
		return fmt.Errorf("%d clients cannot be shared among %d processes", c.Clients, c.Processes)
	case c.StallEvery < 0:
		return errors.New("the server cannot stall after less than 0 requests")
	case c.Limit < time.Second:
		return errors.New("the limit of a run is at least a second")
	}
	return checkDescriptors(c.Clients)
}

// spareDescriptors are for all but connections.
const spareDescriptors = 100

// checkDescriptors returns an error if a process may not have so many
// connections, twice: a client that gives one up has the next before the server
// has closed it. Go raises the soft limit to the hard one by itself.
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
