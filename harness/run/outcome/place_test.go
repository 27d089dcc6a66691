package outcome

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlace(t *testing.T) {
	require.Equal(t, "OpenSSL trixie, TLS 1.3", (&Run{OpenSSLName: "trixie", TLS: "1.3"}).Place())
	require.Equal(t, "OpenSSL trixie, no TLS", (&Run{OpenSSLName: "trixie"}).Place())
	require.Empty(t, (&Run{TLS: "1.3"}).Place())
}
