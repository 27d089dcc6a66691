package bench

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// buildClients builds clients that need no libcurl.
func buildClients(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for program, source := range map[string]string{"fasthttp": "fasthttp", "net-http": "nethttp", "h2load": "h2load"} {
		command := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(folder, program), "./client/"+source)
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s", output)
	}
	flags := []string{"-O2", "-Wall", "-Wextra", "-Werror", "-Iclient/ccommon", "client/ccommon/client.c",
		"client/floor/main.c", "-o", filepath.Join(folder, "floor"), "-lssl", "-lcrypto"}
	output, err := exec.Command("cc", flags...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return folder
}

func tinyBench(t *testing.T, folder string, clients ...string) *Bench {
	t.Helper()
	found, err := FindClients(clients)
	require.NoError(t, err)
	return &Bench{
		Folder: folder, Clients: found, Depths: []int{4}, Bodies: []int{12}, TLS: []string{"1.3"},
		RTTs: []time.Duration{0}, Rounds: 2, Round: time.Millisecond, Scratch: t.TempDir(),
		Step: func(string, int, int) {},
	}
}

func TestEachClientIsMeasured(t *testing.T) {
	folder := buildClients(t)
	for name, change := range map[string]func(*Bench){
		"TLS 1.3":           func(b *Bench) { b.Count = true },
		"TLS 1.2, 100 KB":   func(b *Bench) { b.TLS, b.Bodies = []string{"1.2"}, []int{102400} },
		"plain, with a RTT": func(b *Bench) { b.TLS, b.RTTs = []string{PlainText}, []time.Duration{time.Millisecond} },
	} {
		t.Run(name, func(t *testing.T) {
			b := tinyBench(t, folder, "fasthttp", "net-http-h1", "net-http-h2", "h2load-h1", "h2load-h2", "floor")
			change(b)
			result, err := b.Run(t.Context())
			require.NoError(t, err)
			require.Empty(t, result.LeftOut)
			require.Len(t, result.Rows, len(b.Clients))
			for i, row := range result.Rows {
				require.Equal(t, b.Clients[i].Name, row.Client)
				require.Positive(t, row.RequestsPerSecond, row.Client)
				require.Positive(t, row.P50MS, row.Client)
				require.GreaterOrEqual(t, row.P99MS, row.P50MS, row.Client)
				require.Positive(t, row.PeakMemoryBytes, row.Client)
				require.Positive(t, row.ServerCPUUSPerRequest, row.Client)
				require.NotEmpty(t, row.Library, row.Client)
				require.Equal(t, b.Count, row.SyscallsPerRequest != nil, row.Client)
				require.Equal(t, b.Count, row.TLSRecordsPerRequest != nil, row.Client)
				if b.Count {
					require.Positive(t, *row.SyscallsPerRequest, row.Client)
					require.Positive(t, *row.TLSRecordsPerRequest, row.Client)
				}
			}
		})
	}
}

func TestWrongResponseIsNoRow(t *testing.T) {
	folder := buildClients(t)
	for _, name := range []string{"fasthttp", "net-http-h1", "net-http-h2", "h2load-h1", "floor"} {
		t.Run(name, func(t *testing.T) {
			b := tinyBench(t, folder, name)
			server, err := StartServer(b.Scratch, []int{12}, -1)
			require.NoError(t, err)
			defer server.Stop()
			wrong := []byte(strings.Repeat("x", 12))
			if name == "h2load-h1" {
				wrong = wrong[1:] // the check looks only at lengths
			}
			require.NoError(t, os.WriteFile(filepath.Join(b.Scratch, "bodies", "12"), wrong, 0o644))
			m := &measurement{bench: b, client: b.Clients[0], cell: b.cells()[0], server: server, core: -1}
			_, err = m.run(t.Context(), 10, "", nil)
			require.Error(t, err)
		})
	}
}

func TestClientThatCannotIsLeftOut(t *testing.T) {
	folder := buildClients(t)
	b := tinyBench(t, folder, "floor", "fasthttp")
	b.Clients[0].HTTP = 2 // fasthttp, which precedes floor in the table
	result, err := b.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, result.Rows, 1)
	require.False(t, result.Failed)
	require.Len(t, result.LeftOut, 1)
	require.Contains(t, result.LeftOut[0], "fasthttp has no HTTP/2")
}

func TestClientThatIsNotBuiltBreaksDown(t *testing.T) {
	b := tinyBench(t, t.TempDir(), "floor")
	_, err := b.Run(t.Context())
	require.ErrorContains(t, err, "scripts/bench builds the clients")
}

func TestServerAnswersUntilItIsStopped(t *testing.T) {
	server, err := StartServer(t.TempDir(), []int{12}, -1)
	require.NoError(t, err)
	url := "http://" + server.Address(PlainText, 1) + "/12"
	response, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	cpu, err := server.CPUTime()
	require.NoError(t, err)
	require.Positive(t, cpu)
	server.Stop()
	_, err = http.Get(url)
	require.Error(t, err)
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := tinyBench(t, buildClients(t), "floor").Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
