package curlpipe

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTLSStateOfAnOrigin(t *testing.T) {
	o := origin{key: originOf(&url.URL{Scheme: "https", Host: "[::1]:4443"})}
	first := o.tlsState("", false)
	require.True(t, first.HandshakeComplete)
	require.Equal(t, "::1", first.ServerName)
	require.Empty(t, first.NegotiatedProtocol)
	require.Same(t, first, o.tlsState("", false), "responses share it")

	multiplexed := o.tlsState("", true)
	require.Equal(t, "h2", multiplexed.NegotiatedProtocol)
	require.Empty(t, first.NegotiatedProtocol, "what a response has does not change")
	require.Empty(t, o.tlsState("", false).NegotiatedProtocol)

	named := origin{key: o.key}
	require.Equal(t, "server.example", named.tlsState("server.example", false).ServerName)
	plain := origin{key: originOf(&url.URL{Scheme: "http", Host: "localhost"})}
	require.Nil(t, plain.tlsState("", false))
}
