package matrix

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
)

func TestText(t *testing.T) {
	var b strings.Builder
	require.NoError(t, sample().Text(&b))
	require.Equal(t, strings.Join([]string{
		"OpenSSL       7.53.1 stock, TLS 1.2  7.53.1 stock, TLS 1.3             7.53.1 patched, TLS 1.2  7.53.1 patched, TLS 1.3",
		"3.5.9 trixie  fail 1                 pass 1, n/a 1, 1 NOT as expected  pass 1                   inconclusive 1, 1 NOT as expected",
		"buzz          n/a                    n/a                               n/a                      n/a",
		"",
		"buzz: n/a, nobody serves it",
		"",
	}, "\n"), b.String())
}

func TestMarkdown(t *testing.T) {
	d := sample()
	d.Runs = d.Runs[:1]
	require.Equal(t, strings.Join([]string{
		"| OpenSSL | exact version | 7.53.1 stock, TLS 1.2 | 7.53.1 stock, TLS 1.3 | 7.53.1 patched, TLS 1.2 | 7.53.1 patched, TLS 1.3 |",
		"| --- | --- | --- | --- | --- | --- |",
		"| trixie | 3.5.9-1~deb13u1 | fail 1 |  |  |  |",
		"| buzz |  | n/a | n/a | n/a | n/a |",
		"",
		"1 of 1 runs as expected; 0 known failures, on 2026-11-23.",
		"",
	}, "\n"), d.Markdown())
}

// In a column with several versions, the cells name them.
func TestCellsNameTheVersion(t *testing.T) {
	d := sample()
	r := made("trixie", "packaged HTTP/2", "1.2", judge.Fail, judge.Pass)
	r.LibcurlVersion = "8.14.1"
	d.Axes.Libraries = []Library{{Name: "packaged", Label: "packaged HTTP/2"}}
	d.Runs = append(d.Runs, r)
	require.Equal(t, "8.14.1: fail 1, 1 NOT as expected", d.Grid().Rows[0].Cells[0].String())
}

// Runs over plain HTTP have columns of their own, if there are any.
func TestPlainHTTPHasColumns(t *testing.T) {
	d := sample()
	require.Len(t, d.Grid().Columns, 4)
	d.Runs = append(d.Runs, made("trixie", "7.53.1 patched", "", judge.Pass, judge.Pass))
	g := d.Grid()
	require.Len(t, g.Columns, 6)
	require.Equal(t, "7.53.1 patched, no TLS", g.Columns[5].Title())
	require.Equal(t, "pass 1", g.Rows[0].Cells[5].String())
	require.Empty(t, g.Rows[0].Cells[2].String())
	require.Equal(t, "n/a", g.Rows[1].Cells[5].String())
}
