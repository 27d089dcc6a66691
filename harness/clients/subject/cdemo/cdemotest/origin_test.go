package cdemotest

import (
	"bufio"
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
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/stretchr/testify/require"
)

// origin accepts connections and passes each to a function of the test.
type origin struct {
	url    string // scheme and authority
	caFile string // empty for plain HTTP

	mutex    sync.Mutex
	accepted int
}

// connections returns how many were accepted so far.
func (o *origin) connections() int {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.accepted
}

// serve is what an origin does with a connection, which is closed afterwards.
type serve func(exchange)

// exchange is one connection, from the origin's side.
type exchange struct {
	reader *bufio.Reader
	net.Conn
}

// newOrigin starts an origin on loopback that runs until the test ends. version
// is one of crypto/tls's, or 0 for plain HTTP.
func newOrigin(t *testing.T, version uint16, serve serve) *origin {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &origin{url: "http://" + listener.Addr().String()}
	if version != 0 {
		certificate, caFile := newCertificate(t)
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: version, MaxVersion: version,
		})
		o.url = "https://" + strings.TrimPrefix(o.url, "http://")
		o.caFile = caFile
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			o.mutex.Lock()
			o.accepted++
			o.mutex.Unlock()
			go func() {
				defer connection.Close()
				serve(exchange{bufio.NewReader(connection), connection})
			}()
		}
	}()
	return o
}

// next reads a request; nil at the end of the connection.
func (e exchange) next() *http.Request {
	request, err := http.ReadRequest(e.reader)
	if err != nil {
		return nil
	}
	return request
}

// nextID reads a request, which must be as in the plan, and returns its id;
// empty at the end of the connection. It runs in another goroutine than the
// test, so it only marks the test as failed.
func (e exchange) nextID(t *testing.T) string {
	request := e.next()
	if request == nil {
		return ""
	}
	id := request.Header.Get(plan.RequestIDField)
	if request.Method != "GET" || request.URL.String() != "/"+id+"?body=700" ||
		request.Header.Get(plan.PaddingField) != plan.Padding(id, headerBytes) {
		t.Errorf("not a request of the plan: %s %s %v", request.Method, request.URL, request.Header)
	}
	return id
}

// answer sends the whole response to the request with this id.
func (e exchange) answer(id string) {
	body := plan.Body(id, bodySize)
	fmt.Fprintf(e, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Request-Id: %s\r\n\r\n%s", len(body), id, body)
}

// answerEach answers every request at once and in order.
func answerEach(e exchange) {
	for request := e.next(); request != nil; request = e.next() {
		e.answer(request.Header.Get(plan.RequestIDField))
	}
}

// bodySize is the size of each response's body.
const bodySize = 700

// newCertificate makes a self-signed certificate for 127.0.0.1, and a PEM file
// with it.
func newCertificate(t *testing.T) (tls.Certificate, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		Subject:     pkix.Name{CommonName: "c-demo's test"}, // libcurl 7.53.1 requires a name
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	require.NoError(t, os.WriteFile(file, block, 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
