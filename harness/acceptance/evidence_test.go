package acceptance

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/capture"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

// kept makes a run, captures its packets and reads its evidence back.
func (b *builds) kept(t *testing.T, scenario, subject, driver, libcurl string) *evidence.Evidence {
	t.Helper()
	found, err := b.subjects.Find(subject)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), scenario, subject)
	collector := evidence.Collect(folder, true)
	observation, err := lab.Run(context.Background(), lab.Setup{
		Scenario: only(t, scenario), Subject: found, Driver: driver, Library: b.libraries[libcurl],
		Interposer: b.interposer, Engine: b.engine, Seed: 1, Tap: collector.Tap(),
	})
	require.NoError(t, err)
	r := outcome.Of(observation, subject, driver, b.libraries[libcurl])
	require.True(t, r.AsExpected(), "%+v", r)
	err = collector.Finish(evidence.Record{Run: r}, observation.Origin)
	if errors.Is(err, capture.ErrNotPermitted) {
		t.Skip(err)
	}
	require.NoError(t, err)
	e, err := evidence.Read(folder)
	require.NoError(t, err)
	return e
}

// decrypted returns a field of each packet that matches in tshark.
func decrypted(t *testing.T, e *evidence.Evidence, filter, field string) []string {
	t.Helper()
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("there is no tshark; scripts/setup --tests installs it")
	}
	out, err := exec.Command(tshark, "-o", "tcp.reassemble_out_of_order:TRUE", "-r", filepath.Join(e.Path, evidence.CaptureFile),
		"-d", "tcp.port=="+strconv.Itoa(int(e.Packets.Port))+",tls", "-Y", filter, "-T", "fields", "-e", field).Output()
	require.NoError(t, err)
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' || r == ',' })
}

// The report's defect in packets: pipelined requests, and connections that the
// client ends, with a RST if responses were still on their way.
func TestCaptureShowsTheDefectOfTheReport(t *testing.T) {
	b := newBuilds(t)
	for _, c := range clients {
		if c.subject == "c-demo" && c.driver == plan.DriverSocket {
			continue // its stock run takes seconds, and shows nothing else
		}
		t.Run(c.subject+"/"+c.driver, func(t *testing.T) {
			e := b.kept(t, "reported", c.subject, c.driver, library.Stock)
			n := len(e.Origin.Connections)
			require.Len(t, e.Packets.Connections, n)
			require.Positive(t, e.Packets.ResetFirst(flow.Client))
			require.Zero(t, e.Packets.Missing())
			arrived := 0
			for _, c := range e.Origin.Connections {
				arrived += len(c.Requests)
				if seen := e.Packets.From(c.Client); c.End.Reset {
					require.NotNil(t, seen.RST)
				} else {
					require.NotNil(t, seen.FIN)
				}
			}
			require.GreaterOrEqual(t, len(decrypted(t, e, "http.request", "http.request.uri")), arrived,
				"what had been sent before a RST arrived whole in the packets")
			line := timeline.Of(e)
			require.Len(t, line.Lanes, n)
			refused := 0
			for _, l := range line.Lanes {
				for _, r := range l.Requests {
					require.NotEqual(t, timeline.Unknown, r.Queued, r.ID)
				}
				for _, w := range l.Blocked {
					if w.Refused {
						refused++
					}
				}
			}
			require.Equal(t, e.Record.Run.BadWriteRetry, refused)
		})
	}
}

// With OpenSSL's secrets, traffic after a new handshake or a KeyUpdate can be
// decrypted, too.
func TestCaptureIsDecryptedAfterHandshakesAndKeyUpdates(t *testing.T) {
	b := newBuilds(t)
	for scenario, what := range map[string]func(timeline.Lane) int{
		"renegotiate-while-writing": func(l timeline.Lane) int {
			for _, i := range l.Renegotiations {
				require.Greater(t, i.To, i.From)
				require.Less(t, i.To, l.Closed)
			}
			return len(l.Renegotiations)
		},
		"keyupdate-while-writing": func(l timeline.Lane) int { return len(l.KeyUpdates) },
	} {
		t.Run(scenario, func(t *testing.T) {
			e := b.kept(t, scenario, "c-demo", "perform", library.Patched)
			require.Len(t, decrypted(t, e, "http.request", "http.request.uri"), len(e.Origin.Connections[0].Requests))
			require.Positive(t, what(timeline.Of(e).Lanes[0]))
		})
	}
}
