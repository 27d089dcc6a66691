package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestData requires that the suites are pinned, and that each reason belongs to
// one of them.
func TestData(t *testing.T) {
	var suites []suite
	require.NoError(t, json.Unmarshal(suitesText, &suites))
	pinned := 0
	for _, s := range suites {
		if s.Std == "" {
			pinned++
			require.Regexp(t, `^v\d+\.\d+\.\d+$`, s.Version, s.Name)
			require.NotEmpty(t, s.Packages, s.Name)
		}
		_, err := regexp.Compile(s.HTTP2)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, pinned, 12)
	_, err := parseReasons(reasonsText, suites)
	require.NoError(t, err)
}

func TestParseReasons(t *testing.T) {
	suites := []suite{{Name: "x"}}
	reasons, err := parseReasons("# a comment\n\nx\tany\tTestA|TestB\tbecause\n", suites)
	require.NoError(t, err)
	require.Len(t, reasons, 1)
	r := &report{suite: suites[0], differences: []difference{{test: "TestA"}, {test: "TestAB"}}}
	r.explain(reasons, "patched")
	require.Equal(t, "because", r.differences[0].reason)
	require.Empty(t, r.differences[1].reason, "the whole name counts")
	for text, wrong := range map[string]string{
		"x\tany\tT":          "give suite, libcurl, tests and reason",
		"x\tany\tT\t":        "give suite, libcurl, tests and reason",
		"y\tany\tT\tbecause": `no suite "y"`,
		"x\told\tT\tbecause": `libcurl is "old"`,
		"x\tany\t(\tbecause": "differences.tsv:1:",
	} {
		_, err := parseReasons(text, suites)
		require.ErrorContains(t, err, wrong)
	}
}

// TestReadOutcomes requires the tests that have begun and not ended, without
// those that wait.
func TestReadOutcomes(t *testing.T) {
	outcomes := make(map[string]string)
	running, err := readOutcomes(strings.NewReader(`
{"Action":"start","Package":"p"}
{"Action":"run","Test":"TestPass"}
{"Action":"pass","Test":"TestPass"}
{"Action":"run","Test":"TestHangs"}
{"Action":"run","Test":"TestHangs/sub"}
{"Action":"run","Test":"TestWaits"}
{"Action":"pause","Test":"TestWaits"}
{"Action":"run","Test":"TestFail"}
not JSON, as a program writes it
{"Action":"fail","Test":"TestFail"}
{"Action":"run","Test":"TestGoesOn"}
{"Action":"pause","Test":"TestGoesOn"}
{"Action":"cont","Test":"TestGoesOn"}
`), outcomes)
	require.NoError(t, err)
	require.Equal(t, []string{"TestGoesOn", "TestHangs"}, running)
	require.Equal(t, map[string]string{"TestPass": "pass", "TestFail": "fail"}, outcomes)
}

func TestSkipPattern(t *testing.T) {
	require.Equal(t, `^TestA$/^h2$|^TestB$/^a\.b$/^h2$`, skipPattern([]string{"TestB/a.b/h2", "TestA/h2"}))
}

// TestWithoutHTTP2 requires that a test without other subtests is left out if
// libcurl has no HTTP/2.
func TestWithoutHTTP2(t *testing.T) {
	outcomes := map[string]string{"TestA": "pass", "TestA/h1": "pass", "TestA/h2": "pass", "TestB": "pass", "TestB/h2": "pass", "TestC": "pass"}
	s := suite{HTTP2: "/h2$"}
	skipped, gone := (&bench{libcurl: "patched"}).withoutHTTP2(s, outcomes)
	require.ElementsMatch(t, []string{"TestA/h2", "TestB/h2"}, skipped)
	require.Equal(t, map[string]bool{"TestB": true}, gone)
	skipped, gone = (&bench{libcurl: "system"}).withoutHTTP2(s, outcomes)
	require.Empty(t, skipped)
	require.Empty(t, gone)
}

// TestInsides applies the rule to tests of both kinds.
func TestInsides(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644))
	}
	write("export.go", `package http
func (t *Transport) IdleForTesting() int { return len(t.idleConn) }
func ServerForTesting(s *Server) { s.mu.Lock() }
var SetHook = hookSetter(&testHookEnterRoundTrip)
`)
	write("a_test.go", `package http_test
func TestPublic(t *testing.T)    { run(t, public) }
func TestServer(t *testing.T)    { ServerForTesting(nil) }
func TestIdle(t *testing.T)      { run(t, testIdle) }
func TestHook(t *testing.T)      { SetHook(nil) }
func TestSynctest(t *testing.T)  { synctest.Test(t, nil) }
func TestRecursive(t *testing.T) { recursive(1) }
`)
	write("b_test.go", `package http_test
func run(t *testing.T, f func()) { SetHook(nil) }
func public()                    {}
func testIdle()                  { tr.IdleForTesting() }
func recursive(n int)            { recursive(n - 1) }
func TestElsewhere(t *testing.T) { SetHook(nil) }
`)
	found, err := insides(folder, filepath.Join(folder, "export.go"), []string{"a_test.go"})
	require.NoError(t, err)
	require.Len(t, found, 3)
	require.Contains(t, found["TestIdle"], "IdleForTesting")
	require.Contains(t, found["TestHook"], "SetHook")
	require.Contains(t, found["TestSynctest"], "testing/synctest")
}

// TestReplaceRows requires that the rows of suites that were not run stay
// unchanged.
func TestReplaceRows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(file, []byte("a\n<!-- conformance system -->\n| x | old |\n| gone | old |\n| y | old |\n<!-- end -->\nb\n"), 0o644))
	suites := []suite{{Name: "x"}, {Name: "y", Version: "v1.0.0"}, {Name: "z"}}
	r := &report{suite: suites[1], tests: 3, same: 2, differences: make([]difference, 1)}
	row := r.row("go1.0", time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))
	require.Equal(t, "| y | v1.0.0 | 3 | 2 | 1 | 0 | 2026-11-26 |\n", row)
	require.NoError(t, replaceRows(file, "system", suites, map[string]string{"y": row}))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "a\n<!-- conformance system -->\nWith the system's libcurl:\n\n"+tableHead+"| x | old |\n"+row+"<!-- end -->\nb\n", string(text))
	require.ErrorContains(t, replaceRows(file, "patched", suites, nil), "README.md")
}
