package trace_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/show/report/picture"
	"github.com/curlpipe/curlpipe/harness/show/report/trace"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

const unknown = timeline.Unknown

func one() *timeline.Timeline {
	ms := time.Millisecond
	return &timeline.Timeline{End: 10 * ms, Lanes: []timeline.Lane{{
		Number: 1, Opened: 0, Secured: ms, Closed: 9 * ms,
		Requests: []timeline.Request{
			{ID: "r0", FirstWrite: ms, LastWrite: 2 * ms, Arrived: 3 * ms, FirstAnswered: 4 * ms, Done: 5 * ms, Whole: true},
			{ID: "r1", FirstWrite: unknown, LastWrite: unknown, Arrived: unknown, FirstAnswered: unknown, Done: unknown},
		},
		Blocked:    []timeline.Blocked{{From: ms, To: 2 * ms, Want: "WANT_WRITE", Tries: 3, Refused: true}},
		KeyUpdates: []time.Duration{6 * ms},
		Ending:     timeline.Ending{ByClient: true, Reset: true, AfterByte: -1},
	}}}
}

func TestTraceHasEachConnection(t *testing.T) {
	var out strings.Builder
	require.NoError(t, trace.Write(&out, picture.Panel{Title: "before", Timeline: one()}, picture.Panel{Title: "after", Timeline: one()}))
	var read struct {
		TraceEvents []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(out.String()), &read))
	open := make(map[string]int)
	var names []string
	for _, e := range read.TraceEvents {
		if e["pid"] == 2.0 {
			names = append(names, e["ph"].(string)+" "+e["name"].(string))
		}
		switch e["ph"] {
		case "b":
			open[e["id"].(string)+e["name"].(string)]++
		case "e":
			open[e["id"].(string)+e["name"].(string)]--
		}
	}
	for id, n := range open {
		require.Zero(t, n, "%s begins and ends", id)
	}
	require.Equal(t, []string{
		"M process_name", "M thread_name", "X handshake", "i KeyUpdate of the client", "X blocked, WANT_WRITE",
		"i another write, which TLS refused", "b r0", "e r0", "b written", "e written", "b awaiting response", "e awaiting response",
		"b answered", "e answered", "i ended by the client with a RST at 9.0 ms",
	}, names)
	require.Contains(t, out.String(), `"name":"blocked, WANT_WRITE","ph":"X","ts":1000,"dur":1000,"pid":1,"tid":1,"args":{"refused":true,"tries":3}`)
}

func TestTraceOfNothing(t *testing.T) {
	var out strings.Builder
	require.NoError(t, trace.Write(&out))
	require.JSONEq(t, `{"traceEvents": [], "displayTimeUnit": "ms"}`, out.String())
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestTraceThatCannotBeWritten(t *testing.T) {
	require.ErrorContains(t, trace.Write(broken{}), "writing a trace: the disk is full")
}
