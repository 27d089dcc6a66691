package openssl

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
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// versions of TLS that the engine supports.
var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// forEachVersion runs a test for each of them.
func forEachVersion(t *testing.T, test func(t *testing.T, s *server)) {
	for version := range versions {
		t.Run("TLS "+version, func(t *testing.T) { test(t, newServer(t, version)) })
	}
}

// newCertificate returns a self-signed server certificate.
func newCertificate(t *testing.T, name pkix.Name) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               name,
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server accepts connections and passes them to an engine.
type server struct {
	t           *testing.T
	version     string
	certificate tls.Certificate
	engine      *Engine
	listener    *net.TCPListener
}

// newServer starts a server with a sanitized engine, which must report nothing
// until the test ends.
func newServer(t *testing.T, version string) *server {
	return newServerOf(t, sanitized, version, newCertificate(t, pkix.Name{CommonName: "localhost"}))
}

func newServerOf(t *testing.T, path, version string, certificate tls.Certificate) *server {
	return newServerFrom(t, Config{Path: path, TLS: version, Certificate: certificate})
}

func newServerFrom(t *testing.T, config Config) *server {
	s := &server{t: t, version: config.TLS, certificate: config.Certificate}
	var err error
	s.engine, err = Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.engine.Close()) })
	s.listener = listen(t, 0)
	return s
}

// listen listens on loopback, with SO_RCVBUF if that is not 0.
func listen(t *testing.T, receiveBuffer int) *net.TCPListener {
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		if receiveBuffer == 0 {
			return nil
		}
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	return listener.(*net.TCPListener)
}

// accept waits for a client. What it returns is closed at the end of the test.
func (s *server) accept() *Stream {
	tcp, err := s.listener.AcceptTCP()
	require.NoError(s.t, err)
	stream, err := s.engine.Server(tcp)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, stream.Close()) })
	return stream
}

// trust returns a client's configuration that trusts the server.
func (s *server) trust() *tls.Config {
	authority, err := x509.ParseCertificate(s.certificate.Certificate[0])
	require.NoError(s.t, err)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return &tls.Config{
		RootCAs:       pool,
		ServerName:    "127.0.0.1",
		Renegotiation: tls.RenegotiateFreelyAsClient,
		MinVersion:    versions[s.version],
		MaxVersion:    versions[s.version],
	}
}

// authority writes the server's authority to a file.
func (s *server) authority() string {
	path := filepath.Join(s.t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: s.certificate.Certificate[0]}
	require.NoError(s.t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	return path
}

// dial connects a client of crypto/tls, which has not made its handshake yet.
func (s *server) dial(config *tls.Config) *tls.Conn {
	tcp, err := net.Dial("tcp", s.listener.Addr().String())
	require.NoError(s.t, err)
	client := tls.Client(tcp, config)
	s.t.Cleanup(func() { tcp.Close() })
	return client
}

// connect returns both ends of a connection, with the handshake done.
func (s *server) connect(config *tls.Config) (*Stream, *tls.Conn) {
	client := s.dial(config)
	stream := s.accept()
	shaken := later(client.Handshake)
	require.NoError(s.t, stream.Handshake())
	require.NoError(s.t, <-shaken)
	return stream, client
}

// later calls a function in another goroutine.
func later(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}

// counted returns bytes that count up from first, as testdata/client.c sends
// them.
func counted(first, length int) []byte {
	out := make([]byte, length)
	for i := range out {
		out[i] = byte((first + i) % 251)
	}
	return out
}
