package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

func TestMedianAndSpread(t *testing.T) {
	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
	require.InDelta(t, 1, spread([]float64{3, 1, 2}), 1e-9)
	require.Zero(t, spread([]float64{0, 0}))
}

// measured makes a measurement whose rounds cost this much CPU time per
// request.
func measured(client string, serverBusy float64, microseconds ...float64) *measurement {
	m := &measurement{client: Client{Name: client, OneByOne: true}, cell: Cell{Depth: 100, Body: 12, TLS: "1.3", RTT: time.Millisecond}}
	for _, cost := range microseconds {
		m.rounds = append(m.rounds, sample{
			serverCPU:  time.Duration(serverBusy * float64(time.Second)),
			machineCPU: 2 * time.Second,
			document: clientmain.Document{
				Requests: 999, Verified: 999, Seconds: 0.999, CPUSeconds: cost * 999 / 1e6,
				Allocations: 2997, P50MS: 2, P99MS: 9, PeakMemoryBytes: 1e6, Library: "some 1.0",
			},
		})
	}
	return m
}

func TestRowIsTheMedianOfItsRounds(t *testing.T) {
	row := measured("floor", 0.5, 10, 30, 20).row()
	require.InDelta(t, 20, row.CPUUSPerRequest, 1e-9)
	require.InDelta(t, 1, row.Spread, 1e-9)
	require.InDelta(t, 1000, row.RequestsPerSecond, 1e-9)
	require.InDelta(t, 3, *row.AllocsPerRequest, 1e-9)
	require.InDelta(t, 500, row.ServerCPUUSPerRequest, 1e-9)
	require.InDelta(t, 0.5, row.ServerUtilisation, 1e-9)
	require.InDelta(t, 2000, row.MachineCPUUSPerRequest, 1e-9)
	require.False(t, row.ServerLimited)
}

func TestRowIsMarkedWhenTheServerLimitsIt(t *testing.T) {
	require.False(t, measured("floor", 0.90, 1).row().ServerLimited)
	require.True(t, measured("floor", 0.91, 1).row().ServerLimited)
}

