package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSubmitNeedsTreeAndEvidence(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	code, stdout, stderr := pipelab("submit", out)
	require.Equal(t, exitUsage, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "--tree and --evidence are needed; scripts/submit gives them")
}

func TestSubmitSaysWhatIsWrongWithTheEvidence(t *testing.T) {
	enterCheckout(t, "good")
	folder := t.TempDir()
	for name, each := range map[string]struct {
		text, reason string
		code         int
	}{
		"no JSON": {"table", "is not what pipelab run --json writes", exitCannotRun},
		"no runs": {`{"runs": []}`, "there is no run to show", exitUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			evidence, patches := filepath.Join(folder, "runs.json"), t.TempDir()
			require.NoError(t, os.WriteFile(evidence, []byte(each.text), 0o600))
			for file, text := range map[string]string{
				"series": "0101-a.patch\n", "proof": "0101 none: because\n",
				"0101-a.patch": "From: a <a@b>\nDate: x\nSubject: [PATCH] a: b\nBug: c\n\nmessage\n---\n",
			} {
				require.NoError(t, os.WriteFile(filepath.Join(patches, file), []byte(text), 0o600))
			}
			out := filepath.Join(folder, "out")
			code, stdout, stderr := pipelab("submit", "--tree", folder, "--patches", patches, "--evidence", evidence, out)
			require.Equal(t, each.code, code, stderr)
			requireOneLine(t, stdout, stderr)
			require.Contains(t, stderr, each.reason)
			require.NoDirExists(t, out)
		})
	}
}
