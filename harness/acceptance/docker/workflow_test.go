package docker_test

import (
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/require"
)

func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found, err := workflowLinter(t).LintFiles(files, nil)
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestWorkflowLinterFindsSomething(t *testing.T) {
	found, err := workflowLinter(t).Lint("wrong.yml", []byte(`on: push
jobs:
  test:
    runs-on: ubuntu-24.04
    needs: [nobody]
    steps:
      - uses: actions/checkout@v4
        with:
          nonsense: true
      - run: echo ${{ matrix.openssl }}
`), nil)
	require.NoError(t, err)
	var kinds []string
	for _, f := range found {
		kinds = append(kinds, f.Kind)
	}
	require.ElementsMatch(t, []string{"job-needs", "action", "expression"}, kinds)
}

// workflowLinter checks the shell in a workflow, too, if it can.
func workflowLinter(t *testing.T) *actionlint.Linter {
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Log("shellcheck is not installed: the shell in the workflows is not looked at")
	}
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: shellcheck})
	require.NoError(t, err)
	return linter
}
