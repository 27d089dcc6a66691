package curlpipe

import (
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// TestNoNTLM requires that a libcurl from scripts/build-libcurl refuses NTLM,
// whose code in those releases reads beyond its buffers (SECURITY.md).
func TestNoNTLM(t *testing.T) {
	if systemLibcurl() {
		t.Skip("it is about a libcurl of scripts/build-libcurl")
	}
	const notBuiltIn = 4 // CURLE_NOT_BUILT_IN, which go-curl does not name
	for _, option := range []int{curl.OPT_HTTPAUTH, curl.OPT_PROXYAUTH} {
		_, err := New(&Transport{Configure: func(easy *curl.CURL) error { return easy.Setopt(option, curl.AUTH_NTLM) }})
		require.ErrorIs(t, err, curl.CurlError(notBuiltIn))
	}
}
