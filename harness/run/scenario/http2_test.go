package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

func TestHTTP1Only(t *testing.T) {
	var same []string
	for _, s := range All() {
		if s.HTTP1Only() == "" {
			same = append(same, s.ID)
		}
	}
	require.Equal(t, []string{"honest-origin", "reported", "reported-tls13"}, same)

	for want, spoil := range map[string]func(*Scenario){
		"HTTP/2 is only spoken over TLS":                func(s *Scenario) { s.Client.TLS = plan.PlainText },
		"its answers are those of HTTP/1.1":             func(s *Scenario) { s.Origin.EveryAnswer.Chunked = true },
		"what its client does is about a pipeline":      func(s *Scenario) { s.Client.BlockedSend = 3 },
		"nghttp2 sends no header section of over 64 KB": func(s *Scenario) { s.Client.HeaderBytes.Max = 70_000 },
	} {
		s := All()[0]
		spoil(&s)
		require.Equal(t, want, s.HTTP1Only())
	}
}
