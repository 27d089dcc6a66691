package markdown_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	table "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report/markdown"
)

// parse parses a text with a parser of GitHub's Markdown, and returns its
// tables row by row, the items of its lists and its code blocks.
func parse(source string) (rows [][]string, items, blocks []string) {
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	bytes := []byte(source)
	_ = ast.Walk(parser.Parse(text.NewReader(bytes)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *table.TableRow, *table.TableHeader:
			var cells []string
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				cells = append(cells, plain(c, bytes))
			}
			rows = append(rows, cells)
		case *ast.ListItem:
			items = append(items, plain(n, bytes))
		case *ast.FencedCodeBlock:
			blocks = append(blocks, string(n.Lines().Value(bytes)))
		}
		return ast.WalkContinue, nil
	})
	return rows, items, blocks
}

// plain returns the visible text of a node.
func plain(n ast.Node, source []byte) string {
	var out strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, is := n.(*ast.Text); is && entering {
			out.Write(unescape(t.Segment.Value(source)))
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

func unescape(value []byte) []byte {
	var out []byte
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		out = append(out, value[i])
	}
	return out
}

func runs() []outcome.Run {
	return []outcome.Run{
		{
			Command:  "pipelab run --seed 1",
			Scenario: "reported", Subject: "c-demo", Driver: "perform", Library: "7.53.1 stock", Verdict: judge.Fail,
			Expected: judge.Fail, Connections: 19, Resets: 18, Requests: 50, Answered: 50, OwnResponse: 49, WantWrite: 20,
			BadWriteRetry: 18,
			Invariants: []judge.Finding{
				{ID: "no-reset", Verdict: judge.Fail, Expected: "no *reset*", Actual: "18 | of <b>them</b>\nand more", Rule: "RFC 9112 [9.6]"},
				{ID: "own-response", Verdict: judge.Pass},
			},
		},
		{
			Scenario: "reported", Subject: "c_demo*|", Driver: "perform", Library: "7.53.1 patched", Verdict: judge.Pass,
			Expected: judge.Fail,
		},
	}
}

func TestAParserReadsItAsItIsMeant(t *testing.T) {
	var out strings.Builder
	require.NoError(t, markdown.Write(&out, runs()))
	rows, items, blocks := parse(out.String())
	require.Equal(t, [][]string{
		{"scenario", "client", "library", "connections", "resets", "answered", "own response", "WANT_WRITE", "bad retry", "verdict"},
		{"reported", "c-demo (perform)", "7.53.1 stock", "19", "18", "50/50", "49/50", "20", "18", "fail"},
		{"reported", "c_demo*| (perform)", "7.53.1 patched", "0", "0", "0/0", "0/0", "0", "0", "pass (not as expected)"},
	}, rows)
	require.Equal(t, []string{"no-reset fail: expected no *reset*; saw 18 | of <b>them</b> and more (RFC 9112 [9.6])"}, items)
	require.Equal(t, []string{"pipelab run --seed 1\n"}, blocks)
}

func TestWhatIsNotApplicableIsSaidOnce(t *testing.T) {
	var out strings.Builder
	require.NoError(t, markdown.Write(&out, []outcome.Run{{
		Scenario: "reported", Subject: "go-curl", Driver: "perform", Library: "7.53.1 stock", Verdict: judge.NotApplicable,
		Invariants: []judge.Finding{
			{ID: "own-response", Verdict: judge.NotApplicable, Actual: "unimplemented: steps"},
			{ID: "no-reset", Verdict: judge.NotApplicable, Actual: "unimplemented: steps"},
		},
	}}))
	rows, items, _ := parse(out.String())
	require.Equal(t, "–", rows[1][6], "nobody knows whose responses they were")
	require.Equal(t, []string{"unimplemented: steps"}, items)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestMarkdownThatCannotBeWritten(t *testing.T) {
	require.ErrorContains(t, markdown.Write(full{}, runs()), "writing Markdown: no space")
}
