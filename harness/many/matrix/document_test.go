package matrix

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// made returns a run with this OpenSSL, library and version of TLS.
func made(openssl, library, tls string, verdict, expected judge.Verdict) outcome.Run {
	return outcome.Run{
		Scenario: "reported", Subject: "c-demo", Driver: "perform", Requests: 3,
		OpenSSLName: openssl, Library: library, TLS: tls, Verdict: verdict, Expected: expected,
	}
}

// sample is a matrix of two OpenSSLs, one of which is not available, and two
// libcurls.
func sample() *Document {
	return &Document{
		Schema: Schema, Date: "2026-11-23", Shard: shard.Whole,
		Axes: Axes{
			OpenSSL: []OpenSSL{
				{Name: "trixie", Version: "3.5.9", PackageVersion: "3.5.9-1~deb13u1"}, {Name: "buzz"},
			},
			Libraries: []Library{{"stock", "7.53.1 stock"}, {"patched", "7.53.1 patched"}},
			TLS:       []string{"1.2", "1.3"},
			Gaps:      []Gap{{OpenSSL: "buzz", Reason: "nobody serves it"}},
		},
		Document: *report.NewDocument([]outcome.Run{
			made("trixie", "7.53.1 stock", "1.2", judge.Fail, judge.Fail),
			made("trixie", "7.53.1 stock", "1.3", judge.Pass, judge.Fail),
			made("trixie", "7.53.1 stock", "1.3", judge.NotApplicable, judge.Fail),
			made("trixie", "7.53.1 patched", "1.2", judge.Pass, judge.Pass),
			made("trixie", "7.53.1 patched", "1.3", judge.Inconclusive, judge.Pass),
		}),
	}
}

func TestDocumentIsReadAsItWasWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "matrix.json")
	d := sample()
	require.NoError(t, d.WriteFile(file))
	read, err := Read(file)
	require.NoError(t, err)
	require.Equal(t, d, read)

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "\n  \"runs\": [\n", "the form of pipelab run, with more in it")
}

func TestReadRefuses(t *testing.T) {
	for name, each := range map[string]struct{ text, problem string }{
		"no JSON":        {"form: 1", "is not the JSON of a matrix: invalid character"},
		"no matrix":      {`{"openssl": "3.0.19", "runs": []}`, "it has no form; pipelab matrix --json makes one"},
		"another schema": {`{"form": 99}`, "has schema 99, and this pipelab knows schema 1"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "matrix.json")
			require.NoError(t, os.WriteFile(file, []byte(each.text), 0o644))
			_, err := Read(file)
			require.ErrorContains(t, err, each.problem)
			require.ErrorContains(t, err, file)
		})
	}
	_, err := Read("/nowhere/matrix.json")
	require.ErrorContains(t, err, "reading a matrix: open /nowhere/matrix.json: no such file")
}

func TestGap(t *testing.T) {
	a := Axes{Gaps: []Gap{{OpenSSL: "buzz", Reason: "gone"}, {OpenSSL: "sid", Library: "stock-7.30.0", Reason: "too old"}}}
	require.Equal(t, "gone", a.Gap("buzz", "stock"))
	require.Equal(t, "too old", a.Gap("sid", "stock-7.30.0"))
	require.Empty(t, a.Gap("sid", "stock"))
	require.Empty(t, a.Gap("trixie", "stock"))
}
