package curlpipe_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/curlpipe"
)

// A program converts its http.Transport to one of this package, and learns which
// settings are not supported.
func ExampleFromHTTPTransport() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		io.WriteString(writer, "the same as before")
	}))
	defer server.Close()

	old := http.DefaultTransport.(*http.Transport).Clone()
	old.ResponseHeaderTimeout = 10 * time.Second
	old.TLSClientConfig = &tls.Config{VerifyConnection: func(tls.ConnectionState) error { return nil }}

	transport, err := curlpipe.FromHTTPTransport(old)
	var missing *curlpipe.NotCarriedError
	if errors.As(err, &missing) {
		fmt.Println("not carried over:", missing.Fields)
	} else if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	client := &http.Client{Transport: transport}
	response, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	fmt.Println(string(text))
	// Output:
	// not carried over: [TLSClientConfig.VerifyConnection]
	// the same as before
}

// An error contains the errors of Go's packages and libcurl's code.
func ExampleError_Unwrap() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	listener.Close() // nothing listens there any more

	transport := &curlpipe.Transport{}
	defer transport.Close()
	client := &http.Client{Transport: transport}
	_, err = client.Get("http://" + listener.Addr().String())
	var operation *net.OpError
	fmt.Println(errors.Is(err, syscall.ECONNREFUSED))
	fmt.Println(errors.As(err, &operation) && operation.Op == "dial")
	fmt.Println(errors.Is(err, curl.CurlError(curl.E_COULDNT_CONNECT)))
	// Output:
	// true
	// true
	// true
}

// Some requests go through a proxy, others directly.
func ExampleTransport_proxy() {
	transport := &curlpipe.Transport{
		Proxy: func(request *http.Request) (*url.URL, error) {
			if strings.HasSuffix(request.URL.Hostname(), ".internal") {
				return nil, nil // no proxy
			}
			return url.Parse("http://me:secret@proxy.example:3128")
		},
		ProxyConnectHeader: http.Header{"X-Team": {"fleet"}},
	}
	defer transport.Close()
	// or: Proxy: http.ProxyFromEnvironment
}

// The certificates of both sides are only in memory.
func ExampleTransport_mutualTLS() {
	authority, pool := newAuthority("an authority")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprint(writer, "hello, ", request.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{authority("server")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	}
	server.StartTLS()
	defer server.Close()

	transport := &curlpipe.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{authority("client 7")}},
	}
	defer transport.Close()
	client := &http.Client{Transport: transport}
	response, err := client.Get(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	fmt.Println(string(text))
	fmt.Println(response.TLS.PeerCertificates[0].Subject.CommonName)
	// Output:
	// hello, client 7
	// server
}

// The body is sent while it is produced, and the response is read while it
// arrives.
func ExampleTransport_RoundTrip_streaming() {
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		length, _ := io.Copy(io.Discard, request.Body)
		fmt.Fprintf(writer, "%d bytes came", length)
	}))
	defer server.Close()
	transport := &curlpipe.Transport{}
	defer transport.Close()

	reader, writer := io.Pipe()
	go func() {
		for range 1000 {
			io.WriteString(writer, "a line of a long log\n")
		}
		writer.Close()
	}()
	request, err := http.NewRequest(http.MethodPut, server.URL, reader)
	if err != nil {
		log.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	fmt.Println(string(text))
	// Output: 21000 bytes came
}

// newAuthority makes an authority that issues certificates for 127.0.0.1.
func newAuthority(name string) (issue func(name string) tls.Certificate, pool *x509.CertPool) {
	make := func(name string, isAuthority bool, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			log.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			BasicConstraintsValid: true, IsCA: isAuthority, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			log.Fatal(err)
		}
		return der, key
	}
	der, key := make(name, true, nil, nil)
	parent, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parent)
	return func(name string) tls.Certificate {
		der, issued := make(name, false, parent, key)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: issued}
	}, pool
}
