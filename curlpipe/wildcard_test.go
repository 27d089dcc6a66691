package curlpipe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// selfSigned makes a certificate for these names. The first is its common name;
// if it is the only one, the certificate has no other field with names.
func selfSigned(t *testing.T, commonName string, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: commonName}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestNamesInCertificates compares names and wildcards with what net/http
// accepts: a wildcard is the whole of the first label [RFC 9525 §6.3]. Only
// "*.test" is stricter here, because libcurl requires two dots.
func TestNamesInCertificates(t *testing.T) {
	const idn = "xn--bcher-kva.shop.test"
	for _, each := range []struct{ pattern, host string }{
		{"shop.test", "shop.test"}, {"shop.test", "SHOP.test"}, {"shop.test", "other.test"}, {"shop.test", "a.shop.test"},
		{"*.shop.test", "a.shop.test"}, {"*.shop.test", "shop.test"}, {"*.shop.test", "a.b.shop.test"}, {"*.shop.test", idn},
		{"x*.shop.test", idn}, {"xn*.shop.test", idn}, {"xn-*.shop.test", idn}, {"xn--*.shop.test", idn},
		{"*a.shop.test", idn}, {"xn--b*a.shop.test", idn}, {"x*a.shop.test", idn}, {"X*.shop.test", idn},
		{"x*.shop.test", "xyz.shop.test"}, {"*z.shop.test", "xyz.shop.test"}, {"x*z.shop.test", "xyz.shop.test"},
		{"x*.shop.test", "abc.shop.test"}, {idn, idn}, {"*", "shop"}, {"a.*.test", "a.shop.test"},
		{"**.shop.test", "ab.shop.test"}, {"*.*.test", "a.shop.test"},
	} {
		t.Run(each.pattern+" "+each.host, func(t *testing.T) {
			certificate := selfSigned(t, "nobody", each.pattern)
			authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
			s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
			s.Config.ErrorLog = quiet()
			s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			s.StartTLS()
			defer s.Close()
			u, _ := url.Parse(s.URL)
			target := "https://" + net.JoinHostPort(each.host, u.Port()) + "/x"

			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(authority)
			theirs := &http.Transport{
				DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
					return tls.Dial("tcp", u.Host, &tls.Config{RootCAs: pool, ServerName: each.host})
				},
				DisableKeepAlives: true,
			}
			ours := newTestTransport(t, nil, &Transport{RootCAs: authority, Resolve: []string{net.JoinHostPort(each.host, u.Port()) + ":127.0.0.1"}})
			response, wanted := theirs.RoundTrip(get(t, target))
			if wanted == nil {
				response.Body.Close()
			}
			response, err := ours.RoundTrip(get(t, target))
			if err == nil {
				readAll(t, response)
			}
			require.Equal(t, wanted == nil, err == nil, "net/http: %v; here: %v", wanted, err)
		})
	}
}
