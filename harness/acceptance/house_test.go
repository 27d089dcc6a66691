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

// wings returns the parts of the laboratory, each with the wings that it may
// import besides itself: those that come after it in the order that
// harness/README.md gives. Two that are joined by "and" do not import each other.
func wings(t *testing.T) map[string][]string {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, order, found := strings.Cut(string(text), "behind it in this order: ")
	require.True(t, found)
	order, _, found = strings.Cut(order, ".")
	require.True(t, found)
	uses := make(map[string][]string)
	var behind []string
	for _, step := range slices.Backward(strings.Split(order, ",")) {
		step, _ := strings.CutPrefix(strings.Join(strings.Fields(step), " "), "then ")
		var names []string
		for name := range strings.SplitSeq(step, " and ") {
			names = append(names, strings.Trim(name, "`/"))
		}
		for _, name := range names {
			uses[name] = behind
		}
		behind = slices.Concat(behind, names)
	}
	require.Len(t, uses, 7)
	return uses
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
	list, uses := packages(t, harness+"..."), wings(t)
	for _, p := range list {
		wing, _ := wingOf(p.ImportPath)
		if wing == "acceptance" {
			continue
		}
		allowed, known := uses[wing]
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
