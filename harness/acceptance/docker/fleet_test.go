package docker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/curlpipe/curlpipe/harness/many/fleet"
)

// loadCompose reads a compose file as docker compose does, which checks it
// against the schema of the Compose Specification.
func loadCompose(t *testing.T, file string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{file}, cli.WithName("curlpipe"), cli.WithInterpolation(true))
	require.NoError(t, err)
	return options.LoadProject(context.Background())
}

func TestComposeFiles(t *testing.T) {
	for _, file := range []string{"compose.yaml", "fleet/compose.yaml"} {
		project, err := loadCompose(t, file)
		require.NoError(t, err)
		require.NotEmpty(t, project.Services)
		for name, service := range project.Services {
			require.Regexp(t, `^curlpipe:[a-z]+$`, service.Image, name)
			require.Regexp(t, `^(none|service:server)$`, service.NetworkMode, name)
		}
	}
}

func TestComposeFilesAreHeldToTheSchema(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte("services:\n  server:\n    image: x\n    network_modus: none\n"), 0o600))
	_, err := loadCompose(t, file)
	require.ErrorContains(t, err, "network_modus")
}

func TestComposedFleetIsWhole(t *testing.T) {
	project, err := loadCompose(t, "fleet/compose.yaml")
	require.NoError(t, err)
	require.NoError(t, pipelabTakes(project.Services["server"].Command))
	merged := project.Services["merge"]
	require.NoError(t, pipelabTakes(merged.Command))
	for index := 1; index <= 2; index++ {
		name := fmt.Sprintf("shard-%d", index)
		shard := project.Services[name]
		line := strings.Replace(shard.Command[0], "$$FLEET", *shard.Environment["FLEET"], 1)
		require.Contains(t, line, fmt.Sprintf("--shard %d/2", index))
		require.NoError(t, pipelabTakes(pipelabArguments(t, line)))
		file := fmt.Sprintf("fleet-%d.json", index)
		require.Contains(t, line, "--json "+file)
		require.Contains(t, merged.Command, file)
		require.Equal(t, "service_completed_successfully", merged.DependsOn[name].Condition)
	}
}

// pipelabArguments returns the arguments of pipelab in a line of shell.
func pipelabArguments(t *testing.T, line string) []string {
	t.Helper()
	_, after, found := strings.Cut(line, "exec /curlpipe/build/pipelab ")
	require.True(t, found, line)
	return strings.Fields(strings.ReplaceAll(after, `"`, ""))
}

// pipelabTakes returns an error if pipelab refuses those arguments.
func pipelabTakes(arguments []string) error {
	said, err := exec.Command("../build/pipelab", append(arguments, "--help")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("pipelab %s: %w: %s", strings.Join(arguments, " "), err, said)
	}
	return nil
}

func TestPipelabTakesNotEverything(t *testing.T) {
	require.ErrorContains(t, pipelabTakes([]string{"fleet", "--sherd", "1/2"}), "unknown flag: --sherd")
}

// manifests are the objects in the Kubernetes file.
type manifests struct {
	service    corev1.Service
	deployment appsv1.Deployment
	job        batchv1.Job
}

// readManifests reads them into the published types, and refuses unknown
// fields.
func readManifests(text []byte) (*manifests, error) {
	var m manifests
	kinds := map[string]any{
		"v1 Service": &m.service, "apps/v1 Deployment": &m.deployment, "batch/v1 Job": &m.job,
	}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var meta struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &meta); err != nil {
			return nil, err
		}
		name := meta.APIVersion + " " + meta.Kind
		into, known := kinds[name]
		if !known {
			return nil, fmt.Errorf("there is no %s here, or a second one", name)
		}
		delete(kinds, name)
		if err := yaml.UnmarshalStrict(document, into); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(kinds) > 0 {
		return nil, fmt.Errorf("missing: %v", kinds)
	}
	return &m, nil
}

func kubernetes(t *testing.T) *manifests {
	t.Helper()
	text, err := os.ReadFile("fleet/kubernetes.yaml")
	require.NoError(t, err)
	m, err := readManifests(text)
	require.NoError(t, err)
	return m
}

func TestManifestsAreHeldToTheSchema(t *testing.T) {
	text, err := os.ReadFile("fleet/kubernetes.yaml")
	require.NoError(t, err)
	for says, change := range map[string][2]string{
		`unknown field "completionModes"`:                 {"completionMode:", "completionModes:"},
		"cannot unmarshal string into Go struct field":    {"completions: 4", "completions: four"},
		"there is no batch/v2 Job here, or a second":      {"batch/v1", "batch/v2"},
		`unknown field "container"`:                       {"      containers:\n        - name: shard", "      container:\n        - name: shard"},
		"there is no apps/v1 Deployment here, or a secon": {"batch/v1\nkind: Job", "apps/v1\nkind: Deployment"},
	} {
		spoilt := strings.Replace(string(text), change[0], change[1], 1)
		require.NotEqual(t, string(text), spoilt)
		_, err := readManifests([]byte(spoilt))
		require.ErrorContains(t, err, says)
	}
}

