package curlpipe_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestModuleBringsLittle builds a program whose only requirement is this
// module. It must get the modules that the library uses, and none that only the
// metrics or the laboratory need.
func TestModuleBringsLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long: not with -short")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example\n\ngo 1.25.0\n\nrequire github.com/curlpipe/curlpipe v0.0.0\n\n" +
			"replace github.com/curlpipe/curlpipe => " + root + "\n",
		"main.go": `package main

import (
	"fmt"
	"net/http"

	"github.com/curlpipe/curlpipe/curlpipe"
)

func main() {
	client := http.Client{Transport: &curlpipe.Transport{}}
	fmt.Println(client.Get("http://127.0.0.1:1/"))
}
`,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go.sum"), sums, 0o600))

	goCommand := func(arguments ...string) string {
		command := exec.Command("go", arguments...)
		command.Dir = folder
		command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")
		said, err := command.CombinedOutput()
		require.NoError(t, err, "%s: %s", command, said)
		return string(said)
	}
	goCommand("build", "-o", "example", ".")
	modules := strings.Fields(goCommand("list", "-m", "-f", "{{.Path}}", "all"))
	require.ElementsMatch(t, []string{
		"example",
		"github.com/andelf/go-curl",
		"github.com/curlpipe/curlpipe",
		"github.com/stretchr/testify",
		"go.yaml.in/yaml/v3",
		"golang.org/x/sys",
	}, modules)
}
