// Package check judges any HTTP client. It knows only the client's command, and
// judges from what the origin sees, from the packets and, if the client links
// OpenSSL dynamically, from the interposer's events.
//
// It stands beside package lab, whose subjects report what they did. The origin
// here answers every request, speaks HTTP/1.0, 1.1 and 2, and writes the same log
// as package origin. It is honest, except for one [Scenario] that may happen to
// one request.
package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/origin/openssl"
)

// Config says how the origin behaves.
type Config struct {
	// Address to listen on, host and port; empty means 127.0.0.1 and any port.
	Address string
	// Plain is true for HTTP without TLS.
	Plain bool
	// HTTP2 offers HTTP/2 in ALPN.
	HTTP2 bool
	// TLS is the one version that is spoken, "1.2" or "1.3"; empty for both.
	TLS string
	// Scenario, if not nil, is the misbehaviour, which happens once.
	Scenario *Scenario
	// Engine is the path of tls-engine. Scenarios need it that send TLS messages
	// outside of a handshake.
	Engine string
	// Host replaces the address in the URL: "localhost", or another name of the
	// loopback interface. The certificate is valid for it, too.
	Host string
	// ReceiveBuffer, if not 0, is SO_RCVBUF in bytes.
	ReceiveBuffer int
	// Stall makes the origin stop reading after each request except the first
	// until the client is stuck in a write, or for a bounded time if it never is.
	Stall bool
	// Client reports when the client is stuck. Stall needs it, and some scenarios
	// do.
	Client origin.Client
	// KeyLog, if not nil, gets the secrets of TLS.
	KeyLog io.Writer
	// Secured, if not nil, is called with both addresses of a connection after
	// its handshake, before anything else happens on it.
	Secured func(client, server netip.AddrPort)
	// Say, if not nil, is called with a line about each thing that happens, by
	// one goroutine at a time.
	Say func(line string)
}

// Server is a running origin. It has to be stopped with Stop.
type Server struct {
	config    Config
	listener  net.Listener
	tls       *tls.Config
	engine    *openssl.Engine
	authority []byte
	words     words
	serving   sync.WaitGroup

	mutex       sync.Mutex // guards the fields below, and the connections' records
	connections []*connection
	stopped     bool
	chosen      bool // the scenario's request has arrived
	deed        Deed
	clogs       int
}

// Start listens and serves. The error wraps origin.ErrAddress if it cannot
// listen there.
func Start(config Config) (*Server, error) {
	s := &Server{config: config}
	if config.Scenario != nil {
		s.words = newWords()
	}
	if err := s.prepareTLS(); err != nil {
		return nil, err
	}
	listener, err := origin.Listen(config.Address, config.ReceiveBuffer, 0)
	if err != nil {
		return nil, errors.Join(err, s.closeEngine())
	}
	s.listener = listener
	s.serving.Add(1)
	go s.accept()
	return s, nil
}

// versions of TLS that the origin supports.
var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// prepareTLS makes a certificate, and what speaks TLS with it.
func (s *Server) prepareTLS() error {
	if s.config.Plain {
		return nil
	}
	var names []string
	if s.config.Host != "" {
		names = append(names, s.config.Host)
	}
	certificate, authority, err := origin.NewIdentity(names...)
	if err != nil {
		return err
	}
	s.authority = authority
	version := s.config.TLS
	if s.config.Scenario != nil {
		version = cmp.Or(s.config.Scenario.TLS, version)
		if s.config.Scenario.NeedsEngine() {
			s.engine, err = openssl.Start(openssl.Config{
				Path: s.config.Engine, TLS: version, Certificate: certificate, KeyLog: s.config.KeyLog,
			})
			return err
		}
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"}, KeyLogWriter: s.config.KeyLog,
		DynamicRecordSizingDisabled: true, // each write goes into one record
	}
	if version != "" {
		s.tls.MinVersion, s.tls.MaxVersion = versions[version], versions[version]
	}
	if s.config.HTTP2 {
		s.tls.NextProtos = []string{protocolHTTP2, "http/1.1"}
	}
	return nil
}

// secured reports whether the origin speaks TLS.
func (s *Server) secured() bool { return s.tls != nil || s.engine != nil }

func (s *Server) closeEngine() error {
	if s.engine == nil {
		return nil
	}
	return s.engine.Close()
}

// Host returns the name or address in the URL, and Port the port.
func (s *Server) Host() string {
	return cmp.Or(s.config.Host, s.listener.Addr().(*net.TCPAddr).IP.String())
}

// Port returns the port that the origin listens on.
func (s *Server) Port() string {
	return strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port)
}

// URL returns scheme and authority, as in "https://127.0.0.1:4443".
func (s *Server) URL() string {
	scheme := "https://"
	if s.config.Plain {
		scheme = "http://"
	}
	return scheme + net.JoinHostPort(s.Host(), s.Port())
}

// Authority returns the certificate authority, in PEM, to verify the origin's
// certificate with; nil without TLS.
func (s *Server) Authority() []byte { return s.authority }

func (s *Server) accept() {
	defer s.serving.Done()
	for {
		tcp, err := s.listener.Accept()
		if err != nil {
			return // the listener was closed by Stop
		}
		s.mutex.Lock()
		c := &connection{server: s, tcp: tcp.(*net.TCPConn), pending: make(map[int]bool)}
		c.seen.Number, c.seen.Client = len(s.connections)+1, origin.ClientOf(tcp)
		c.seen.Requests = []origin.Request{}
		s.connections = append(s.connections, c)
		stopped := s.stopped
		s.mutex.Unlock()
		if stopped {
			tcp.Close()
			continue
		}
		s.serving.Add(1)
		go func() {
			defer s.serving.Done()
			c.serve()
		}()
	}
}

// Stop ends the origin and returns what it saw. The context bounds the wait
// for connections that the client has left open.
func (s *Server) Stop(ctx context.Context) *origin.Log {
	s.listener.Close()
	origin.Drain(ctx, &s.serving, func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.stopped = true
		for _, c := range s.connections {
			c.ours = true
			c.tcp.Close()
		}
	})
	log := &origin.Log{Connections: []origin.Connection{}}
	if err := s.closeEngine(); err != nil {
		log.Problem = err.Error()
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, c := range s.connections {
		seen := c.seen
		seen.Requests = slices.Clone(seen.Requests)
		log.Connections = append(log.Connections, seen)
	}
	return log
}

// Protocols returns the version of HTTP that each connection spoke, "" for one
// without a request.
func (s *Server) Protocols() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var list []string
	for _, c := range s.connections {
		list = append(list, c.protocol)
	}
	return list
}

// Deed returns what the origin has done in the scenario.
func (s *Server) Deed() Deed {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.deed
}
