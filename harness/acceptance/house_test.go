package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// wings of the laboratory, and what each may use besides itself. No wing uses
// one that is not named.
var wings = map[string][]string{
	"cmd":      {"many", "upstream", "show", "run", "clients", "build"},
	"many":     {"show", "run", "clients", "build"},
	"upstream": {"show", "run", "clients", "build"},
	"show":     {"run", "clients", "build"},
	"run":      {"clients", "build"},
	"clients":  {"build"},
	"build":    {},
}

const harness = "github.com/curlpipe/curlpipe/harness/"

// goPackage is what `go list` says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
}

// packages returns what `go list` says of those that match.
func packages(t *testing.T, patterns ...string) []goPackage {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports"}, patterns...)...)
	text, err := command.Output()
	require.NoError(t, err)
	var list []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		var p goPackage
		require.NoError(t, decoder.Decode(&p))
		list = append(list, p)
	}
	return list
}

// wingOf returns the wing of a package of the laboratory.
func wingOf(path string) (string, bool) {
	path, ours := strings.CutPrefix(path, harness)
	wing, _, _ := strings.Cut(path, "/")
	return wing, ours
}

// TestNoArrowRunsBackUp checks the imports against the order of the wings: what
// a run consists of knows nothing of what shows it, and so on. Tests may look
// up, but nothing else does.
func TestNoArrowRunsBackUp(t *testing.T) {
	var wrong []string
	list := packages(t, harness+"...")
	for _, p := range list {
		wing, _ := wingOf(p.ImportPath)
		if wing == "acceptance" {
			continue
		}
		allowed, known := wings[wing]
		require.True(t, known, "%s is in no wing", p.ImportPath)
		for _, other := range p.Imports {
			if used, ours := wingOf(other); ours && used != wing && !slices.Contains(allowed, used) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s", p.ImportPath, other))
			}
		}
	}
	require.Empty(t, wrong)
	require.Greater(t, len(list), 30)
}

// The packages that decide do no I/O: they decide from what they are given.
func TestJudgeAndOutcomeAskNobody(t *testing.T) {
	for _, p := range packages(t, harness+"run/judge", harness+"run/outcome") {
		for _, asked := range []string{"os", "os/exec", "io", "net"} {
			require.NotContains(t, p.Imports, asked, p.ImportPath)
		}
	}
}

func TestTheLaboratoryHasFewFolders(t *testing.T) {
	entries, err := os.ReadDir("..")
	require.NoError(t, err)
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	require.LessOrEqual(t, len(folders), 9, "%v", folders)
}
