package acceptance

import (
	"bufio"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/build/checkout"
	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/fleet"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// fleetOf returns a small fleet: 10 clients with 40 requests each.
func fleetOf(t *testing.T, client, variant string) fleet.Config {
	found, err := checkout.Find()
	require.NoError(t, err)
	finder, err := found.Finder()
	require.NoError(t, err)
	c := fleet.Config{
		Parameters: fleet.Parameters{Client: client, TLS: plan.TLS12, Clients: 10, Requests: 40, StallEvery: 10, Patience: 3},
		Command:    []string{"../../build/pipelab", "fleet", "serve"},
		Shard:      shard.Whole, Processes: 2, Limit: 2 * time.Minute,
	}
	c.Interposer, err = subject.In(found.Programs()).Interposer()
	require.NoError(t, err)
	c.LoadFrom, err = finder.Find(variant)
	require.NoError(t, err)
	c.Subject, err = subject.In(found.Programs()).Fleet(client)
	require.NoError(t, err)
	return c
}

// TestFleet makes a small fleet show the report's effect: with stock the server
// gets more handshakes than there are clients, with patched exactly as many.
func TestFleet(t *testing.T) {
	for _, client := range []string{"c-fleet", "curlpipe-fleet"} {
		for _, variant := range []string{library.Patched, library.Stock} {
			r, err := fleet.Run(context.Background(), fleetOf(t, client, variant))
			require.NoError(t, err)
			require.NoError(t, r.Judge(), "%+v", *r)
			require.Positive(t, r.BlockedWrites)
			require.Positive(t, r.CPUSeconds)
			require.Greater(t, r.MemoryPerClient, int64(100<<10))
			require.GreaterOrEqual(t, r.MemoryPerClient, r.HandlesPerClient)
			require.EqualValues(t, 400, r.Answered+r.Wrong+r.Failed+r.GivenUp, "each request is counted once")
			if variant == library.Patched {
				requireKept(t, r, 10)
			} else {
				require.Greater(t, r.Handshakes, int64(10))
				require.Positive(t, r.Resets)
			}
		}
	}
}

// requireKept requires one connection for each client, and all answers.
func requireKept(t *testing.T, r *fleet.Result, clients int64) {
	t.Helper()
	require.Equal(t, clients, r.Connections)
	require.Equal(t, clients, r.Handshakes)
	require.Equal(t, r.AllRequests(), r.Answered)
	require.Zero(t, r.Resets)
}

func TestFleetOverTLS13(t *testing.T) {
	for _, client := range []string{"c-fleet", "curlpipe-fleet"} {
		c := fleetOf(t, client, library.Patched)
		c.TLS = plan.TLS13
		r, err := fleet.Run(context.Background(), c)
		require.NoError(t, err)
		require.NoError(t, r.Judge())
	}
}

// TestFleetWithLibrariesThatNeedMore uses libcurls that need more than a loader
// path: one with sanitizers, whose runtime has to be loaded first, and the
// machine's own, which no longer pipelines.
func TestFleetWithLibrariesThatNeedMore(t *testing.T) {
	for name, build := range map[string][]string{
		"sanitized": {"../../scripts/build-libcurl", "--variant", "patched", "--sanitize"},
		"packaged":  {"../../scripts/fetch-libcurl"},
	} {
		t.Run(name, func(t *testing.T) {
			prefix, err := exec.Command(build[0], build[1:]...).Output()
			require.NoError(t, err, "%s", build)
			for _, client := range []string{"c-fleet", "curlpipe-fleet"} {
				c := fleetOf(t, client, strings.TrimSpace(string(prefix)))
				c.Clients, c.Requests, c.StallEvery, c.Processes = 2, 10, 0, 1
				r, err := fleet.Run(t.Context(), c)
				require.NoError(t, err, client)
				requireKept(t, r, 2)
			}
		})
	}
}

// The limit of open files may be lower than allowed: the clients of a fleet
// raise it.
func TestFleetWithMoreConnectionsThanTheSoftLimit(t *testing.T) {
	run := exec.Command("sh", "-c", "ulimit -Sn 64 && exec ../../build/pipelab fleet --library patched "+
		"--client c-fleet,curlpipe-fleet --clients 100 --processes 1 --requests 10 --stall-every 0 --json -")
	text, err := run.Output()
	require.NoError(t, err, "%s", text)
	var d fleet.Document
	require.NoError(t, json.Unmarshal(text, &d))
	require.Len(t, d.Runs, 2)
	for _, r := range d.Runs {
		requireKept(t, r, 100)
	}
}

// A client of the library needs little more memory than libcurl's own handles do,
// as in c-fleet. The way in which the C library spreads 500 threads over its
// arenas can only add to that, so the smallest value of some runs counts. The
// limit is 1.2 times as much; c-fleet itself varies by 3 %.
func TestFleetHoldsLittleMemory(t *testing.T) {
	held := make(map[string]int64)
	for _, client := range []string{"c-fleet", "curlpipe-fleet", "curlpipe-fleet", "curlpipe-fleet"} {
		c := fleetOf(t, client, library.Patched)
		c.Clients, c.Requests, c.StallEvery, c.Processes = 500, 10, 0, 1
		c.Patience = 30
		r, err := fleet.Run(context.Background(), c)
		require.NoError(t, err)
		requireKept(t, r, 500)
		if before := held[client]; before == 0 || r.HandlesPerClient < before {
			held[client] = r.HandlesPerClient
		}
	}
	require.Less(t, float64(held["curlpipe-fleet"]), 1.35*float64(held["c-fleet"]), "%v bytes a client", held)
	t.Logf("%v bytes a client", held)
}

// Shards make the same run as one process, against one server.
func TestFleetInShards(t *testing.T) {
	serve := exec.CommandContext(t.Context(), "../../build/pipelab", "fleet", "serve")
	out, err := serve.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, serve.Start())
	t.Cleanup(func() {
		_ = serve.Process.Kill() // fails if it has ended, which the test has noticed by then
		_ = serve.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	var address fleet.Address
	require.NoError(t, json.Unmarshal(line, &address))

	names, documents := []string{"1", "2", "3"}, make([]*fleet.Document, 3)
	var group errgroup.Group
	for i := range documents {
		c := fleetOf(t, "c-fleet", library.Patched)
		c.Server, c.Shard, c.Processes = address.Server, shard.Shard{Index: i + 1, Of: 3}, 1
		group.Go(func() error {
			r, err := fleet.Run(t.Context(), c)
			documents[i] = &fleet.Document{Runs: []*fleet.Result{r}}
			return err
		})
	}
	require.NoError(t, group.Wait())
	merged, err := fleet.Merge(names, documents)
	require.NoError(t, err)
	r := merged.Runs[0]
	require.NoError(t, r.Judge())
	requireKept(t, r, 10)
	require.EqualValues(t, 400, r.Answered)
}
