package curlpipe

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTLSStateLikeNetHTTP requires that Response.TLS is the same with both
// transports.
func TestTLSStateLikeNetHTTP(t *testing.T) {
	authority := newIssuer(t)
	certificate := authority.issue(t, unchanged, "127.0.0.1")
	certificate.OCSPStaple = []byte{0x30, 3, 10, 1, 6} // an OCSP response with the status unauthorized [RFC 6960 §4.2.1]
	for name, config := range map[string]*tls.Config{
		"TLS 1.2": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}},
		"TLS 1.3": {MinVersion: tls.VersionTLS13},
	} {
		t.Run(name, func(t *testing.T) {
			config.Certificates = []tls.Certificate{certificate}
			server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
			server.TLS = config
			server.StartTLS()
			t.Cleanup(server.Close)
			states := map[string]*tls.ConnectionState{}
			for which, roundTripper := range bothTransports(t, authority) {
				var first *tls.ConnectionState
				for range 2 {
					response, err := roundTripper.RoundTrip(get(t, server.URL))
					require.NoError(t, err, which)
					readAll(t, response)
					if first == nil {
						first = response.TLS
					}
					states[which] = response.TLS
				}
				require.Same(t, first, states[which], "one for the responses of a connection")
			}
			theirs, ours := states["net/http"], states["curlpipe"]
			require.Equal(t, theirs.Version, ours.Version)
			if theirs.Version == tls.VersionTLS12 { // otherwise each prefers another
				require.Equal(t, tls.CipherSuiteName(theirs.CipherSuite), tls.CipherSuiteName(ours.CipherSuite))
			}
			require.NotEmpty(t, tls.CipherSuiteName(ours.CipherSuite))
			require.Equal(t, theirs.HandshakeComplete, ours.HandshakeComplete)
			require.Equal(t, theirs.DidResume, ours.DidResume)
			require.Equal(t, theirs.ServerName, ours.ServerName)
			require.Equal(t, theirs.OCSPResponse, ours.OCSPResponse)
			require.Equal(t, raw(theirs.PeerCertificates), raw(ours.PeerCertificates))
			require.Len(t, ours.VerifiedChains, 1)
			require.Equal(t, raw(theirs.VerifiedChains[0]), raw(ours.VerifiedChains[0]))
		})
	}
}

func raw(certificates []*x509.Certificate) (all [][]byte) {
	for _, each := range certificates {
		all = append(all, each.Raw)
	}
	return all
}

// TestTLSStateWithoutVerification requires that there is no chain, because none
// was verified.
func TestTLSStateWithoutVerification(t *testing.T) {
	s := newServer(t, true, echo)
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true})
	response, err := transport.RoundTrip(get(t, s.URL))
	require.NoError(t, err)
	readAll(t, response)
	require.Equal(t, s.Certificate().Raw, response.TLS.PeerCertificates[0].Raw)
	require.Empty(t, response.TLS.VerifiedChains)
}

// TestTLSStateOfAResumedSession requires the certificates, and the chain, of the first
// session. Package crypto/tls keeps both with the session.
func TestTLSStateOfAResumedSession(t *testing.T) {
	authority := newIssuer(t)
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{authority.issue(t, unchanged, "127.0.0.1")}, MaxVersion: version}
			server.StartTLS()
			t.Cleanup(server.Close)
			pool := x509.NewCertPool()
			pool.AddCert(authority.certificate)
			theirs := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ClientSessionCache: tls.NewLRUClientSessionCache(0)}}
			for which, roundTripper := range likeHTTPTransport(t, theirs) {
				var chain [][]byte
				resumed := 0
				for attempt := 0; resumed < 2 && attempt < 20; attempt++ { // libcurl does not always resume
					request := get(t, server.URL)
					request.Close = true
					response, err := roundTripper.RoundTrip(request)
					require.NoError(t, err, which)
					readAll(t, response)
					require.Len(t, response.TLS.VerifiedChains, 1, which)
					if attempt == 0 {
						require.False(t, response.TLS.DidResume, which)
						chain = raw(response.TLS.VerifiedChains[0])
					}
					require.Equal(t, chain, raw(response.TLS.VerifiedChains[0]), which)
					require.Equal(t, chain[0], response.TLS.PeerCertificates[0].Raw, which)
					if response.TLS.DidResume {
						resumed++
					}
				}
				if _, ours := roundTripper.(*Transport); !ours || version == tls.VersionTLS12 || systemLibcurl() {
					require.Equal(t, 2, resumed, "%s: libcurl 7.53.1 resumes up to TLS 1.2", which)
				}
			}
		})
	}
}
