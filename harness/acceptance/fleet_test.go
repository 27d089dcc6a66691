package acceptance

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/checkout"
	"github.com/curlpipe/curlpipe/harness/fleet"
	"github.com/curlpipe/curlpipe/harness/library"
)

// TestFleet has a small fleet do what the report's did: with stock the server
// gets more handshakes than there are clients, with patched exactly as many.
func TestFleet(t *testing.T) {
	found, err := checkout.Find()
	require.NoError(t, err)
	bench := found.Bench()
	interposer, err := bench.Interposer()
	require.NoError(t, err)
	finder, err := found.Finder()
	require.NoError(t, err)
	for _, name := range []string{library.Patched, library.Stock} {
		l, err := finder.Find(name)
		require.NoError(t, err)
		for _, client := range []string{"c-fleet", "curlpipe-fleet"} {
			if name == library.Stock && client == "c-fleet" {
				continue // it waits in vain for what stock never ends
			}
			subject, err := bench.Fleet(client)
			require.NoError(t, err)
			r, err := fleet.Run(context.Background(), fleet.Config{
				Client: client, Subject: subject, Library: l, Interposer: interposer,
				Server:  []string{"../../build/pipelab", "fleet", "serve"},
				Clients: 10, Requests: 40, Processes: 2, StallEvery: 10, Limit: 2 * time.Minute,
			})
			require.NoError(t, err)
			require.NoError(t, r.Judge(name, true), "%s: %+v", client, r)
			require.Positive(t, r.BlockedWrites)
			require.Positive(t, r.CPUSeconds)
			require.Greater(t, r.MemoryPerClient, int64(100<<10))
			require.GreaterOrEqual(t, r.MemoryPerClient, r.HandlesPerClient)
			if name == library.Patched {
				require.EqualValues(t, 10, r.Connections)
				require.EqualValues(t, 10, r.Handshakes)
				require.EqualValues(t, 400, r.Answered)
				require.Zero(t, r.Resets)
			} else {
				require.Greater(t, r.Handshakes, int64(10))
				require.Positive(t, r.Resets)
			}
		}
	}
}
