package matrix

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// text returns the visible text of a page, and ids the targets of links.
func text(t *testing.T, page string) (words string, ids, links []string) {
	t.Helper()
	var b strings.Builder
	node, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	for n := range node.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				ids = append(ids, a.Val)
			case "href":
				links = append(links, strings.TrimPrefix(a.Val, "#"))
			case "src":
				require.Fail(t, "the page needs something beside it", a.Val)
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " "), ids, links
}

func TestPage(t *testing.T) {
	d := sample()
	d.Axes.OpenSSL[0].Packages = []library.Package{{Name: "libssl3t64", Version: "3.5.9-1", SHA256: "abc123"}}
	d.Runs[1].Command = "build/pipelab run --seed 7 <&>"
	d.Runs[0].Invariants = []judge.Finding{
		{ID: "no-reset", Verdict: judge.Pass, Actual: "nothing"},
		{ID: "write-retry", Verdict: judge.Fail, Actual: "18 <bad> retries"},
	}
	d.Runs[2].Invariants = []judge.Finding{
		{ID: "no-reset", Verdict: judge.NotApplicable, Actual: "scenario reported is about TLS 1.2"},
	}
	var b strings.Builder
	require.NoError(t, d.Page(&b))
	words, ids, links := text(t, b.String())
	for _, want := range []string{
		"3 of 5 runs as expected; 0 known failures, on 2026-11-23.",
		"trixie 3.5.9-1~deb13u1 fail 1 pass 1 , n/a 1 1 NOT as expected pass 1 inconclusive 1 1 NOT as expected",
		"buzz n/a n/a n/a n/a",
		"buzz : n/a, nobody serves it",
		"libssl3t64 3.5.9-1 abc123",
		"trixie, 7.53.1 stock, TLS 1.2: 1 runs",
		"reported c-demo perform fail 0 0 0 write-retry: 18 <bad> retries",
		"pass, NOT as expected, which is fail 0 0 0 build/pipelab run --seed 7 <&>",
		"n/a 0 0 0 scenario reported is about TLS 1.2",
	} {
		require.Contains(t, words, want)
	}
	require.Len(t, links, 4)
	require.Subset(t, ids, links, "each cell leads to its runs")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestPageThatCannotBeWritten(t *testing.T) {
	require.EqualError(t, sample().Page(full{}), "writing the page of a matrix: no space")
}
