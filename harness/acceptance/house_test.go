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

// wings are the parts of the laboratory, each with the wings that it may import
// besides itself.
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

// goPackage is a package in the output of `go list`.
type goPackage struct {
	ImportPath string
	Imports    []string
}

// packages returns the output of `go list` for a pattern.
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
// a run consists of does not import what shows it, for example. Only tests may
// import upwards.
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

// The packages that decide do no I/O. They decide from their arguments.
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
