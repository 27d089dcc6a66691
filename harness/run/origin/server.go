package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin/openssl"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// Client is the origin's view of whether the client is stuck.
type Client interface {
	// WaitStuck returns true as soon as the last write that the client tried
	// was blocked, and false when the context ends before that.
	WaitStuck(ctx context.Context) bool
}

// Config says how the origin behaves. The zero value is an honest origin for
// plain HTTP on a free port of 127.0.0.1.
type Config struct {
	// Origin is how it misbehaves.
	scenario.Origin
	// Address to listen on, host and port; empty means 127.0.0.1 and any port.
	Address string
	// TLS is the one version that is spoken, as in plan.Plan.
	TLS string
	// Engine, if not empty, is the path of tls-engine: the origin then uses OpenSSL
	// instead of Go's crypto/tls.
	Engine string
	// HTTP2 makes the origin speak HTTP/2 instead of HTTP/1.1. It needs TLS from Go's
	// crypto/tls, and answers that exist in HTTP/2.
	HTTP2 bool
	// Requests is how many the client is going to make in the whole run. A
	// client that closes a connection before they are answered closes early.
	Requests int
	// Initial is the number of requests that the client makes without waiting for
	// anything; scenario.HoldRest waits for them.
	Initial int
	// NeedNoAnswer are the ids of the requests that may remain unanswered.
	NeedNoAnswer []string
	// Client is needed for StallConnections and for scenario.HoldStuck.
	Client Client
	// Process is needed for answers that have a Signal or a Linger.
	Process Process
	// KeyLog, if not nil, gets the secrets of TLS in the form of SSLKEYLOGFILE,
	// so that captured packets can be decrypted. Connections write to it at the
	// same time, whole lines at once.
	KeyLog io.Writer
}

// Server is a running origin. It has to be stopped with Stop.
type Server struct {
	config   Config
	listener *net.TCPListener
	tls      *tls.Config
	engine   *openssl.Engine
	identity *identity
	serving  sync.WaitGroup

	mutex       sync.Mutex
	connections []*connection
	arrived     map[string]bool // requests of the run, by id
	answered    map[string]bool // requests of the run, by id
	total       int             // requests that have arrived
	stopped     bool            // connections accepted from now on are closed
}

// Start listens and serves. The error wraps ErrAddress if the address cannot be
// used.
func Start(config Config) (*Server, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("starting the origin: %w", err)
	}
	s := &Server{config: config, arrived: make(map[string]bool), answered: make(map[string]bool)}
	if err := s.prepareTLS(); err != nil {
		return nil, err
	}
	listener, err := Listen(config.Address, config.ReceiveBuffer, config.MaxSegment)
	if err != nil {
		if s.engine != nil {
			err = errors.Join(err, s.engine.Close())
		}
		return nil, err
	}
	s.listener = listener
	s.serving.Add(1)
	go s.accept()
	return s, nil
}

// check returns an error if the configuration lacks the client or process that
// the origin has to ask.
func (c *Config) check() error {
	if c.HTTP2 && (c.TLS == plan.PlainText || c.Engine != "" || !c.OverHTTP2()) {
		return errors.New("HTTP/2 needs TLS by Go's own library, and answers that are possible over HTTP/2")
	}
	if c.WatchesClient() && c.Client == nil {
		return errors.New("it has to stall until the client is stuck, but nothing watches the client")
	}
	if c.AsksClient() && c.Process == nil {
		return errors.New("it has to signal or measure the client, but has no access to its process")
	}
	return nil
}

// URL returns scheme and authority, as in "https://127.0.0.1:4443".
func (s *Server) URL() string {
	scheme := "http"
	if s.config.TLS != plan.PlainText {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// Authority returns the certificate authority, in PEM, to verify the origin's
// certificate with; nil without TLS.
func (s *Server) Authority() []byte {
	if s.identity == nil {
		return nil
	}
	return s.identity.authority
}

// Stop ends the origin and returns its log. Connections that the client has
// ended are served to their end. The context limits the wait for all others,
// which the origin then ends itself.
func (s *Server) Stop(ctx context.Context) *Log {
	s.listener.Close()
	Drain(ctx, &s.serving, func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.stopped = true
		for _, c := range s.connections {
			c.endByOrigin()
		}
	})
	log := &Log{Connections: []Connection{}}
	if s.engine != nil {
		if err := s.engine.Close(); err != nil {
			log.Problem = err.Error()
		}
	}
	for _, c := range s.connections {
		log.Connections = append(log.Connections, c.seen)
	}
	log.findEarlyEnds(s.config.Requests, s.config.NeedNoAnswer)
	return log
}

func (s *Server) prepareTLS() error {
	versions := map[string]uint16{plan.TLS12: tls.VersionTLS12, plan.TLS13: tls.VersionTLS13}
	if s.config.TLS == plan.PlainText {
		return nil
	}
	version, known := versions[s.config.TLS]
	if !known {
		return fmt.Errorf("starting the origin: unknown TLS version %q", s.config.TLS)
	}
	var err error
	if s.identity, err = newIdentity(); err != nil {
		return err
	}
	if s.config.Engine != "" {
		s.engine, err = openssl.Start(openssl.Config{
			Path: s.config.Engine, TLS: s.config.TLS, Certificate: s.identity.certificate, KeyLog: s.config.KeyLog,
		})
		return err
	}
	protocol := "http/1.1"
	if s.config.HTTP2 {
		protocol = protocolHTTP2
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{s.identity.certificate},
		MinVersion:   version,
		MaxVersion:   version,
		NextProtos:   []string{protocol},
		// each write goes into one record, up to 16 KB
		DynamicRecordSizingDisabled: true,
		KeyLogWriter:                s.config.KeyLog,
	}
	return nil
}

func (s *Server) accept() {
	defer s.serving.Done()
	for {
		conn, err := s.listener.AcceptTCP()
		if err != nil {
			return // the listener was closed by Stop
		}
		s.mutex.Lock()
		c := &connection{server: s, tcp: conn}
		c.seen.Number, c.seen.Client = len(s.connections)+1, ClientOf(conn)
		c.seen.Requests = []Request{}
		s.connections = append(s.connections, c)
		if s.stopped {
			c.endByOrigin()
		}
		s.mutex.Unlock()
		s.serving.Add(1)
		go func() {
			defer s.serving.Done()
			c.serve()
		}()
	}
}

// noteArrived records a request, and returns how to answer it, by its id,
// connection and position.
func (s *Server) noteArrived(id string, connection, place int) scenario.Answer {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.total++
	again := s.arrived[id]
	s.arrived[id] = true
	for _, p := range s.config.Places {
		if connection <= p.Connections && place == p.Request {
			return p.Answer
		}
	}
	if a := s.config.AnswerTo(id); a.Always || !again {
		return a
	}
	return scenario.Answer{}
}

// arrivals returns how many requests have arrived.
func (s *Server) arrivals() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.total
}

// allArrived reports whether every request has arrived that the client makes
// without waiting.
func (s *Server) allArrived() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.arrived) >= s.config.Initial
}

func (s *Server) noteAnswered(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answered[id] = true
}

// isReset reports whether the error says that the client sent a RST.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isFromClient reports whether the error says that the client ended the
// connection: by FIN, RST or a TLS alert. All others mean that the origin does.
func isFromClient(err error) bool {
	var alert *net.OpError
	return isReset(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &alert) && alert.Op == "remote error" // crypto/tls has no better way to recognise it
}
