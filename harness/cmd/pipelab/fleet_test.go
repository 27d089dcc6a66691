package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/fleet"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// fleetShard is one of two shards of a run with 4 clients that kept their
// connections and made 4 requests in all.
func fleetShard(index int) *fleet.Result {
	return &fleet.Result{
		Parameters: fleet.Parameters{
			Client: "c-fleet", Library: "7.53.1 patched", Variant: library.Patched, TLS: plan.TLS12,
			Clients: 4, Requests: 2, StallEvery: 1, Patience: 1, Shards: 2,
		},
		Run: "R", Shard: shard.Shard{Index: index, Of: 2},
		Counted: fleet.Counted{Connections: 4, Handshakes: 4, StuckStalls: 1, Samples: []fleet.Sample{{Handshakes: 4}}},
		Fleet:   plan.Fleet{Answered: 4, BlockedWrites: 1},
	}
}

func writeFleet(t *testing.T, name string, results ...*fleet.Result) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, fleet.Write(&b, results))
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o600))
}

func TestMergeOfAFleet(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFleet(t, "1.json", fleetShard(1))
	writeFleet(t, "2.json", fleetShard(2))
	code, stdout, stderr := pipelab("merge", "2.json", "1.json", "--json", "all.json", "--svg", "all.svg", "--html", "all.html")
	require.Equal(t, exitExpected, code, stderr)
	require.Regexp(t, `(?m)^  answered +8$`, stdout)
	d, err := fleet.Read("all.json")
	require.NoError(t, err)
	require.Equal(t, shard.Whole, d.Runs[0].Shard)
	require.EqualValues(t, 2, d.Runs[0].BlockedWrites)
	require.Contains(t, contentOf(t, "all.svg"), "<polyline")
	require.Contains(t, contentOf(t, "all.html"), "<title>A fleet of clients</title>")

	code, stdout, stderr = pipelab("merge", "1.json")
	require.Equal(t, exitUsage, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "shard 2/2 is missing")

	code, stdout, stderr = pipelab("merge", "1.json", "2.json", "--junit", "all.xml")
	require.Equal(t, exitUsage, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "--junit is for a matrix")

	lost := fleetShard(2)
	lost.Answered, lost.Failed = 3, 1
	writeFleet(t, "2.json", lost)
	code, _, stderr = pipelab("merge", "1.json", "2.json")
	require.Equal(t, exitUnexpected, code)
	require.Contains(t, stderr, "7 of 8 requests got their own response")
}

func TestReportHasTheFleet(t *testing.T) {
	enterCheckout(t, "good")
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--library", "patched", "--driver", "perform", "--out", "kept")
	require.Contains(t, []int{exitExpected, exitUnexpected}, code, stderr)
	code, _, stderr = pipelab("report", "kept")
	require.Equal(t, exitExpected, code, stderr)
	require.NotContains(t, contentOf(t, "kept/index.html"), "A fleet of clients")

	whole := fleetShard(1)
	whole.Shard, whole.Shards = shard.Whole, 1
	writeFleet(t, "kept/fleet.json", whole)
	code, _, stderr = pipelab("report", "kept")
	require.Equal(t, exitExpected, code, stderr)
	require.Contains(t, contentOf(t, "kept/index.html"), `<h2 id="fleet">A fleet of clients</h2>`)
	require.Contains(t, contentOf(t, "kept/index.html"), "4 handshakes for 4 clients")

	require.NoError(t, os.WriteFile("kept/fleet.json", []byte("x"), 0o600))
	code, _, stderr = pipelab("report", "kept")
	require.Equal(t, exitCannotRun, code)
	require.Contains(t, stderr, "kept/fleet.json is not the JSON of a fleet")
	require.Contains(t, contentOf(t, "kept/index.html"), "Not everything could be read")
}
