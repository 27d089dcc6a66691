package interposertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listen serves each connection to a port of loopback until the test ends,
// and returns the port.
func listen(t *testing.T, serve func(net.Conn)) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(connection)
		}
	}()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}

// swallow reads until the client closes.
func swallow(connection net.Conn) {
	defer connection.Close()
	io.Copy(io.Discard, connection)
}

// readAfter returns a peer that reads nothing before the channel is closed.
func readAfter(open <-chan struct{}) func(net.Conn) {
	return func(connection net.Conn) {
		<-open
		swallow(connection)
	}
}

// overTLS returns a peer that completes a handshake and then serves.
func overTLS(t *testing.T, serve func(net.Conn)) func(net.Conn) {
	configuration := &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	return func(connection net.Conn) {
		server := tls.Server(connection, configuration)
		if server.Handshake() != nil {
			connection.Close()
			return
		}
		serve(server)
	}
}

// certificate makes a self-signed one; the test client does not verify it.
func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
