package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

func TestHTTP1Only(t *testing.T) {
	var same []string
	for _, s := range All() {
		if s.HTTP1Only() == "" && !s.HTTP2 {
			same = append(same, s.ID)
		}
	}
	require.Equal(t, []string{"honest-origin", "reported", "reported-tls13"}, same)

	for want, spoil := range map[string]func(*Scenario){
		"HTTP/2 is only spoken over TLS":                func(s *Scenario) { s.Client.TLS = plan.PlainText },
		"its answers exist only in HTTP/1.1":            func(s *Scenario) { s.Origin.EveryAnswer.Chunked = true },
		"what its client does is about a pipeline":      func(s *Scenario) { s.Client.BlockedSend = 3 },
		"nghttp2 sends no header section of over 64 KB": func(s *Scenario) { s.Client.HeaderBytes.Max = 70_000 },
	} {
		s := All()[0]
		spoil(&s)
		require.Equal(t, want, s.HTTP1Only())
	}
}

func TestHTTP2HasItsOwnAnswers(t *testing.T) {
	sound := func() Scenario {
		return Scenario{
			ID: "some-words", Summary: "Something happens.", HTTP2: true, Client: pipelined(3, plan.TLS12),
			Origin: Origin{
				MaxStreams: 2, StreamWindow: 1000, InStep: true,
				Answers: map[int]Answer{0: {Hold: HoldGone}, 1: {ResetStream: http2.ErrCodeCancel, CutAfter: 5}, 2: {CloseAnnounced: true}},
			},
		}
	}
	s := sound()
	require.NoError(t, s.Check())
	require.Empty(t, s.HTTP1Only())
	for reason, spoil := range map[string]func(*Scenario){
		"HTTP/2 is only spoken over TLS": func(s *Scenario) { s.Client.TLS = plan.PlainText },
		"HTTP/2 has no such answer":      func(s *Scenario) { s.Origin.EveryAnswer.Chunked = true },
		"HTTP/1.1 has no streams":        func(s *Scenario) { s.HTTP2 = false },
		"a number of HTTP/2 is below 0":  func(s *Scenario) { s.Origin.MaxStreams = -1 },
		"it ends in several ways": func(s *Scenario) {
			s.Origin.EveryAnswer = Answer{ResetStream: http2.ErrCodeCancel, Drop: true}
		},
		"no renegotiations and no KeyUpdates": func(s *Scenario) { s.Client.BlockedReads = 1 },
	} {
		s := sound()
		spoil(&s)
		require.ErrorContains(t, s.Check(), reason)
	}
	for name, spoil := range map[string]func(*Origin){
		"streams": func(o *Origin) { o.MaxStreams = 1 }, "a window": func(o *Origin) { o.StreamWindow = 1 },
		"steps": func(o *Origin) { o.InStep = true }, "a reset": func(o *Origin) { o.EveryAnswer.ResetStream = http2.ErrCodeCancel },
		"a stream given up": func(o *Origin) { o.EveryAnswer.Hold = HoldGone },
	} {
		s := Scenario{ID: "some-words", Summary: "Something happens.", Client: pipelined(3, plan.TLS12)}
		spoil(&s.Origin)
		require.ErrorContains(t, s.Check(), "HTTP/1.1 has no streams", name)
	}
	o := Origin{Places: []Place{{Connections: 1}}}
	require.False(t, o.OverHTTP2(), "streams have no places")
}
