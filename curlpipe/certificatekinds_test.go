package curlpipe

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// certificateKind is a chain of certificates that a server presents, its own
// first, and the hosts that it is asked for.
type certificateKind struct {
	name  string
	chain tls.Certificate
	hosts []string
	// stricter, if not empty, says why this package may refuse what crypto/x509
	// accepts.
	stricter string
	// looser, if not empty, says why it may accept what crypto/x509 refuses.
	looser string
}

// certificateMaker makes certificates that one authority has signed, directly or
// not.
type certificateMaker struct {
	t     testing.TB
	root  *issuer
	key   crypto.Signer
	roots *x509.CertPool
	kinds []certificateKind
}

func newCertificateMaker(t testing.TB) *certificateMaker {
	t.Helper()
	m := &certificateMaker{t: t, root: newIssuer(t), roots: x509.NewCertPool()}
	m.roots.AddCert(m.root.certificate)
	m.key = m.newKey(elliptic.P256())
	return m
}

func (m *certificateMaker) newKey(curve elliptic.Curve) crypto.Signer {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(m.t, err)
	return key
}

// add adds a kind that the root has signed.
func (m *certificateMaker) add(name string, template *x509.Certificate, hosts ...string) *certificateKind {
	m.t.Helper()
	return m.addBelow(name, m.root, nil, template, hosts...)
}

// addBelow adds a kind that an authority has signed; between are certificates to
// present with it.
func (m *certificateMaker) addBelow(name string, by *issuer, between []*issuer, template *x509.Certificate, hosts ...string) *certificateKind {
	m.t.Helper()
	chain := tls.Certificate{Certificate: [][]byte{m.sign(by, m.key, template)}, PrivateKey: m.key}
	for _, each := range between {
		chain.Certificate = append(chain.Certificate, each.certificate.Raw)
	}
	m.kinds = append(m.kinds, certificateKind{name: name, chain: chain, hosts: hosts})
	return &m.kinds[len(m.kinds)-1]
}

const honestName = "www.example.com"

// addNames adds certificates with names of all forms, each for all hosts.
func (m *certificateMaker) addNames() {
	hosts := []string{
		honestName, "WWW.EXAMPLE.com", "example.com", "a.b.example.com", "xn--bcher-kva.example.com", "shop.co.uk", "wwwXexample.com", "ww.example.com", "localhost", "127.0.0.1",
	}
	for _, name := range []string{
		honestName, "WWW.Example.COM", "www.example.com.", "*.example.com", "*.EXAMPLE.COM", "*.example.com.", "*.co.uk", "*.com", "*.*.com", "*.*.example.com", "*.b.example.com", "a.*.example.com", "*", "*.",
		"**.example.com", "w*.example.com", "*w.example.com", "w*w.example.com", "xn--*.example.com", "xn*.example.com", "x*.example.com", "*a.example.com", "www.*.com", "www.example.*",
		"www.example.com\x00.example.org", "\x00www.example.com", " www.example.com", "www.example.com ", "www..example.com", ".www.example.com", ".example.com", "-.example.com",
		"xn--bcher-kva.example.com", "*xn--bcher-kva.example.com", "127.0.0.1", "*.0.0.1", "127.0.0.*", "localhost", "[127.0.0.1]", "www.example.com:443", "https://www.example.com", "www.example.com/", "www_.example.com", "",
	} {
		kind := m.add(fmt.Sprintf("the name %q", name), leaf(name), hosts...)
		if strings.HasSuffix(name, ".") {
			kind.looser = "for libcurl the last dot is no part of the name"
		}
		if name == "*.com" {
			kind.stricter = "libcurl requires two dots in a wildcard"
		}
	}
	for _, common := range []string{honestName, "*.example.com", "127.0.0.1", "w*.example.com", "www.example.com\x00.example.org"} {
		for also, change := range map[string]func(*x509.Certificate){
			"another name":    func(c *x509.Certificate) { c.DNSNames = []string{"www.example.org"} },
			"another address": func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} },
			"no other name":   unchanged,
		} {
			template := leaf()
			template.Subject.CommonName = common
			change(template)
			kind := m.add(fmt.Sprintf("the common name %q and %s", common, also), template, honestName, "127.0.0.1")
			if len(template.DNSNames) == 0 {
				kind.looser = "libcurl takes the common name of a certificate without names of hosts"
			}
		}
	}
	for name, addresses := range map[string][]net.IP{
		"the address": {net.IPv4(127, 0, 0, 1).To4()}, "the address in 16 bytes": {net.IPv4(127, 0, 0, 1)}, "::1": {net.IPv6loopback}, "0.0.0.0": {net.IPv4zero.To4()},
		"the second address": {net.IPv4(10, 0, 0, 1).To4(), net.IPv4(127, 0, 0, 1).To4()},
	} {
		template := leaf()
		template.IPAddresses = addresses
		m.add(name, template, "127.0.0.1", honestName)
	}
	many := leaf()
	for i := range 500 {
		many.DNSNames = append(many.DNSNames, fmt.Sprintf("host%d.example.com", i))
	}
	many.DNSNames = append(many.DNSNames, honestName)
	m.add("the last of 501 names", many, honestName, "host7.example.com", "example.com")
}

