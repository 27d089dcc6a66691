package releases

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

func made(library string, verdict, expected judge.Verdict) outcome.Run {
	return outcome.Run{Library: library, Verdict: verdict, Expected: expected}
}

func sample() *Document {
	return &Document{
		Since:  "2026-11-25",
		Date:   "2026-11-25",
		Groups: []Group{{"01", "DOING"}, {"03", "reading"}},
		Releases: []Release{
			{Version: "7.30.0", Texts: []string{"0101-a@7.30.0-7.46.0.patch", "0102-b.patch"}, Missing: "wants OpenSSL 1.0"},
			{Version: "7.53.1", Texts: []string{"0101-a.patch", "0301-c.patch"}, OpenSSL: "3.0.19", Runs: []outcome.Run{
				made("7.53.1 stock", judge.Fail, judge.Fail), made("7.53.1 stock", judge.Pass, judge.Pass),
				made("7.53.1 stock", judge.NotApplicable, judge.Fail),
				made("7.53.1 patched", judge.Pass, judge.Pass), made("7.53.1 patched", judge.Inconclusive, judge.Pass),
			}},
			{Version: "7.61.1", Texts: []string{"0101-a.patch"}, OpenSSL: "3.0.19", Misfit: "0101-a.patch does not apply"},
		},
	}
}

func TestMarkdown(t *testing.T) {
	require.Equal(t, `| release | DOING | reading | built with OpenSSL | stock fails | patched passes |
| --- | --- | --- | --- | --- | --- |
| 7.30.0 | 2, 1 other | – | not built: wants OpenSSL 1.0 | – | – |
| 7.53.1 | 1 | 1 | 3.0.19 | 1 of 2 | 1 of 2 |
| 7.61.1 | no | – | no: 0101 | – | – |

Measured on 2026-11-25.
`, sample().Markdown())
}

func TestDaysOfTheRuns(t *testing.T) {
	day := time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC)
	d := sample()
	d.measured(day, day.Add(time.Hour))
	require.Contains(t, d.Markdown(), "\nMeasured from 2026-11-24 to 2026-11-25.\n")
	d = &Document{}
	d.measured(time.Time{}, time.Time{})
	require.NotContains(t, d.Markdown(), "Measured", "nothing was")
}

func TestMisfitOfACell(t *testing.T) {
	for misfit, want := range map[string]string{
		"patch 0101-a-b.patch does not apply to libcurl 7.30.0: lib/http.c hunk #1 (line 9), lib/url.c hunk #2 (line 8); the other 25 do":                        "0101",
		"2 of 3 patches do not apply to libcurl 7.30.0, the others do: 0101-a.patch: lib/http.c hunk #1 (line 9); 0103-b@7.30.0-7.32.0.patch: it is malformed; ": "0101, 0103",
		"0101-a.patch: x; 0102-a.patch: x; 0103-a.patch: x; 0104-a.patch: x; 0105-a.patch: x; 0106-a.patch: x; 0101-a.patch":                                     "0101, 0102, 0103, 0104 and 2 more",
		"libcurl does not compile: lib/url.c:1: error: no; try again":                                                                                            "libcurl does not compile",
		"no": "no",
	} {
		require.Equal(t, want, (&Release{Misfit: misfit}).misfit())
	}
}

func TestGood(t *testing.T) {
	d := sample()
	require.True(t, d.Releases[0].Good(), "what cannot be had is nobody's fault")
	require.False(t, d.Releases[1].Good(), "an inconclusive run is none that passed")
	d.Releases[1].Runs = d.Releases[1].Runs[:4]
	require.True(t, d.Releases[1].Good())
	d.Releases[1].Runs[0].Verdict = judge.Pass
	require.True(t, d.Releases[1].Good(), "what stock does is measured")
	require.False(t, d.Releases[2].Good())
}

func TestSort(t *testing.T) {
	d := &Document{Releases: []Release{{Version: "7.53.1"}, {Version: "7.9.8"}, {Version: "7.53.0"}}}
	d.sort()
	require.Equal(t, []Release{{Version: "7.9.8"}, {Version: "7.53.0"}, {Version: "7.53.1"}}, d.Releases)
}
