package fleet

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// sample is a run of 4 clients with 5 requests each, with the result of
// patched.
func sample() *Result {
	r := &Result{
		Parameters: Parameters{
			Client: "c-fleet", Library: "7.53.1 patched", Variant: library.Patched, TLS: plan.TLS12,
			Clients: 4, Requests: 5, StallEvery: 2, Patience: 10, Shards: 1,
		},
		Run: "R", Shard: shard.Whole,
		Counted: Counted{
			Connections: 4, PeakConnections: 3, Handshakes: 4, StuckStalls: 1, Seconds: 2.4,
			Samples: []Sample{{Seconds: 0.2, Handshakes: 1}, {Seconds: 0.9, Handshakes: 3}, {Seconds: 2.4, Handshakes: 4}},
		},
		Fleet: plan.Fleet{Answered: 20, BlockedWrites: 7, MemoryBefore: 1000, MemoryIdle: 5000, MemoryPeak: 9000},
	}
	return r.complete()
}

func TestSizesArePerClient(t *testing.T) {
	r := sample()
	require.EqualValues(t, 2000, r.MemoryPerClient)
	require.EqualValues(t, 1000, r.HandlesPerClient)
	r.Shard = shard.Shard{Index: 1, Of: 2}
	require.EqualValues(t, 4000, r.complete().MemoryPerClient)
	require.EqualValues(t, 10, r.AllRequests())
}

func TestJudge(t *testing.T) {
	for name, each := range map[string]struct {
		variant string
		spoil   func(*Result)
		says    string
	}{
		"patched":                       {library.Patched, func(*Result) {}, ""},
		"patched, another connection":   {library.Patched, func(r *Result) { r.Connections++ }, "4 clients made 5 connections, 20 of 20 requests"},
		"patched, one without answer":   {library.Patched, func(r *Result) { r.Answered-- }, "4 connections, 19 of 20 requests got their own response"},
		"a packaged one":                {library.Packaged, func(r *Result) { r.Connections++ }, "5 connections"},
		"nothing was blocked":           {library.Patched, func(r *Result) { r.BlockedWrites = 0 }, "inconclusive"},
		"nobody was stuck":              {library.Stock, func(r *Result) { r.StuckStalls = 0 }, "inconclusive"},
		"stock":                         {library.Stock, func(r *Result) { r.Connections = 9 }, ""},
		"stock, with requests given up": {library.Stock, func(r *Result) { r.Answered, r.GivenUp = 3, 17 }, ""},
		"stock without the defect":      {library.Stock, func(*Result) {}, "c-fleet, 7.53.1 patched: shows no defect"},
		"stock without stalls": {library.Stock, func(r *Result) {
			r.StallEvery, r.BlockedWrites, r.StuckStalls = 0, 0, 0
		}, ""},
	} {
		r := sample()
		r.Variant = each.variant
		each.spoil(r)
		err := r.Judge()
		if each.says == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, each.says, name)
		}
	}
}

// inTwo returns the sample in two shards.
func inTwo() []*Document {
	var documents []*Document
	for index := 1; index <= 2; index++ {
		r := sample()
		r.Shards, r.Shard = 2, shard.Shard{Index: index, Of: 2}
		r.Fleet = plan.Fleet{Answered: 10, BlockedWrites: int64(index), MemoryBefore: 1000, MemoryIdle: 3000, MemoryPeak: 5000}
		documents = append(documents, &Document{Runs: []*Result{r.complete()}})
	}
	return documents
}

func TestMergeMakesTheWhole(t *testing.T) {
	d := inTwo()
	merged, err := Merge([]string{"b", "a"}, []*Document{d[1], d[0]})
	require.NoError(t, err)
	whole := sample()
	whole.Shards = 2
	whole.Fleet = plan.Fleet{Answered: 20, BlockedWrites: 3, MemoryBefore: 2000, MemoryIdle: 6000, MemoryPeak: 10000}
	require.Equal(t, []*Result{whole.complete()}, merged.Runs)
	require.NoError(t, merged.Runs[0].Judge())
}

func TestMergeRefuses(t *testing.T) {
	for says, spoil := range map[string]func([]*Document) []*Document{
		"shard 2/2 is missing":        func(d []*Document) []*Document { return d[:1] },
		"a and b are both shard 1/2":  func(d []*Document) []*Document { return []*Document{d[0], d[0]} },
		"a has 1 runs and b has 0":    func(d []*Document) []*Document { d[1].Runs = nil; return d },
		"a and b are not of one flee": func(d []*Document) []*Document { d[1].Runs[0].Run = "S"; return d },
		"their runs are others":       func(d []*Document) []*Document { d[1].Runs[0].Requests++; return d },
	} {
		_, err := Merge([]string{"a", "b"}, spoil(inTwo()))
		require.ErrorContains(t, err, says)
	}
}

func TestTheJSONIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.json")
	var b strings.Builder
	require.NoError(t, Write(&b, []*Result{sample()}))
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
	require.True(t, IsDocument([]byte(b.String())))
	d, err := Read(file)
	require.NoError(t, err)
	require.Equal(t, []*Result{sample()}, d.Runs)

	var fields struct{ Fleet []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(b.String()), &fields))
	for _, name := range []string{"clients", "requests_per_client", "connections", "handshakes", "answered", "answered_by_server", "given_up", "samples"} {
		require.Contains(t, fields.Fleet[0], name)
	}
}

func TestReadRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fleet.json")
	for text, says := range map[string]string{
		"x":                 "is not the JSON of a fleet: invalid character",
		`{"fleet": [{}]}`:   "is not the JSON of a fleet: a fleet needs at least one client",
		`{"fleet": [null]}`: "is not the JSON of a fleet: a run is missing",
	} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := Read(file)
		require.ErrorContains(t, err, says)
	}
	r := sample()
	r.Shard = shard.Shard{Index: 1, Of: 3}
	require.EqualError(t, r.check(), "a run in 1 shards has no shard 1/3")
	_, err := Read(file + "x")
	require.ErrorContains(t, err, "reading the results of a fleet: ")
	require.False(t, IsDocument([]byte(`{"form": 1}`)))
}

// TestTimesThatAreNone requires that a damaged document is refused with a
// description of the error, and not drawn.
func TestTimesThatAreNone(t *testing.T) {
	for says, spoil := range map[string]func(*Result){
		"sample 0 is of second -1: between 0":     func(r *Result) { r.Samples[0].Seconds = -1 },
		"sample 2 is of second 1e+300: between":   func(r *Result) { r.Samples[2].Seconds = 1e300 },
		"sample 1 is of second 0.1: between 0.2":  func(r *Result) { r.Samples[1].Seconds = 0.1 },
		"a run that took -5 seconds: between 0":   func(r *Result) { r.Seconds = -5 },
		"a run that took 1e+18 seconds: between":  func(r *Result) { r.Seconds = 1e18 },
		"a run that took 604801 seconds: between": func(r *Result) { r.Seconds = longestRun + 1 },
	} {
		r := sample()
		spoil(r)
		file := filepath.Join(t.TempDir(), "fleet.json")
		var b strings.Builder
		require.NoError(t, Write(&b, []*Result{r}))
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o600))
		_, err := Read(file)
		require.ErrorContains(t, err, says)
	}
}

// another is a run whose name needs escaping, with other samples.
func another() *Result {
	r := sample()
	r.Library = `7.53.1 <stock> & "more"`
	r.Samples = append(r.Samples, Sample{Seconds: 7.5, Handshakes: 500})
	r.Handshakes, r.Seconds = 500, 7.5
	return r
}

func TestPicture(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Picture(&b, []*Result{sample(), another()}))
	require.Equal(t, 2, strings.Count(b.String(), "<polyline"))
	require.Contains(t, b.String(), "c-fleet, 7.53.1 patched: 4 handshakes for 4 clients in 2 seconds, at most 3 in one second.")
	require.Contains(t, b.String(), `7.53.1 &lt;stock&gt; &amp;`)
	decoder := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		_, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
}

func TestPage(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Page(&b, []*Result{sample(), another()}))
	require.Contains(t, b.String(), "<polyline")
	require.Contains(t, b.String(), `<th scope="col">7.53.1 &lt;stock&gt; &amp; &#34;more&#34;</th>`)
	require.Regexp(t, `<th scope="row">  answered</th><td>20</td><td>20</td>`, b.String())
	require.NotContains(t, b.String(), "<stock>")
	require.Contains(t, b.String(), `<strong>c-fleet, 7.53.1 patched</strong>: <span class="pass">4 connections for 4 clients, 20 of 20 requests answered</span>`)
	vague, stock := sample(), another()
	vague.BlockedWrites, stock.Variant, stock.Connections = 0, library.Stock, 500
	b.Reset()
	require.NoError(t, Section(&b, []*Result{vague, stock}))
	require.Contains(t, b.String(), `<span class="fail">500 connections for 4 clients, 20 of 20 requests answered</span>`)
	require.Contains(t, b.String(), `<span class="other">inconclusive, no write of a client was ever blocked`)
}

func TestTicksAreRoundAndFew(t *testing.T) {
	for most, want := range map[float64]float64{1: 1, 4: 1, 5: 1, 6: 2, 24: 5, 149: 50, 500: 100, 501: 200, 2000: 500, 142274: 50000} {
		require.Equal(t, want, step(most), "%v", most)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Table(&b, []*Result{sample(), another()}))
	for _, line := range []string{
		`^ +c-fleet +c-fleet\n +7\.53\.1 patched +7\.53\.1 <stock>`,
		`\nclients +4 +4\n`, `\n  most at a time +3 +3\n`, `\nTLS handshakes +4 +500\n  most in a second +3 +496\n`,
		`\nrequests +20 +20\n  answered +20 +20\n  with another's response +0 +0\n  failed +0 +0\n  given up +0 +0\n`,
		`\nwrites that were blocked +7 +7\n`, `\nmemory that a client holds +1 kB +1 kB\n  took at most +2 kB +2 kB\n`,
	} {
		require.Regexp(t, line, b.String())
	}
}