// addOthers adds certificates without a name of a host.
func (m *certificateMaker) addOthers() {
	email, uri, empty := leaf(), leaf(), leaf()
	email.EmailAddresses = []string{honestName + "@example.com"}
	uri.URIs = []*url.URL{{Scheme: "https", Host: honestName}}
	sequence, err := asn1.Marshal([]asn1.RawValue{})
	require.NoError(m.t, err)
	empty.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: sequence}}
	m.add("no name", leaf(), honestName, "127.0.0.1")
	m.add("only an e-mail address", email, honestName)
	m.add("only a URI", uri, honestName)
	m.add("an empty list of names", empty, honestName)
	nobody := leaf(honestName)
	nobody.Subject = pkix.Name{}
	m.add("no subject", nobody, honestName)
}

// addTimes adds certificates and authorities outside their time.
func (m *certificateMaker) addTimes() {
	minute := func(from, to int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Duration(from)*time.Minute), time.Now().Add(time.Duration(to)*time.Minute)
		}
	}
	for name, change := range map[string]func(*x509.Certificate){
		"expired": minute(-10, -1), "not valid yet": minute(1, 10), "never valid": minute(10, -10), "valid for 99 years": minute(-60, 60*24*365*99),
	} {
		own := leaf(honestName)
		change(own)
		m.add(name, own, honestName)
		between := m.intermediate(m.root, change)
		m.addBelow("an intermediate "+name, between, []*issuer{between}, leaf(honestName), honestName)
	}
}

// addUsages adds certificates with each use of the key, and extensions.
func (m *certificateMaker) addUsages() {
	for bit := range 9 {
		usage := leaf(honestName)
		usage.KeyUsage = 1 << bit
		kind := m.add(fmt.Sprintf("key usage %#x", 1<<bit), usage, honestName)
		if usage.KeyUsage != x509.KeyUsageDigitalSignature {
			kind.stricter = "OpenSSL heeds the key usage [RFC 8446 §4.4.2.2]"
		}
	}
	none := leaf(honestName)
	none.KeyUsage = 0
	m.add("no key usage", none, honestName)
	for usage := x509.ExtKeyUsageAny; usage <= x509.ExtKeyUsageMicrosoftKernelCodeSigning; usage++ {
		for _, also := range [][]x509.ExtKeyUsage{nil, {x509.ExtKeyUsageServerAuth}} {
			extended := leaf(honestName)
			extended.ExtKeyUsage = append([]x509.ExtKeyUsage{usage}, also...)
			kind := m.add(fmt.Sprintf("extended key usage %d, and %v", usage, also), extended, honestName)
			switch {
			case also != nil:
			case usage == x509.ExtKeyUsageAny:
				kind.stricter = "OpenSSL does not take anyExtendedKeyUsage for serverAuth"
			case usage == x509.ExtKeyUsageMicrosoftServerGatedCrypto, usage == x509.ExtKeyUsageNetscapeServerGatedCrypto:
				kind.looser = "OpenSSL takes the old usages for servers as well"
			}
		}
	}
	unlimited, unknown := leaf(honestName), leaf(honestName)
	unlimited.ExtKeyUsage = nil
	unknown.ExtKeyUsage, unknown.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{1, 2, 3, 4}}
	m.add("no extended key usage", unlimited, honestName)
	m.add("an unknown extended key usage", unknown, honestName)
	for _, critical := range []bool{false, true} {
		extended := leaf(honestName)
		extended.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: critical, Value: []byte{5, 0}}}
		m.add(fmt.Sprintf("an unknown extension, critical: %v", critical), extended, honestName)
	}
	authority := leaf(honestName)
	authority.IsCA, authority.BasicConstraintsValid = true, true
	m.add("an authority's", authority, honestName)
}

