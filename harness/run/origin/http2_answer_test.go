package origin_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// overHTTP2 starts an origin that gives these answers.
func overHTTP2(t *testing.T, requests int, o scenario.Origin) (*origin.Server, *http.Transport) {
	t.Helper()
	s := start(t, origin.Config{TLS: plan.TLS12, HTTP2: true, Requests: requests, Initial: requests, Origin: o})
	return s, multiplexing(t, s)
}

// ask makes a request and returns how many bytes of the body arrived.
func ask(ctx context.Context, t *testing.T, client *http.Transport, s *origin.Server, id, size string) (int64, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/"+id+"?body="+size, nil)
	require.NoError(t, err)
	request.Header.Set(plan.RequestIDField, id)
	response, err := client.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return io.Copy(io.Discard, response.Body)
}

// leave ends the client's connections and returns the origin's log. A stream
// that the client cancelled keeps a connection busy for a moment.
func leave(client *http.Transport, s *origin.Server) *origin.Log {
	log := make(chan *origin.Log, 1)
	go func() { log <- logOf(s) }()
	for {
		client.CloseIdleConnections()
		select {
		case l := <-log:
			return l
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestHTTP2ResetsStreams(t *testing.T) {
	s, client := overHTTP2(t, 3, scenario.Origin{Answers: map[int]scenario.Answer{
		0: {ResetStream: http2.ErrCodeInternal}, 1: {ResetStream: http2.ErrCodeCancel, CutAfter: 30},
	}})
	n, err := ask(t.Context(), t, client, s, "r0000", "70")
	require.ErrorContains(t, err, "INTERNAL_ERROR")
	require.Zero(t, n)
	n, err = ask(t.Context(), t, client, s, "r0001", "70")
	require.ErrorContains(t, err, "CANCEL")
	require.LessOrEqual(t, n, int64(30))
	n, err = ask(t.Context(), t, client, s, "r0002", "70")
	require.NoError(t, err)
	require.EqualValues(t, 70, n)
	log := leave(client, s)
	require.Len(t, log.Connections, 1, "the connection goes on")
	for i, r := range log.Connections[0].Requests {
		require.Equal(t, i == 2, r.Answered, r.ID)
		require.True(t, r.AsPlanned, r.ID)
	}
	require.True(t, log.Connections[0].HTTP2)
}

func TestHTTP2HoldsAnAnswerUntilTheRequestIsGivenUp(t *testing.T) {
	s, client := overHTTP2(t, 2, scenario.Origin{Answers: map[int]scenario.Answer{0: {Hold: scenario.HoldGone}}})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		_, err := ask(ctx, t, client, s, "r0000", "70")
		require.ErrorIs(t, err, context.Canceled)
	})
	_, err := ask(t.Context(), t, client, s, "r0001", "70")
	require.NoError(t, err, "it waits for nobody")
	cancel()
	all.Wait()
	for _, r := range leave(client, s).Connections[0].Requests {
		require.True(t, r.AsPlanned, r.ID)
		require.Equal(t, r.ID == "r0001", r.Answered)
	}
}

// A client that never cancels the request is answered in the end.
func TestHTTP2HoldsHaveABound(t *testing.T) {
	s, client := overHTTP2(t, 1, scenario.Origin{Answers: map[int]scenario.Answer{0: {Hold: scenario.HoldGone}}})
	n, err := ask(t.Context(), t, client, s, "r0000", "70")
	require.NoError(t, err)
	require.EqualValues(t, 70, n)
	r := leave(client, s).Connections[0].Requests[0]
	require.True(t, r.Answered)
	require.False(t, r.AsPlanned)
}

func TestHTTP2HoldsForTheRest(t *testing.T) {
	s, client := overHTTP2(t, 3, scenario.Origin{Answers: map[int]scenario.Answer{0: {Hold: scenario.HoldRest}, 1: {Hold: scenario.HoldNext}}})
	var all sync.WaitGroup
	for _, id := range []string{"r0000", "r0001", "r0002"} {
		all.Go(func() { requireOwn(t, client, s, http.MethodGet, id, 70, "") })
	}
	all.Wait()
	seen := leave(client, s).Connections[0].Requests
	last := time.Time{}
	for _, r := range seen {
		last = later(last, r.Arrived)
	}
	for _, r := range seen {
		if r.ID == "r0000" {
			require.True(t, r.AsPlanned)
			require.False(t, r.AnswerBegan.Before(last), "it was answered when all had come")
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Streams that a GOAWAY excludes are not answered on its connection.
func TestHTTP2GoesAway(t *testing.T) {
	s, client := overHTTP2(t, 8, scenario.Origin{
		EveryAnswer: scenario.Answer{Hold: scenario.HoldRest},
		Answers:     map[int]scenario.Answer{2: {Hold: scenario.HoldRest, CloseAnnounced: true}},
	})
	var all sync.WaitGroup
	for _, id := range idsOf(0, 8) {
		all.Go(func() {
			n, err := ask(t.Context(), t, client, s, "r000"+id[1:], "700")
			require.True(t, err != nil || n == 700)
		})
	}
	all.Wait()
	log := leave(client, s)
	c := log.Connections[0]
	require.False(t, c.End.ByClient)
	away := false
	for _, r := range c.Requests { // streams are opened in this order
		require.Equal(t, !away, r.Answered, r.ID)
		require.Equal(t, away, r.Ignored, r.ID)
		away = away || r.ID == "r0002"
	}
	require.True(t, away)
}

func TestHTTP2HangsUp(t *testing.T) {
	for name, a := range map[string]scenario.Answer{
		"in place of an answer": {Drop: true}, "with a RST": {Drop: true, Reset: true}, "in the middle": {CutAfter: 30},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := overHTTP2(t, 1, scenario.Origin{Answers: map[int]scenario.Answer{0: a}})
			_, err := ask(t.Context(), t, client, s, "r0000", "70")
			require.Error(t, err)
			log := leave(client, s)
			require.False(t, log.Connections[0].End.ByClient)
			require.False(t, log.Connections[0].Requests[0].Answered)
			require.True(t, log.Connections[0].Requests[0].AsPlanned)
		})
	}
}

// Responses that are sent at the same time take turns, in step with the client.
func TestHTTP2ResponsesTakeTurns(t *testing.T) {
	s, client := overHTTP2(t, 2, scenario.Origin{
		InStep: true, MaxStreams: 2, StreamWindow: 300_000,
		Answers: map[int]scenario.Answer{0: {Hold: scenario.HoldRest}, 1: {Hold: scenario.HoldRest}},
	})
	var all sync.WaitGroup
	for _, id := range []string{"r0000", "r0001"} {
		all.Go(func() { requireOwn(t, client, s, http.MethodGet, id, 1<<20, "") })
	}
	all.Wait()
	seen := leave(client, s).Connections[0].Requests
	require.Len(t, seen, 2)
	for i := range seen {
		require.True(t, seen[i].AnswerBegan.Before(seen[1-i].AnswerEnded), "one began before the other had ended")
	}
}

func TestHTTP2StreamsAreLimited(t *testing.T) {
	s := start(t, origin.Config{TLS: plan.TLS12, HTTP2: true, Requests: 3, Origin: scenario.Origin{MaxStreams: 2}})
	var wire, section bytes.Buffer
	wire.WriteString(http2.ClientPreface)
	framer, encoder := http2.NewFramer(&wire, nil), hpack.NewEncoder(&section)
	require.NoError(t, framer.WriteSettings())
	require.NoError(t, framer.WriteSettingsAck())
	for i, id := range idsOf(0, 3) {
		section.Reset()
		for _, field := range [][2]string{
			{":method", "POST"}, {":scheme", "https"}, {":authority", "here"}, {":path", "/" + id}, {"x-request-id", id},
		} {
			require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
		}
		require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: uint32(2*i + 1), BlockFragment: section.Bytes(), EndHeaders: true, EndStream: i == 2,
		}))
	}
	c := connect(t, s)
	c.send(wire.String())
	_, _ = io.Copy(io.Discard, c.stream)
	seen := logOf(s).Connections[0]
	require.Len(t, seen.Requests, 1)
	require.Equal(t, "a stream beyond the 2 that there may be at a time", seen.Requests[0].Problem)
}
