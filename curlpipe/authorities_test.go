package curlpipe

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/curlpipe/internal/cmemory"
)

// certifiedServer answers over TLS with a certificate of the issuer.
func certifiedServer(t *testing.T, of *issuer) *server {
	t.Helper()
	return newServer(t, true, echo, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{of.issue(t, func(*x509.Certificate) {}, "127.0.0.1")}}
	})
}

// A connection trusts the authorities that the file has when it is made,
// although the file is not parsed for each connection.
func TestAuthoritiesFollowTheirFile(t *testing.T) {
	first, second := newIssuer(t), newIssuer(t)
	servers := []*server{certifiedServer(t, first), certifiedServer(t, second)}
	file := filepath.Join(t.TempDir(), "ca.pem")
	both := append(first.pem(), second.pem()...)
	require.NoError(t, os.WriteFile(file, both, 0o600))
	transport := &Transport{CAFile: file, DisableSessionReuse: true}
	client, err := New(transport)
	require.NoError(t, err)
	defer client.Close()
	for _, step := range []struct {
		says    []byte
		trusted []bool
		code    int
	}{
		{first.pem(), []bool{true, false}, curl.E_SSL_CACERT},
		{second.pem(), []bool{false, true}, curl.E_SSL_CACERT},
		{both, []bool{true, true}, 0},
		{first.pem(), []bool{true, false}, curl.E_SSL_CACERT},
		{[]byte("no certificate"), []bool{false, false}, curl.E_SSL_CACERT_BADFILE},
		{nil, []bool{false, false}, curl.E_SSL_CACERT_BADFILE},
		{second.pem(), []bool{false, true}, curl.E_SSL_CACERT},
	} {
		require.NoError(t, os.WriteFile(file, step.says, 0o600))
		for i, trusted := range step.trusted {
			response, err := client.Do(t.Context(), get(t, servers[i].URL+"/"))
			if trusted {
				require.NoError(t, err)
				require.Equal(t, "you asked for /", readAll(t, response))
			} else {
				var code curl.CurlError
				require.ErrorAs(t, err, &code)
				if step.code != curl.E_SSL_CACERT || code != curl.E_SSL_PEER_CERTIFICATE {
					require.Equal(t, curl.CurlError(step.code), code, "%v", err)
				}
			}
			transport.CloseIdleConnections()
			until(t, func() bool {
				stats := client.Stats()
				return stats.ConnectionsOpened == stats.ConnectionsClosed
			}, "the next one makes a new connection")
		}
	}
	require.NoError(t, os.Remove(file))
	_, err = client.Do(t.Context(), get(t, servers[0].URL))
	require.ErrorIs(t, err, curl.CurlError(curl.E_SSL_CACERT_BADFILE))
	require.ErrorContains(t, err, "the file of certificate authorities cannot be read")
}

// A system has more than a hundred authorities. They are in memory once, not
// once for each connection.
func TestAuthoritiesAreShared(t *testing.T) {
	authority := newIssuer(t)
	s := certifiedServer(t, authority)
	text := authority.pem()
	for range 200 {
		text = append(text, newIssuer(t).pem()...)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	open := func() {
		client, err := New(&Transport{CAFile: file})
		require.NoError(t, err)
		t.Cleanup(func() { _ = client.Close() })
		fetch(t, client, s.URL)
	}
	before := cmemory.InUse()
	open()
	first := cmemory.InUse() - before
	for range 9 {
		open()
	}
	require.LessOrEqual(t, cmemory.InUse()-before, 5*first)
}