// addChains adds chains with each fault of an intermediate.
func (m *certificateMaker) addChains() {
	other := newIssuer(m.t)
	m.addBelow("of another authority", other, nil, leaf(honestName), honestName)
	m.addBelow("of another authority, which it presents", other, []*issuer{other}, leaf(honestName), honestName)
	m.addBelow("of the root, which it presents", m.root, []*issuer{m.root}, leaf(honestName), honestName)
	good := m.intermediate(m.root, unchanged)
	m.addBelow("of an intermediate", good, []*issuer{good}, leaf(honestName), honestName)
	m.addBelow("of an intermediate, which it does not present", good, nil, leaf(honestName), honestName)
	m.addBelow("of an intermediate, with others before it", good, []*issuer{other, m.root, good}, leaf(honestName), honestName)
	for name, change := range map[string]func(*x509.Certificate){
		"no authority":                func(c *x509.Certificate) { c.IsCA = false },
		"no basic constraints":        func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = false, false },
		"no key usage for signatures": func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature },
		"only for clients":            func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} },
		"only for servers":            func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} },
		"path length 0":               func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true },
		"path length 1":               func(c *x509.Certificate) { c.MaxPathLen = 1 },
	} {
		first := m.intermediate(m.root, change)
		m.addBelow("intermediate: "+name, first, []*issuer{first}, leaf(honestName), honestName)
		second := m.intermediate(first, unchanged)
		m.addBelow("intermediate before another: "+name, second, []*issuer{second, first}, leaf(honestName), honestName)
	}
	_, loopback, err := net.ParseCIDR("127.0.0.0/8")
	require.NoError(m.t, err)
	_, private, err := net.ParseCIDR("10.0.0.0/8")
	require.NoError(m.t, err)
	for name, change := range map[string]func(*x509.Certificate){
		"permits the name":      func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.com"} },
		"permits another name":  func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} },
		"permits names below":   func(c *x509.Certificate) { c.PermittedDNSDomains = []string{honestName} },
		"excludes the name":     func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{honestName} },
		"excludes the domain":   func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"com"} },
		"excludes another name": func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"example.org"} },
		"permits the network":   func(c *x509.Certificate) { c.PermittedIPRanges = []*net.IPNet{loopback} },
		"permits another one":   func(c *x509.Certificate) { c.PermittedIPRanges = []*net.IPNet{private} },
		"excludes the network":  func(c *x509.Certificate) { c.ExcludedIPRanges = []*net.IPNet{loopback} },
		"excludes another one":  func(c *x509.Certificate) { c.ExcludedIPRanges = []*net.IPNet{private} },
	} {
		limited := m.intermediate(m.root, func(c *x509.Certificate) {
			change(c)
			c.PermittedDNSDomainsCritical = true
		})
		both := leaf(honestName)
		both.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1).To4()}
		m.addBelow("an authority that "+name, limited, []*issuer{limited}, leaf(honestName), honestName)
		m.addBelow("an authority that "+name+", for name and address", limited, []*issuer{limited}, both, honestName, "127.0.0.1")
	}
}

