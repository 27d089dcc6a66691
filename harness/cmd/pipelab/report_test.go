package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// kept makes two runs and keeps their evidence in the folder out.
func kept(t *testing.T) {
	t.Helper()
	enterCheckout(t, "good")
	code, _, stderr := pipelab("run", "--scenario", "honest-origin", "--subject", "c-demo", "--out", "out")
	require.Equal(t, exitExpected, code, stderr)
}

func contentOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

func TestReportHasEachRun(t *testing.T) {
	kept(t)
	code, stdout, stderr := pipelab("report", "out", "--markdown", "-", "--picture", "out.svg", "--trace", "out.json")
	require.Equal(t, exitExpected, code, stderr)
	require.Empty(t, stderr)
	html := contentOf(t, "out/index.html")
	require.Equal(t, 2, strings.Count(html, "<article"))
	require.Contains(t, html, `href="honest-origin/c-demo-perform-stock/run.json"`)
	require.Equal(t, 2, strings.Count(stdout, "| `honest-origin` |"))
	svg := contentOf(t, "out.svg")
	before, after := strings.Index(svg, "stock: one connection that stays up"), strings.Index(svg, "patched: one connection that stays up")
	require.Positive(t, before)
	require.Less(t, before, after)
}

func TestReportOfWhatCannotBeRead(t *testing.T) {
	kept(t)
	require.NoError(t, os.Truncate("out/honest-origin/c-demo-perform-stock/"+evidence.EventsFile, 10))
	code, stdout, stderr := pipelab("report", "out")
	require.Equal(t, exitCannotRun, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "events.json is damaged or of another version")
	html := contentOf(t, "out/index.html")
	require.Equal(t, 1, strings.Count(html, "<article"), "the other one is there")
	require.Contains(t, html, "Not everything could be read")
}

func TestReportOfAnotherVersion(t *testing.T) {
	kept(t)
	file := "out/honest-origin/c-demo-perform-stock/" + evidence.RunFile
	write(t, file, strings.Replace(contentOf(t, file), `"format": 2`, `"format": 99`, 1))
	code, stdout, stderr := pipelab("report", "out")
	require.Equal(t, exitCannotRun, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "has format 99, this pipelab reads format 2; make the run again: build/pipelab run ")
	require.Equal(t, 1, strings.Count(contentOf(t, "out/index.html"), "<article"), "the other one is there")
}

func TestReportRefuses(t *testing.T) {
	enterCheckout(t, "good")
	for code, arguments := range map[int][]string{
		exitUsage:     {"report"},
		exitCannotRun: {"report", "nowhere"},
	} {
		got, stdout, stderr := pipelab(arguments...)
		require.Equal(t, code, got)
		requireOneLine(t, stdout, stderr)
	}
}