func TestJSONHasTheFieldsThatAreDocumented(t *testing.T) {
	calls := 2.0
	m := measured("h2load-h1", 0.5, 10)
	m.syscalls, m.rounds[0].document.Allocations = &calls, -1
	var text bytes.Buffer
	require.NoError(t, (&Result{Rows: []Row{m.row()}}).WriteJSON(&text))
	var document struct {
		Rows []map[string]any `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(text.Bytes(), &document))
	require.Equal(t, map[string]any{
		"client": "h2load-h1", "depth": 100.0, "body_bytes": 12.0, "tls": "1.3", "rtt_ms": 1.0,
		"requests_per_second": 1000.0, "cpu_us_per_request": 10.0, "p50_ms": 2.0, "p99_ms": 9.0,
		"syscalls_per_request": 2.0, "allocs_per_request": nil, "tls_records_per_request": nil,
		"peak_memory_bytes": 1e6, "spread": 0.0, "server_limited": false,
		"server_cpu_us_per_request": 500.0, "server_utilisation": 0.5, "library": "some 1.0",
		"machine_cpu_us_per_request": 2000.0,
	}, document.Rows[0])
}

func TestTable(t *testing.T) {
	result := &Result{
		Rows:     []Row{measured("curlpipe", 0.5, 20).row(), measured("floor", 0.95, 1.5).row()},
		LeftOut:  []string{"curlpipe-h2: not implemented: no HTTP/2 here"},
		Separate: true,
	}
	var text bytes.Buffer
	require.NoError(t, result.WriteTable(&text))
	require.Equal(t, `    client  depth  body  tls  rtt ms  CPU µs/req    ±  req/s  p50 ms  p99 ms  syscalls  allocs  records  peak MB  server  machine µs
  curlpipe    100    12  1.3       1        20.0  0 %   1000   2.000   9.000         -    3.00        -      1.0    50 %      2000.0
     floor    100    12  1.3       1         1.5  0 %   1000   2.000   9.000         -    3.00        -      1.0  limits      2000.0
left out: curlpipe-h2: not implemented: no HTTP/2 here
`, text.String())
}

// With ten rounds, the second smallest and the second largest ratio contain the median
// with a confidence of 1 - 2·(1 + 10)/2¹⁰ = 97.9 %; the third would give 89 %.
func TestBoundsOfTheRatio(t *testing.T) {
	change := func(rounds int) Change {
		var before, after []float64
		for i := range rounds {
			before, after = append(before, 10), append(after, float64(10+i))
		}
		now, then := measured("curlpipe", 0, after...), measured("curlpipe@HEAD", 0, before...)
		result := &Result{Rows: []Row{now.row(), then.row()}, cells: []Cell{now.cell, then.cell}, rounds: [][]sample{now.rounds, then.rounds}}
		changes := result.Changes()
		require.Len(t, changes, 1)
		result.Rows[1].Client = "go-curl"
		require.Empty(t, result.Changes(), "nothing is compared")
		return changes[0]
	}
	ten := change(10)
	require.InDelta(t, 1.1, ten.Low, 1e-9)
	require.InDelta(t, 1.45, ten.Ratio, 1e-9)
	require.InDelta(t, 1.8, ten.High, 1e-9)
	text, err := json.Marshal([]Change{ten, change(3)})
	require.NoError(t, err)
	var fields []map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.InDelta(t, 1.1, fields[0]["ratio_low"], 1e-9)
	require.InDelta(t, 1.8, fields[0]["ratio_high"], 1e-9)
	require.EqualValues(t, 100, fields[0]["depth"])
	require.Contains(t, fields[1], "ratio_low")
	require.Nil(t, fields[1]["ratio_low"], "three rounds are too few")
}

// A slower machine affects both clients alike. A random difference is not a
// change, but a small difference that is always there is one.
func TestChangeIsMoreThanChance(t *testing.T) {
	drifting := []float64{10, 30, 20, 12, 28, 22, 14, 26, 24, 16}
	steady := []float64{10, 10.1, 10.2, 10.1, 10, 9.9, 9.8, 9.9, 10, 10.1}
	for name, test := range map[string]struct {
		before []float64
		factor float64
		want   string
		slower bool
	}{
		"the same":                    {steady, 1, "no difference", false},
		"the same, on a busy machine": {drifting, 1, "no difference", false},
		"a little, on a busy machine": {drifting, 1.02, "no difference", false},
		"a little, always":            {steady, 1.05, "SLOWER", true},
		"much, on a busy machine":     {drifting, 4, "SLOWER", true},
		"faster":                      {steady, 0.9, "faster", false},
	} {
		t.Run(name, func(t *testing.T) {
			var after []float64
			for _, cost := range test.before {
				after = append(after, cost*test.factor)
			}
			now, before := measured("curlpipe", 0, after...), measured("curlpipe@HEAD", 0, test.before...)
			result := &Result{
				Rows:   []Row{now.row(), before.row()},
				cells:  []Cell{now.cell, before.cell},
				rounds: [][]sample{now.rounds, before.rounds},
			}
			changes := result.Changes()
			require.Len(t, changes, 1)
			require.Equal(t, test.slower, changes[0].Slower(), changes[0].String())
			require.InDelta(t, test.factor, changes[0].Ratio, 1e-9)
			require.Contains(t, changes[0].String(), ": "+test.want)
			require.Contains(t, changes[0].String(), "n=10")
			bounds := fmt.Sprintf("ratio %.3f (95 %%: %.3f to %.3f; ", test.factor, test.factor, test.factor)
			require.Contains(t, changes[0].String(), bounds, "each pair has this ratio")
		})
	}
}

func TestNewestIsLeftOutWhereItIsNotToBeHad(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "c-loop"), nil, 0o755))
	b := tinyBench(t, folder, "c-loop-h2-new")
	m := &measurement{bench: b, client: b.Clients[0], core: -1}
	require.ErrorIs(t, m.start(t.Context(), nil, nil, new(clientmain.Document)), clientmain.ErrUnimplemented)

	// the command goes between the tool that counts and the program
	b.Newest = []string{"echo", `{"library": "`}
	var document clientmain.Document
	require.NoError(t, m.start(t.Context(), []string{`"}`}, []string{"env"}, &document))
	require.Equal(t, " "+filepath.Join(folder, "c-loop")+" ", document.Library)
}

func TestSummaryOfStrace(t *testing.T) {
	calls, err := totalCalls([]byte("% time seconds usecs/call calls errors syscall\n 90.0 0.1 2 70 read\n100.00    0.000013           0        73         1 total\n"))
	require.NoError(t, err)
	require.EqualValues(t, 73, calls)
	_, err = totalCalls([]byte("nothing"))
	require.ErrorContains(t, err, "no total")
}

func TestUnknownClient(t *testing.T) {
	_, err := FindClients([]string{"floor", "wget"})
	require.ErrorContains(t, err, `no client "wget"`)
}
