package curlpipe

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTLSStateOfAnOrigin(t *testing.T) {
	key := originKey{scheme: "https", authority: "[::1]:4443"}
	var o origin
	first := o.tlsState(key, "", false)
	require.True(t, first.HandshakeComplete)
	require.Equal(t, "::1", first.ServerName)
	require.Empty(t, first.NegotiatedProtocol)
	require.Same(t, first, o.tlsState(key, "", false), "responses share it")

	multiplexed := o.tlsState(key, "", true)
	require.Equal(t, "h2", multiplexed.NegotiatedProtocol)
	require.Empty(t, first.NegotiatedProtocol, "what a response has does not change")
	require.Empty(t, o.tlsState(key, "", false).NegotiatedProtocol)

	var named origin
	require.Equal(t, "server.example", named.tlsState(key, "server.example", false).ServerName)
	var plain origin
	require.Nil(t, plain.tlsState(originKey{scheme: "http", authority: "localhost"}, "", false))
}
