package fleet

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// Config says what to run and with what.
type Config struct {
	// Parameters of the run. Its Library, Variant and Shards follow from what is below.
	Parameters
	// Subject is the path of the client program, as scripts/build-subjects makes
	// it.
	Subject string
	// Interposer is the path of the library that limits the clients' send
	// buffers.
	Interposer string
	// LoadFrom is the libcurl that the clients load.
	LoadFrom *library.Library
	// Server is the URL of a server, as [Serve] prints it. If it is empty, the
	// run has its own server, which Command starts.
	Server  string
	Command []string
	// Shard selects the clients that are run here. Several shards need a Server.
	Shard shard.Shard
	// Processes is the number of processes among which the clients of the shard
	// are divided, at most one for each client.
	Processes int
	// Limit limits the run, including the wait for other shards.
	Limit time.Duration
	// Waiting, if not nil, is called once with the longest wait if there is no
	// server at the URL yet.
	Waiting func(limit time.Duration)
	// Progress, if not nil, is called about once a second with the number of
	// requests that the server has answered.
	Progress func(answered int64)
}

// Check returns an error if the run is not possible: wrong numbers, or too few
// file descriptors for so many connections.
func (c *Config) Check() error {
	f := c.parameters()
	if err := f.Check(); err != nil {
		return err
	}
	first, next := c.Shard.Range(c.Clients)
	switch {
	case !c.Shard.Valid():
		return fmt.Errorf("there is no shard %s", c.Shard)
	case c.Processes < 1 || c.Processes > next-first:
		return fmt.Errorf("%d clients cannot be shared among %d processes", next-first, c.Processes)
	case c.Limit < time.Second:
		return errors.New("the limit of a run is at least a second")
	case c.Server == "" && c.Shard.Of > 1:
		return errors.New("shards meet at a server; name the one of pipelab fleet serve")
	}
	if c.Server != "" {
		if u, err := url.Parse(c.Server); err != nil || u.Scheme != "http" || u.Hostname() == "" {
			return fmt.Errorf("%q is not the URL of a fleet's server, such as http://fleet-server:8080", c.Server)
		}
	}
	return checkDescriptors(next - first)
}

// parameters are those with what follows from the rest.
func (c *Config) parameters() Parameters {
	f := c.Parameters
	f.Shards = c.Shard.Of
	if c.LoadFrom != nil {
		f.Library, f.Variant = c.LoadFrom.Label(), c.LoadFrom.Manifest.Variant
	}
	return f
}