// addKeys adds keys and signatures of each kind.
func (m *certificateMaker) addKeys() {
	rsaKey := func(bits int) *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(m.t, err)
		return key
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(m.t, err)
	add := func(name string, key crypto.Signer) *certificateKind {
		kind := m.add(name, leaf(honestName), honestName)
		kind.chain = tls.Certificate{Certificate: [][]byte{m.sign(m.root, key, leaf(honestName))}, PrivateKey: key}
		return kind
	}
	add("P-384", m.newKey(elliptic.P384()))
	add("P-521", m.newKey(elliptic.P521()))
	add("Ed25519", edwards)
	add("RSA of 2048 bits", rsaKey(2048))
	add("RSA of 1024 bits", rsaKey(1024)).stricter = "OpenSSL finds it too short, at security level 2"

	// signed with itself, in place of an authority
	own := &issuer{leaf(honestName), m.key.(*ecdsa.PrivateKey), 1}
	m.addBelow("signed by itself", own, nil, leaf(honestName), honestName)
	wrong := m.add("with another key than the certificate's", leaf(honestName), honestName)
	bytes := append([]byte{}, wrong.chain.Certificate[0]...)
	bytes[len(bytes)-1] ^= 1
	wrong.name, wrong.chain.Certificate[0] = "with an invalid signature", bytes
}

// serveCertificate answers one request on a TLS connection. It returns whether
// there was one.
func serveCertificate(connection net.Conn, chain tls.Certificate) bool {
	defer connection.Close()
	secured := tls.Server(connection, &tls.Config{Certificates: []tls.Certificate{chain}})
	request, err := http.ReadRequest(bufio.NewReader(secured))
	if err != nil {
		return false
	}
	_, _ = io.WriteString(secured, answerTo(request.URL.Path))
	return true
}

// This package accepts a server if crypto/x509 does, apart from the differences
// in the table. A server that is refused gets no request, and the next one gets
// its own.
func TestCertificatesAndNames(t *testing.T) {
	m := newCertificateMaker(t)
	m.addNames()
	m.addOthers()
	m.addTimes()
	m.addUsages()
	m.addChains()
	m.addKeys()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	chains, asked := make(chan tls.Certificate, 1), make(chan bool, 1)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			asked <- serveCertificate(connection, <-chains)
		}
	}()
	transport := newTestTransport(t, nil, &Transport{
		RootCAs: m.root.pem(), MaxRetries: -1, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
		},
	})
	tried := 0
	for _, kind := range m.kinds {
		own, parseErr := x509.ParseCertificate(kind.chain.Certificate[0])
		for _, host := range kind.hosts {
			tried++
			describe := fmt.Sprintf("%s, for %s", kind.name, host)
			theirErr := parseErr
			if parseErr == nil {
				between := x509.NewCertPool()
				for _, der := range kind.chain.Certificate[1:] {
					each, err := x509.ParseCertificate(der)
					require.NoError(t, err)
					between.AddCert(each)
				}
				_, theirErr = own.Verify(x509.VerifyOptions{DNSName: host, Roots: m.roots, Intermediates: between})
			}
			chains <- kind.chain
			response, err := transport.RoundTrip(get(t, "https://"+host+"/x"))
			if err == nil {
				if body := readAll(t, response); body != "you asked for /x" {
					t.Errorf("%s: %q", describe, body)
				}
			}
			if err != nil {
				var code curl.CurlError
				require.ErrorAs(t, err, &code, describe)
				require.Contains(t, []int{int(curl.E_SSL_CACERT), int(curl.E_SSL_PEER_CERTIFICATE), int(curl.E_SSL_CONNECT_ERROR)}, int(code), describe)
			}
			wasAsked := <-asked
			switch {
			case wasAsked != (err == nil):
				t.Errorf("%s: a request arrived: %v; %v", describe, wasAsked, err)
			case kind.stricter != "" && err != nil && theirErr == nil:
			case kind.looser != "" && err == nil && theirErr != nil:
			case (err == nil) != (theirErr == nil):
				t.Errorf("%s: here: %v; crypto/x509: %v", describe, err, theirErr)
			}
		}
	}
	require.GreaterOrEqual(t, tried, 500)
}
