package roster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

func TestTheRecipesMakeSense(t *testing.T) {
	recipes, err := Read("../../clients/roster/recipes.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(recipes), 15)
	text, err := os.ReadFile("../../clients/roster/recipes.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), fmt.Sprintf("A run is ended after %.0f s,", limit.Seconds()))
	for _, r := range recipes {
		for _, p := range r.plans() {
			if strings.Contains(p.command, "{script}") {
				require.NotEmpty(t, r.Script, r.Name)
			}
		}
	}
}

func TestRecipesThatMakeNoSense(t *testing.T) {
	for reason, text := range map[string]string{
		"no name":                          "- version: x",
		"neither get nor":                  "- {name: a, version: x}",
		"has neither {url} nor {port}":     "- {name: a, version: x, get: curl}",
		"its complaint":                    "- {name: a, version: x, get: 'curl {url}', complaint: '('}",
		"number of connections is below 0": "- {name: a, version: x, get: 'curl {url}', connections: -1}",
		`no scenario is called "b"`:        "- {name: a, version: x, get: 'curl {url}', except: {b: why}}",
		"is there twice":                   "- {name: a, version: x, get: 'curl {url}'}\n- {name: a, version: x, get: 'curl {url}'}",
		`unknown field "gets"`:             "- {name: a, version: x, gets: 'curl {url}'}",
	} {
		file := filepath.Join(t.TempDir(), "recipes.yaml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := Read(file)
		require.ErrorContains(t, err, reason)
		require.ErrorContains(t, err, file)
	}
}

// A client that is not in the list needs only a few lines.
func TestRunOfARecipe(t *testing.T) {
	t.Setenv("LD_LIBRARY_PATH", "")
	recipes := []Recipe{
		{Name: "gone", Version: "echo 1.0", Get: "/nowhere/client {url}"},
		{Name: "mute", Version: "true", Get: "sh {url}"},
		{Name: "a shell", Version: "echo a shell 1.2", Script: "set -e\nfor n in 1 2 3; do curl -s $1/$n; done\n", Get: "sh {script} {url}", Connections: 3,
			Except: map[string]string{"close-at-length": "it does not matter"}},
	}
	var seen []string
	rows, missing, err := Run(context.Background(), Config{
		Recipes: recipes, Jobs: 4, Scenario: "close-*",
		Progress: func(r Row) { seen = append(seen, r.Client) },
	})
	require.NoError(t, err)
	require.ErrorIs(t, missing["gone"], ErrMissing)
	require.ErrorIs(t, missing["mute"], ErrMissing)
	require.Equal(t, []string{"a shell"}, seen)
	require.Len(t, rows, 1)
	require.Equal(t, "1.2", rows[0].Version)
	require.Len(t, rows[0].Results, len(check.All())+2)
	for _, r := range rows[0].Results {
		switch {
		case r.Scenario == "close-at-length":
			require.Equal(t, Result{Scenario: r.Scenario, Family: "close", Verdict: judge.NotApplicable, Seen: "it does not matter"}, r)
		case strings.HasPrefix(r.Scenario, "close-"):
			require.Equal(t, judge.Pass, r.Verdict, r.Seen)
			require.Contains(t, r.Command, "sh ")
		default:
			require.Equal(t, judge.NotApplicable, r.Verdict)
		}
	}
}

func TestNoSuchScenario(t *testing.T) {
	_, _, err := Run(context.Background(), Config{Scenario: "nosuch*"})
	require.ErrorContains(t, err, `no scenario matches "nosuch*"; there are: blocked-write, http2-blocked-write, honest-origin, `)
	_, _, err = Run(context.Background(), Config{Scenario: "["})
	require.ErrorContains(t, err, `scenario pattern "["`)
}

func TestTable(t *testing.T) {
	rows := []Row{{Client: "c", Version: "1.2", Results: []Result{
		{Scenario: "blocked-write", Family: BlockedWrite, Verdict: judge.Fail, Rule: "SSL_write(3): as it is", Seen: "3 of 27 were not; the first: at 0x7f00 | 300000 bytes of fooX"},
		{Scenario: "honest-origin", Family: "control", Verdict: judge.Pass},
		{Scenario: "late-response", Family: "timing", Verdict: judge.Pass},
		{Scenario: "split-response", Family: "timing", Verdict: judge.Inconclusive},
		{Scenario: "interim-responses", Family: "1xx", Verdict: judge.Inconclusive},
		{Scenario: "early-response", Family: "upload", Verdict: judge.Fail, Rule: "RFC 9112 §9.5: it SHOULD stop", Seen: "it did not"},
		{Scenario: "dropped-upload", Family: "upload", Verdict: judge.Fail, Rule: "RFC 9110 §9.2.2: it MUST NOT, though it SHOULD", Seen: "it did"},
		{Scenario: "idle-keyupdate", Family: "TLS", Verdict: judge.NotApplicable},
	}}}
	var text strings.Builder
	require.NoError(t, Write(&text, rows))
	require.Equal(t, "| client | version | blocked write | control | timing | 1xx | upload | TLS | close | truncation | excess bytes | framing | HTTP/2 |\n"+
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"+
		"| c | 1.2 | **fail 1** of 1 | pass 1 | pass 1 of 2 | not seen | **fail 2** of 2 | – | – | – | – | – | – |\n"+
		"\n**c 1.2**\n\n- `blocked-write` (SSL_write(3)): at … \\| … bytes of fooX\n"+
		"- `early-response` (RFC 9112 §9.5, SHOULD): it did not\n- `dropped-upload` (RFC 9110 §9.2.2): it did\n", text.String())
}

func TestDecide(t *testing.T) {
	findings := []judge.Finding{
		{ID: "close-announced", Verdict: judge.Pass, Actual: "the next request"},
		{ID: "one-connection", Verdict: judge.Fail, Actual: "9 accepted"},
		{ID: "write-retry", Verdict: judge.Inconclusive, Actual: "none was blocked"},
	}
	s := check.All()[0]
	require.Equal(t, judge.Pass, decide(plan{scenario: &s, id: "close-announced"}, findings).Verdict)
	require.Equal(t, "9 accepted", decide(plan{scenario: &s, id: "honest-origin"}, findings).Seen)
	require.Equal(t, "none was blocked", decide(plan{id: "blocked-write"}, findings).Seen)
	require.Equal(t, s.Rule, decide(plan{scenario: &s, id: "honest-origin"}, findings).Rule)
	softer := []judge.Finding{{ID: "timeout-at-rest", Verdict: judge.Fail, Rule: "it SHOULD"}}
	require.Equal(t, "it SHOULD", decide(plan{scenario: &s, id: "timeout-at-rest"}, softer).Rule)
	few := []judge.Finding{{ID: "exercised", Verdict: judge.Fail}}
	none := append(few, judge.Finding{ID: "write-retry", Verdict: judge.NotApplicable, Actual: "no request came"})
	require.Equal(t, judge.Inconclusive, decide(plan{id: "blocked-write"}, none).Verdict)
	require.Equal(t, judge.Inconclusive, decide(plan{scenario: &s, id: "honest-origin"}, few).Verdict)
}
