package curlpipe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// issuer signs certificates.
type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	number      int64
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "curlpipe test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &issuer{certificate, key, 1}
}

func (i *issuer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw})
}

// issue signs a certificate for these names, which may be addresses.
func (i *issuer) issue(t testing.TB, change func(*x509.Certificate), names ...string) tls.Certificate {
	t.Helper()
	i.number++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(i.number), Subject: pkix.Name{CommonName: "somebody"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if address := net.ParseIP(name); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	change(template)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, i.certificate, &key.PublicKey, i.key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func unchanged(*x509.Certificate) {}

// A server with a certificate for another name gets no request. This package
// accepts what crypto/x509 accepts.
func TestCertificatesAndNames(t *testing.T) {
	trusted, unknown := newIssuer(t), newIssuer(t)
	tried := 0
	try := func(certificate tls.Certificate, name string, want bool, describe string) {
		tried++
		server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
		server.Config.ErrorLog = quiet()
		server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		server.StartTLS()
		defer server.Close()
		_, port, err := net.SplitHostPort(server.Listener.Addr().String())
		require.NoError(t, err)
		transport := &Transport{RootCAs: trusted.pem(), Resolve: []string{name + ":" + port + ":127.0.0.1"}}
		if net.ParseIP(name) != nil {
			transport.Resolve = nil
		}
		defer transport.Close()
		response, err := transport.RoundTrip(get(t, "https://"+net.JoinHostPort(name, port)+"/x"))
		if want {
			require.NoError(t, err, describe)
			require.Equal(t, "you asked for /x", readAll(t, response), describe)
			return
		}
		var code curl.CurlError
		require.ErrorAs(t, err, &code, describe)
		require.Contains(t, []int{int(curl.E_SSL_CACERT), int(curl.E_SSL_PEER_CERTIFICATE), int(curl.E_SSL_CONNECT_ERROR)}, int(code), describe)
	}
	names := []string{"www.example.com", "example.com", "a.b.example.com", "www.example.org", "wwwXexample.com", "127.0.0.1"}
	for _, has := range [][]string{
		{"www.example.com"}, {"WWW.Example.COM"}, {"example.com"}, {"*.example.com"}, {"*.com"}, {"*.*.example.com"}, {"127.0.0.1"},
	} {
		certificate := trusted.issue(t, unchanged, has...)
		leaf, err := x509.ParseCertificate(certificate.Certificate[0])
		require.NoError(t, err)
		for _, name := range names {
			// libcurl accepts no wildcard for a top-level domain
			want := has[0] != "*.com" && leaf.VerifyHostname(name) == nil
			try(certificate, name, want, fmt.Sprintf("%q for %s", has, name))
		}
	}
	for describe, certificate := range map[string]tls.Certificate{
		"of an unknown authority": unknown.issue(t, unchanged, "www.example.com"),
		"expired":                 trusted.issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "www.example.com"),
		"not valid yet":           trusted.issue(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "www.example.com"),
		"for clients":             trusted.issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "www.example.com"),
		"with a NUL in its name":  trusted.issue(t, func(c *x509.Certificate) { c.DNSNames = []string{"www.example.com\x00.example.org"} }),
	} {
		try(certificate, "www.example.com", false, describe)
	}
	require.GreaterOrEqual(t, tried, 42)
}
