package docker_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScriptsRefuse(t *testing.T) {
	deaf := stub(t, "docker", `[[ $1 == build ]] && echo --secret`)
	without := stub(t, "docker", `exit 1`)
	for name, test := range map[string]struct {
		path      string
		arguments []string
		code      int
		says      string
	}{
		"build: another argument":      {without, []string{"./build", "trixie"}, 2, "unknown argument trixie"},
		"build: no release":            {without, []string{"./build", "--debian"}, 2, "--debian needs a value"},
		"build: not a release":         {without, []string{"./build", "--debian", "x:y"}, 2, "the name of a suite, such as trixie, not x:y"},
		"build: no BuildKit":           {without, []string{"./build"}, 1, "no docker command that has BuildKit"},
		"build: no daemon":             {deaf, []string{"./build"}, 1, "no docker daemon answers at unix:///nowhere"},
		"build-base: another argument": {without, []string{"./build-base", "trixie"}, 2, "unknown argument trixie"},
		"build-base: no release":       {without, []string{"./build-base", "--debian"}, 2, "--debian needs a value"},
		"build-base: not a release":    {without, []string{"./build-base", "--debian", "../x"}, 2, "the name of a suite, such as trixie, not ../x"},
	} {
		t.Run(name, func(t *testing.T) {
			got := runScript(t, test.path, test.arguments[0], test.arguments[1:]...)
			require.Equal(t, test.code, got.code, got.stderr)
			require.Contains(t, got.stderr, test.says)
			require.Empty(t, got.stdout)
		})
	}
}

func TestHelp(t *testing.T) {
	for _, script := range []string{"./build", "./build-base"} {
		got := runScript(t, t.TempDir(), script, "--help")
		require.Zero(t, got.code, got.stderr)
		require.Contains(t, got.stdout, "--debian")
	}
}

// TestBuildArguments uses a docker that prints its arguments.
func TestBuildArguments(t *testing.T) {
	authorities := filepath.Join(t.TempDir(), "authorities.pem")
	require.NoError(t, os.WriteFile(authorities, []byte("authorities\n"), 0o600))
	t.Setenv("SSL_CERT_FILE", authorities)
	for name, test := range map[string]struct {
		inspect string
		base    bool
	}{
		"a base image of our own": {"exit 0", true},
		"the base image of all":   {"exit 1", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := stub(t, "docker", `case $1 in
				image) [[ $3 == curlpipe-base:trixie ]] || exit 9; `+test.inspect+` ;;
				build) echo --secret "$@" ;;
			esac`)
			got := runScript(t, path, "./build", "--debian", "trixie")
			require.Zero(t, got.code, got.stderr)
			require.Equal(t, "curlpipe:trixie\n", got.stdout)
			require.Contains(t, got.stderr, "--network=host --build-arg DEBIAN=trixie")
			require.Contains(t, got.stderr, "--secret id=authorities,src="+authorities)
			if test.base {
				require.Contains(t, got.stderr, "--build-arg BASE=curlpipe-base:trixie")
			} else {
				require.NotContains(t, got.stderr, "BASE=")
			}
		})
	}
}

// TestToolchainIsPinned uses a go command that has another toolchain.
func TestToolchainIsPinned(t *testing.T) {
	sums := filepath.Join(t.TempDir(), "sums")
	require.NoError(t, os.WriteFile(sums, []byte("golang.org/toolchain v0.0.1-go1.2.3.linux-amd64 h1:right=\n"), 0o600))
	for name, test := range map[string]struct{ stub, says string }{
		"another hash": {
			`[[ $1 == env ]] && echo amd64 || echo '"Sum": "h1:wrong="'`,
			"golang.org/toolchain@v0.0.1-go1.2.3.linux-amd64 is not the one that was pinned: expected h1:right=",
		},
		"no network": {
			`[[ $1 == env ]] && echo amd64 || { echo '"Error": "no such host"'; exit 1; }`,
			"no such host",
		},
		"another machine": {`echo riscv64`, "has no hash for linux-riscv64"},
	} {
		t.Run(name, func(t *testing.T) {
			got := runScript(t, stub(t, "go", test.stub), "./install-go", sums)
			require.Equal(t, 1, got.code)
			require.Contains(t, got.stderr, test.says)
		})
	}
}

// stub returns a folder with a program of this name, made of the given lines of
// shell.
func stub(t *testing.T, name, lines string) string {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/bash\n"+lines+"\n"), 0o755))
	return folder
}

// outcome is what a script printed and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
}

// runScript runs a script whose PATH has the folder and the basic tools, but
// not the machine's docker.
func runScript(t *testing.T, folder, script string, arguments ...string) outcome {
	c := exec.Command(script, arguments...)
	c.Env = append(os.Environ(), "PATH="+folder+":"+basicTools(t), "DOCKER_HOST=unix:///nowhere",
		"CURLPIPE_CACHE="+filepath.Join(t.TempDir(), "cache"))
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// basicTools returns a folder with the tools that the scripts use before they
// act.
func basicTools(t *testing.T) string {
	folder := t.TempDir()
	for _, name := range []string{"bash", "env", "dirname", "sed", "grep", "cat", "mktemp", "rm", "mkdir"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(folder, name)))
	}
	return folder
}
