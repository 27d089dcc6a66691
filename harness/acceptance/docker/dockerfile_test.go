package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
)

const dockerfile = "Dockerfile"

// TestBuildChecksFindNothing is `docker build --check`, without a daemon.
func TestBuildChecksFindNothing(t *testing.T) {
	text, err := os.ReadFile(dockerfile)
	require.NoError(t, err)
	require.Empty(t, buildChecks(t, text))
}

func TestBuildChecksFindSomething(t *testing.T) {
	require.Equal(t, []string{"line 1: StageNameCasing", "line 3: UndefinedVar"}, buildChecks(t, []byte(
		"FROM debian AS Build\n"+
			"FROM debian\n"+
			"COPY --from=build $nowhere /there\n")))
}

// TestShellInDockerfile checks the RUN instructions with shellcheck, as
// hadolint does.
func TestShellInDockerfile(t *testing.T) {
	text, err := os.ReadFile(dockerfile)
	require.NoError(t, err)
	commands := shellCommands(t, text)
	require.NotEmpty(t, commands)
	for _, command := range commands {
		require.Empty(t, shellcheck(t, command), command)
	}
}

func TestShellInDockerfileIsLookedAt(t *testing.T) {
	commands := shellCommands(t, []byte("FROM debian\nRUN --mount=type=cache,target=/x \\\n  echo $HOME/*\n"))
	require.Equal(t, []string{"echo $HOME/*"}, commands)
	require.Contains(t, shellcheck(t, commands[0]), "SC2086")
}

// TestToolchain compares the image's Go with the one that go.work asks for.
func TestToolchain(t *testing.T) {
	sums, err := os.ReadFile("go-toolchain.sum")
	require.NoError(t, err)
	work, err := os.ReadFile("../go.work")
	require.NoError(t, err)
	var version string
	for line := range strings.Lines(string(work)) {
		if found, is := strings.CutPrefix(line, "go "); is {
			version = strings.TrimSpace(found)
		}
	}
	require.NotEmpty(t, version)
	lines := strings.Split(strings.TrimSpace(string(sums)), "\n")
	require.Len(t, lines, 2)
	for i, architecture := range []string{"amd64", "arm64"} {
		require.Regexp(t, `^golang\.org/toolchain v0\.0\.1-go`+version+`\.linux-`+architecture+` h1:[A-Za-z0-9+/]{43}=$`, lines[i])
	}
}

// buildChecks returns the findings of BuildKit's own checks.
func buildChecks(t *testing.T, text []byte) []string {
	source := llb.NewSourceMap(nil, dockerfile, "", text)
	source.Definition = &llb.Definition{}
	results, err := dockerfile2llb.DockerfileLint(context.Background(), text, dockerfile2llb.ConvertOpt{
		MetaResolver: anyImage{},
		SourceMap:    source,
	})
	require.NoError(t, err)
	require.Nil(t, results.Error)
	var found []string
	for _, warning := range results.Warnings {
		found = append(found, fmt.Sprintf("line %d: %s", warning.Location.Ranges[0].Start.Line, warning.RuleName))
	}
	return found
}

// anyImage replaces a registry, and has every image.
type anyImage struct{}

func (anyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, digest.FromString(ref), []byte(`{"architecture":"amd64","os":"linux"}`), nil
}

// shellCommands returns the shell code of the RUN instructions.
func shellCommands(t *testing.T, text []byte) []string {
	result, err := parser.Parse(bytes.NewReader(text))
	require.NoError(t, err)
	stages, _, err := instructions.Parse(result.AST, linter.New(&linter.Config{}))
	require.NoError(t, err)
	var commands []string
	for _, stage := range stages {
		for _, command := range stage.Commands {
			if run, is := command.(*instructions.RunCommand); is {
				require.True(t, run.PrependShell, "the RUN in %s is not for the shell", path.Base(stage.Name))
				commands = append(commands, strings.Join(run.CmdLine, " "))
			}
		}
	}
	return commands
}

// shellcheck returns shellcheck's findings.
func shellcheck(t *testing.T, command string) string {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed; scripts/setup --tests installs it")
	}
	check := exec.Command("shellcheck", "--norc", "--shell=sh", "-")
	check.Stdin = strings.NewReader(command + "\n")
	said, err := check.CombinedOutput()
	if err == nil {
		require.Empty(t, string(said))
	}
	return string(said)
}
