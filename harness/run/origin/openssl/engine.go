package openssl

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
)

// ErrRefused is wrapped by the error of a connection that cannot do what it was
// asked for, now or ever, such as a renegotiation with TLS 1.3. The connection is
// unchanged and can still be used.
var ErrRefused = errors.New("OpenSSL refuses")

// Config configures an engine.
type Config struct {
	// Path of the program, build/subjects/tls-engine of a checkout.
	Path string
	// TLS is the one version that is spoken, "1.2" or "1.3".
	TLS string
	// Certificate is the server's certificate with its key and the intermediate
	// certificates. It needs a subject: a libcurl that logs the certificate fails
	// without one.
	Certificate tls.Certificate
	// KeyLog, if not nil, gets the secrets of all connections in the form of
	// SSLKEYLOGFILE, whole lines at a time, from one goroutine at a time.
	KeyLog io.Writer
}

// Engine is a running tls-engine. Connections can share it like the connections
// of one server: a session ticket from one is valid for another.
type Engine struct {
	command *exec.Cmd
	stderr  bytes.Buffer
	version string // of OpenSSL
	tls     string // as Version of its streams has it
	keyLog  io.Writer
	closing sync.Once
	closed  error // what Close returns

	mutex  sync.Mutex // one command at a time
	stdin  io.WriteCloser
	stdout *bufio.Reader
	next   uint32 // number of the next connection
	failed error  // why it cannot do anything any more
}

// Start starts the program. The engine has to be closed with Close.
func Start(config Config) (*Engine, error) {
	identity, err := encode(config.Certificate)
	if err != nil {
		return nil, fmt.Errorf("starting the TLS engine: %w", err)
	}
	e := &Engine{command: exec.Command(config.Path, config.TLS), tls: "TLS " + config.TLS, keyLog: config.KeyLog}
	e.command.Stderr = &e.stderr
	if e.stdin, err = e.command.StdinPipe(); err != nil {
		return nil, fmt.Errorf("making a pipe for the TLS engine: %w", err)
	}
	stdout, err := e.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe for the TLS engine: %w", err)
	}
	e.stdout = bufio.NewReader(stdout)
	if err := e.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the TLS engine %s: %w; run scripts/build-subjects", config.Path, err)
	}
	ready, err := e.call(0, commandIdentity, identity)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.version = ready.text
	return e, nil
}

// encode writes certificates and key in PEM.
func encode(certificate tls.Certificate) ([]byte, error) {
	if len(certificate.Certificate) == 0 {
		return nil, errors.New("it has no certificate")
	}
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("its certificate: %w", err)
	}
	if leaf.Subject.String() == "" {
		return nil, errors.New("its certificate has no subject, which libcurl asks for")
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("its key: %w", err)
	}
	var out []byte
	for _, der := range certificate.Certificate {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return append(out, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// Version is what OpenSSL calls itself, "OpenSSL 3.0.19 27 Jan 2026".
func (e *Engine) Version() string { return e.version }

// Server returns the server's end of TLS on a socket that a client has
// connected to. The stream closes the socket when it is closed, as it has to be.
// The handshake happens when it is asked for, or with the first read or write.
func (e *Engine) Server(tcp *net.TCPConn) (*Stream, error) {
	e.mutex.Lock()
	number := e.next
	e.next++
	e.mutex.Unlock()
	if _, err := e.call(number, commandOpen, nil); err != nil {
		return nil, err
	}
	return newStream(e, number, tcp), nil
}

// Close ends the program, and with it TLS on all connections. It returns an
// error if the program reported one.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		if e.failed == nil {
			e.failed = errors.New("the TLS engine is closed")
		}
		e.stdin.Close()
		err := e.command.Wait()
		if said := strings.TrimSpace(e.stderr.String()); err != nil || said != "" {
			e.closed = fmt.Errorf("the TLS engine ended badly (%v): %s", e.command.ProcessState, said)
		}
	})
	return e.closed
}

// call makes the program carry out a command. It waits only for the program,
// which waits for nothing. An error means that the program has ended.
func (e *Engine) call(connection uint32, command byte, content []byte) (*answer, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.failed != nil {
		return nil, e.failed
	}
	err := writeCommand(e.stdin, connection, command, content)
	var a *answer
	if err == nil {
		a, err = readAnswer(e.stdout)
	}
	if err != nil {
		e.failed = fmt.Errorf("the TLS engine has ended; Close returns the reason: %w", err)
		return nil, e.failed
	}
	if len(a.secrets) > 0 && e.keyLog != nil {
		if _, err := e.keyLog.Write(a.secrets); err != nil {
			return nil, fmt.Errorf("writing the secrets of TLS: %w", err)
		}
	}
	return a, nil
}
