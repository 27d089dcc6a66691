package docker_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/show/report"
)

// releases are the releases that are built and run, with the OpenSSL of each.
var releases = []struct{ name, openssl string }{{"bookworm", "3.0."}, {"trixie", "3.5."}}

// TestDockerVerdicts builds the images and runs the compose file. Each run in a
// container must have the same verdict as on this machine.
func TestDockerVerdicts(t *testing.T) {
	if os.Getenv("CURLPIPE_DOCKER") == "" {
		t.Skip("builds images for some minutes; set CURLPIPE_DOCKER=1 for that")
	}
	d := findDocker(t)
	here := filepath.Join(t.TempDir(), "here.json")
	command(t, "../build/pipelab", "run", "--scenario", "reported", "--json", here)
	expected := verdicts(t, here)
	require.NotEmpty(t, expected)

	for _, release := range releases {
		t.Run(release.name, func(t *testing.T) {
			d.needBase(t, release.name)
			d.command(t, "./build", "--debian", release.name)
			there := filepath.Join("../build/docker", release.name+".json")
			require.NoError(t, os.RemoveAll(there))
			d.compose(t, "compose.yaml", "run", "--rm", release.name)
			require.Equal(t, expected, verdicts(t, there))
			used := document(t, there).OpenSSL
			require.True(t, strings.HasPrefix(used, release.openssl), "%s ran with OpenSSL %s", release.name, used)
		})
	}
}

// daemon is a docker daemon that answers.
type daemon struct {
	// client is a docker command that builds with BuildKit.
	client string
	// environment has the variables with which docker reaches the daemon.
	environment []string
}

// findDocker returns a daemon that answers, or else starts one for the test. If
// neither is possible, the test is skipped.
func findDocker(t *testing.T) *daemon {
	d := &daemon{client: findClient(t), environment: append(os.Environ(), "DOCKER_BUILDKIT=1")}
	if d.answers(context.Background()) {
		return d
	}
	if os.Getuid() != 0 {
		require.FailNow(t, "no docker daemon answers, and starting one takes root")
	}
	program, err := exec.LookPath("dockerd")
	if err != nil {
		require.FailNow(t, "no docker daemon answers, and there is no dockerd; apt-get install docker.io brings one")
	}
	d.start(t, program)
	return d
}

// findClient returns the first docker command with BuildKit. One that lacks its
// buildx plugin may precede in PATH one that does not need it.
func findClient(t *testing.T) string {
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		client := filepath.Join(folder, "docker")
		help := exec.Command(client, "build", "--help")
		help.Env = append(os.Environ(), "DOCKER_BUILDKIT=1")
		if text, err := help.Output(); err == nil && strings.Contains(string(text), "--secret") {
			return client
		}
	}
	require.FailNow(t, "there is no docker command with BuildKit; apt-get install docker.io brings one")
	return ""
}

func (d *daemon) answers(ctx context.Context) bool {
	version := exec.CommandContext(ctx, d.client, "version")
	version.Env = d.environment
	return version.Run() == nil
}

// start starts a daemon that changes nothing outside of a folder: no bridge, no
// packet filter rules. It uses the best storage driver that works here; the
// last choice is vfs.
func (d *daemon) start(t *testing.T, program string) {
	folder, err := os.MkdirTemp("", "curlpipe-docker-") // short, for the socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	socket := "unix://" + filepath.Join(folder, "socket")
	log, err := os.Create(filepath.Join(folder, "log"))
	require.NoError(t, err)
	defer log.Close()
	server := exec.Command(program, "--host", socket, "--bridge=none", "--iptables=false", "--ip6tables=false",
		"--data-root", filepath.Join(folder, "data"), "--exec-root", filepath.Join(folder, "exec"),
		"--pidfile", filepath.Join(folder, "pid"))
	server.Stdout, server.Stderr = log, log
	require.NoError(t, server.Start())
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt) // fails if it has ended by itself
		<-ended
	})
	d.environment = append(d.environment, "DOCKER_HOST="+socket)
	for !d.answers(t.Context()) {
		select {
		case err := <-ended:
			ended <- err
			text, _ := os.ReadFile(log.Name())
			require.FailNow(t, "no docker daemon answers, and one cannot be started here", "%v\n%s", err, text)
		case <-t.Context().Done():
			require.FailNow(t, "the test was ended before the daemon answered")
		case <-time.After(100 * time.Millisecond): // and asked again
		}
	}
}

// needBase makes the base image if it cannot be found or pulled.
func (d *daemon) needBase(t *testing.T, release string) {
	for _, arguments := range [][]string{
		{"image", "inspect", "curlpipe-base:" + release},
		{"image", "inspect", "debian:" + release + "-slim"},
		{"pull", "debian:" + release + "-slim"},
	} {
		find := exec.Command(d.client, arguments...)
		find.Env = d.environment
		if find.Run() == nil {
			return
		}
	}
	if _, err := exec.LookPath("debootstrap"); err != nil || os.Getuid() != 0 {
		require.FailNow(t, "debian:"+release+"-slim cannot be pulled, and making it takes root and debootstrap; apt-get install debootstrap brings that")
	}
	d.command(t, "./build-base", "--debian", release)
}

// compose runs a compose file, with the plugin or with the older program.
func (d *daemon) compose(t *testing.T, file string, arguments ...string) {
	program := []string{d.client, "compose"}
	version := exec.Command(d.client, "compose", "version")
	if version.Run() != nil {
		older, err := exec.LookPath("docker-compose")
		if err != nil {
			require.FailNow(t, "there is no docker compose; apt-get install docker-compose brings one")
		}
		program = []string{older}
	}
	program = append(append(program, "--file", file), arguments...)
	d.command(t, program[0], program[1:]...)
}

func (d *daemon) command(t *testing.T, name string, arguments ...string) {
	c := exec.Command(name, arguments...)
	c.Env = d.environment
	finish(t, c)
}

func command(t *testing.T, name string, arguments ...string) {
	finish(t, exec.Command(name, arguments...))
}

func finish(t *testing.T, c *exec.Cmd) {
	t.Helper()
	begin := time.Now()
	said, err := c.CombinedOutput()
	require.NoError(t, err, "%s\n%s", strings.Join(c.Args, " "), said)
	t.Logf("%s: %s", strings.Join(c.Args, " "), time.Since(begin).Round(time.Second))
}

// verdicts returns the verdict of each run.
func verdicts(t *testing.T, file string) map[string]string {
	found := make(map[string]string)
	for _, r := range document(t, file).Runs {
		found[strings.Join([]string{r.Scenario, r.Subject, r.Driver, r.Library}, " ")] = string(r.Verdict)
	}
	return found
}

func document(t *testing.T, file string) *report.Document {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var d report.Document
	require.NoError(t, json.Unmarshal(text, &d))
	return &d
}
