package servertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
)

//go:embed testdata
var configurations embed.FS

// setting has the values for a server's configuration in testdata.
type setting struct {
	Address           string // host:port to listen on
	Host, Port        string // its parts
	Folder            string // for files that the server writes
	Documents         string // folder with the documents
	Backend           string // host:port of the Go server
	BackendHost       string
	BackendPort       string
	Certificate       string // file with certificate and key
	TLS               bool
	KeepAliveRequests int    // maximum number of requests on a connection; 0: no limit
	User              string // the user that a server changes to when root starts it
	Modules           string // Apache's
}

// program is a server packaged by Debian.
type program struct {
	name     string
	packages string // Debian's
	config   string // its file in testdata
	command  func(config, folder string) []string
	limits   bool // can limit the requests on a connection
}

var programs = []program{
	{"nginx", "nginx", "nginx.conf", func(config, folder string) []string {
		return []string{"-p", folder, "-e", folder + "/log", "-c", config}
	}, true},
	{"apache2", "apache2-bin", "apache2.conf", func(config, folder string) []string {
		return []string{"-d", folder, "-f", config, "-DFOREGROUND"}
	}, true},
	{"haproxy", "haproxy", "haproxy.cfg", func(config, _ string) []string { return []string{"-db", "-f", config} }, false},
	{"lighttpd", "lighttpd and lighttpd-mod-openssl", "lighttpd.conf", func(config, _ string) []string { return []string{"-D", "-f", config} }, true},
}

// path finds the program, whose folder may not be in PATH.
func (p program) path() (string, error) {
	if found, err := exec.LookPath(p.name); err == nil {
		return found, nil
	}
	return exec.LookPath("/usr/sbin/" + p.name)
}

// start writes the configuration, starts the program on a free port and stops
// it at the end of the test. It returns its address.
func (p program) start(t *testing.T, s setting) string {
	t.Helper()
	path, err := p.path()
	require.NoError(t, err, "install %s", p.packages)
	for attempt := 1; ; attempt++ {
		s.Address = freeAddress(t)
		s.Host, s.Port, _ = net.SplitHostPort(s.Address)
		s.Folder = openFolder(t)
		config := filepath.Join(s.Folder, p.config)
		writeConfig(t, p.config, config, s)
		if p.run(t, path, p.command(config, s.Folder), s.Address) {
			return s.Address
		}
		output, _ := os.ReadFile(filepath.Join(s.Folder, "log"))
		require.Less(t, attempt, 3, "%s does not start: %s", p.name, output)
	}
}

// run starts the program and waits until it listens. It returns false if the
// program ends instead, perhaps because its port has been taken.
func (p program) run(t *testing.T, path string, arguments []string, address string) bool {
	server := exec.Command(path, arguments...)
	output, err := os.Create(filepath.Join(t.TempDir(), "output"))
	require.NoError(t, err)
	defer output.Close()
	server.Stdout, server.Stderr = output, output
	require.NoError(t, server.Start())
	ended := make(chan struct{})
	go func() {
		_ = server.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // Apache ends its children as well
		defer time.AfterFunc(10*time.Second, func() { _ = server.Process.Kill() }).Stop()
		<-ended
	})
	for {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return true
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(output.Name())
			t.Logf("%s ended: %s", p.name, said)
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// freeAddress returns an address on loopback with a free port.
func freeAddress(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// openFolder makes a temporary folder that a server can use after it has
// changed its user.
func openFolder(t *testing.T) string {
	folder := t.TempDir()
	for _, each := range []string{folder, filepath.Dir(folder)} {
		require.NoError(t, os.Chmod(each, 0o755))
	}
	return folder
}

func writeConfig(t *testing.T, name, file string, s setting) {
	t.Helper()
	text, err := template.ParseFS(configurations, "testdata/"+name)
	require.NoError(t, err)
	out, err := os.Create(file)
	require.NoError(t, err)
	defer out.Close()
	require.NoError(t, text.Execute(out, s))
}

// writeCertificate makes a self-signed certificate for 127.0.0.1, and returns
// the file with it and its key.
func writeCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	certificate := &x509.Certificate{
		Subject: pkix.Name{CommonName: "curlpipe tests"}, SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	signed, err := x509.CreateCertificate(rand.Reader, certificate, certificate, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	file := filepath.Join(openFolder(t), "server.pem")
	require.NoError(t, os.WriteFile(file, text, 0o644))
	return file
}
