// Package check judges any HTTP client, of which nothing is known but its
// command: from what an origin sees of it, from the packets, and from the
// interposer where the client links OpenSSL dynamically.
//
// It stands beside package lab, whose subjects say themselves what they did.
// The origin here is honest: it answers every request, speaks HTTP/1.0, 1.1
// and 2, and writes the same log as package origin.
package check

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// Config says how the origin behaves.
type Config struct {
	// Address to listen on, host and port; empty means 127.0.0.1 and any port.
	Address string
	// Plain is true for HTTP without TLS.
	Plain bool
	// HTTP2 is true to offer HTTP/2 to those who ask for it with ALPN.
	HTTP2 bool
	// ReceiveBuffer, if not 0, is SO_RCVBUF in bytes.
	ReceiveBuffer int
	// Client, if not nil, makes the origin stop reading after each request but
	// the first until the client is stuck in a write, as far as it ever is.
	Client origin.Client
	// KeyLog, if not nil, gets the secrets of TLS.
	KeyLog io.Writer
	// Secured, if not nil, is told both addresses of each connection whose
	// handshake is through, before anything else happens there.
	Secured func(client, server netip.AddrPort)
	// Say, if not nil, is told in one line of each thing that happens, by one
	// goroutine at a time.
	Say func(line string)
}

// Server is a running origin. It has to be stopped with Stop.
type Server struct {
	config    Config
	listener  net.Listener
	tls       *tls.Config
	authority []byte
	serving   sync.WaitGroup

	mutex       sync.Mutex // guards what follows, and what the connections have seen
	connections []*connection
	stopped     bool
}

// Start listens and serves. The error wraps origin.ErrAddress if it cannot
// listen there.
func Start(config Config) (*Server, error) {
	s := &Server{config: config}
	if !config.Plain {
		certificate, authority, err := origin.NewIdentity()
		if err != nil {
			return nil, err
		}
		s.authority = authority
		s.tls = &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
			NextProtos: []string{"http/1.1"}, KeyLogWriter: config.KeyLog,
		}
		if config.HTTP2 {
			s.tls.NextProtos = []string{protocolHTTP2, "http/1.1"}
		}
	}
	listener, err := origin.Listen(config.Address, config.ReceiveBuffer, 0)
	if err != nil {
		return nil, err
	}
	s.listener = listener
	s.serving.Add(1)
	go s.accept()
	return s, nil
}

// URL returns scheme and authority, as in "https://127.0.0.1:4443".
func (s *Server) URL() string {
	if s.config.Plain {
		return "http://" + s.listener.Addr().String()
	}
	return "https://" + s.listener.Addr().String()
}

// Authority returns the certificate, in PEM, that the origin's own is to be
// verified against; nil without TLS.
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
	s.mutex.Lock()
	defer s.mutex.Unlock() // a handler of HTTP/2 may outlive its connection
	log := &origin.Log{Connections: []origin.Connection{}}
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

// body is what a request is answered with: the id of the request, or its
// target.
func body(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" {
		return id + "\n"
	}
	return r.URL.RequestURI() + "\n"
}