func TestTheJobIsTheWholeFleet(t *testing.T) {
	m := kubernetes(t)
	spec := m.job.Spec
	require.Equal(t, batchv1.IndexedCompletion, *spec.CompletionMode)
	require.Equal(t, *spec.Completions, *spec.Parallelism, "all shards have to run at a time")
	require.Zero(t, *spec.BackoffLimit)
	require.Equal(t, corev1.RestartPolicyNever, spec.Template.Spec.RestartPolicy)

	shard := spec.Template.Spec.Containers[0]
	require.Equal(t, []string{"/bin/sh", "-c"}, shard.Command)
	index := shard.Env[0]
	require.Equal(t, "JOB_COMPLETION_INDEX", index.Name)
	require.Equal(t, "metadata.labels['"+batchv1.JobCompletionIndexAnnotation+"']", index.ValueFrom.FieldRef.FieldPath)
	// the command that the last pod's shell runs
	echo := strings.Replace(shard.Args[0], "exec /curlpipe/build/pipelab", "echo exec /curlpipe/build/pipelab", 1)
	run := exec.Command("/bin/sh", "-c", echo)
	run.Env = []string{fmt.Sprintf("JOB_COMPLETION_INDEX=%d", *spec.Completions-1)}
	line, err := run.Output()
	require.NoError(t, err)
	require.Contains(t, string(line), fmt.Sprintf("--shard %d/%d ", *spec.Completions, *spec.Completions))
	require.NoError(t, pipelabTakes(pipelabArguments(t, string(line))))
}

func TestTheShardsReachTheServer(t *testing.T) {
	m := kubernetes(t)
	labels := m.deployment.Spec.Template.Labels
	require.Equal(t, labels, m.deployment.Spec.Selector.MatchLabels)
	require.Equal(t, labels, m.service.Spec.Selector)
	require.NotEqual(t, labels, m.job.Spec.Template.Labels, "the service would send clients to shards")

	server := m.deployment.Spec.Template.Spec.Containers[0]
	require.NoError(t, pipelabTakes(server.Args))
	ports := map[string]int32{}
	for _, p := range server.Ports {
		ports[p.Name] = p.ContainerPort
	}
	require.Len(t, m.service.Spec.Ports, len(ports))
	for _, p := range m.service.Spec.Ports {
		require.Equal(t, ports[p.Name], p.Port)
	}
	require.Equal(t, intstr.FromString("control"), server.ReadinessProbe.TCPSocket.Port)
	arguments := strings.Join(server.Args, " ")
	require.Contains(t, arguments, fmt.Sprintf("--listen :%d", ports["clients"]))
	require.Contains(t, arguments, fmt.Sprintf("--control :%d", ports["control"]))
	require.Contains(t, m.job.Spec.Template.Spec.Containers[0].Args[0],
		fmt.Sprintf("--server http://%s:%d", m.service.Name, ports["control"]))
	require.Equal(t, server.Image, m.job.Spec.Template.Spec.Containers[0].Image)
}

// TestDockerFleet makes a fleet of shards in containers: each client of patched
// keeps its connection, those of stock do not.
func TestDockerFleet(t *testing.T) {
	if os.Getenv("CURLPIPE_DOCKER") == "" {
		t.Skip("builds an image for some minutes; set CURLPIPE_DOCKER=1 for that")
	}
	d := findDocker(t)
	d.needBase(t, "bookworm")
	d.command(t, "./build", "--debian", "bookworm")
	d.environment = append(d.environment, "CLIENTS=20", "REQUESTS=40", "STALL_EVERY=10")
	result := "../build/docker/fleet.json"
	require.NoError(t, os.RemoveAll(result))
	defer d.compose(t, "fleet/compose.yaml", "down")
	d.compose(t, "fleet/compose.yaml", "run", "--rm", "merge")

	text, err := os.ReadFile(result)
	require.NoError(t, err)
	var merged fleet.Document
	require.NoError(t, json.Unmarshal(text, &merged))
	require.Len(t, merged.Runs, 2)
	for _, r := range merged.Runs {
		require.Equal(t, 2, r.Shards)
		require.EqualValues(t, 800, r.AllRequests())
		require.NoError(t, r.Judge())
	}
	page, err := os.ReadFile("../build/docker/fleet.html")
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`<svg .*</svg>`), strings.ReplaceAll(string(page), "\n", ""))
}
