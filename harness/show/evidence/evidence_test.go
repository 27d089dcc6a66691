package evidence_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/capture"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

// run makes two requests on one connection, which the client ends with a RST,
// and keeps the evidence in a folder.
func run(t *testing.T, version string, packets bool) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "some-words", "fake-perform-stock")
	c := evidence.Collect(folder, packets)
	tap := c.Tap()
	server, err := origin.Start(origin.Config{TLS: version, Requests: 2, KeyLog: tap.KeyLog})
	require.NoError(t, err)
	require.NoError(t, tap.Listening(server.URL()))
	tap.Event(events.Event{Time: 7, Call: "connect", FD: 4})
	tap.Output([]byte("{}"), nil)

	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(server.Authority()))
	_, host, _ := strings.Cut(server.URL(), "//")
	tcp, err := net.Dial("tcp", host)
	require.NoError(t, err)
	conn := tls.Client(tcp, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	for _, id := range []string{"r0000", "r0001"} {
		_, err = fmt.Fprintf(conn, "GET /%s?body=100 HTTP/1.1\r\nHost: here\r\nX-Request-Id: %s\r\n\r\n", id, id)
		require.NoError(t, err)
	}
	reply := make([]byte, 1)
	_, err = io.ReadFull(conn, reply)
	require.NoError(t, err)
	require.NoError(t, tcp.(*net.TCPConn).SetLinger(0))
	require.NoError(t, tcp.Close())
	log := server.Stop(context.Background())

	err = c.Finish(evidence.Record{
		Run: outcome.Run{Scenario: "some-words", Subject: "fake", Verdict: judge.Pass, Command: "pipelab run"},
	}, log)
	if packets && err != nil {
		require.ErrorIs(t, err, capture.ErrNotPermitted)
		t.Skip(err)
	}
	require.NoError(t, err)
	return folder
}

func TestTsharkDecryptsTheRequestsAndSeesTheReset(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("there is no tshark; scripts/setup --tests installs it")
	}
	for _, version := range []string{plan.TLS12, plan.TLS13} {
		folder := run(t, version, true)
		e, err := evidence.Read(folder)
		require.NoError(t, err)
		fields := func(filter, field string) []string {
			command := exec.Command(tshark, "-r", filepath.Join(folder, evidence.CaptureFile),
				"-d", fmt.Sprintf("tcp.port==%d,tls", e.Packets.Port), "-Y", filter, "-T", "fields", "-e", field)
			out, err := command.Output()
			require.NoError(t, err)
			return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' || r == ',' })
		}
		require.Equal(t, []string{"/r0000?body=100", "/r0001?body=100"}, fields("http.request", "http.request.uri"))
		require.NotEmpty(t, fields("tcp.flags.reset==1 && tcp.srcport!="+fmt.Sprint(e.Packets.Port), "frame.number"))
		require.NotEmpty(t, fields("http.response", "http.response.code"))
	}
}

func TestEvidenceIsReadBack(t *testing.T) {
	folder := run(t, plan.TLS12, true)
	e, err := evidence.Read(folder)
	require.NoError(t, err)
	require.Equal(t, "some-words", e.Record.Run.Scenario)
	require.Empty(t, e.Record.NoPackets)
	require.Len(t, e.Events.Events, 1)
	require.Equal(t, e.Events.Clock.Time, e.Events.Clock.At(e.Events.Clock.Monotonic))
	require.Len(t, e.Origin.Connections, 1)
	require.Len(t, e.Packets.Connections, 1)
	require.Equal(t, flow.Client, e.Packets.Connections[0].EndedFirst().By)
	require.NotNil(t, e.Packets.Connections[0].RST)

	all, err := evidence.ReadAll(filepath.Dir(filepath.Dir(folder)))
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestWithoutPacketsTheRestIsThere(t *testing.T) {
	folder := run(t, plan.TLS12, false)
	e, err := evidence.Read(folder)
	require.NoError(t, err)
	require.Nil(t, e.Packets)
	require.Equal(t, "no packets were asked for", e.Record.NoPackets)
	require.NoFileExists(t, filepath.Join(folder, evidence.CaptureFile))
}

func TestWhatCannotBeRead(t *testing.T) {
	for name, each := range map[string]struct {
		spoil  func(t *testing.T, folder string)
		reason string
	}{
		"another version": {func(t *testing.T, folder string) {
			path := filepath.Join(folder, evidence.RunFile)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var record evidence.Record
			require.NoError(t, json.Unmarshal(text, &record))
			text = bytes.Replace(text, []byte(`"format": 2`), []byte(`"format": 99`), 1)
			require.NoError(t, os.WriteFile(path, text, 0o600))
		}, "has format 99, this pipelab reads format 2; make the run again: pipelab run"},
		"damage": {func(t *testing.T, folder string) {
			require.NoError(t, os.Truncate(filepath.Join(folder, evidence.EventsFile), 20))
		}, "is damaged or of another version"},
		"a file that is gone": {func(t *testing.T, folder string) {
			require.NoError(t, os.Remove(filepath.Join(folder, evidence.OriginFile)))
		}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := run(t, plan.TLS12, false)
			each.spoil(t, folder)
			all, err := evidence.ReadAll(filepath.Dir(filepath.Dir(folder)))
			require.Empty(t, all)
			require.ErrorContains(t, err, each.reason)
		})
	}
	_, err := evidence.ReadAll(t.TempDir())
	require.ErrorContains(t, err, "there are no runs in")
	_, err = evidence.ReadAll(filepath.Join(t.TempDir(), http.MethodGet))
	require.ErrorContains(t, err, "looking for runs")
}

func TestPacketsThatAreCutOffAreSaidAndTheRestIsRead(t *testing.T) {
	folder := run(t, plan.TLS12, true)
	file := filepath.Join(folder, evidence.CaptureFile)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, os.Truncate(file, info.Size()-30))
	e, err := evidence.Read(folder)
	require.ErrorContains(t, err, evidence.CaptureFile+" is cut off or no pcapng, after ")
	require.ErrorContains(t, err, "make the run again: pipelab run")
	require.Equal(t, "some-words", e.Record.Run.Scenario)
	all, err := evidence.ReadAll(filepath.Dir(filepath.Dir(folder)))
	require.ErrorContains(t, err, "is cut off")
	require.Len(t, all, 1)

	require.NoError(t, os.Remove(file))
	_, err = evidence.Read(folder)
	require.ErrorContains(t, err, "no such file")
}
