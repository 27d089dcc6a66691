package fleet

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

const (
	// receiveBuffer is SO_RCVBUF of the server's connections: small, so that a
	// client's writes are blocked soon after the server has stopped reading.
	receiveBuffer = 4096
	// stallBound ends a stall if the client does not get stuck.
	stallBound = 2 * time.Second
	// stuckCheck is how often a stalled connection checks what has arrived.
	stuckCheck = 20 * time.Millisecond
	// stuckChecks is the number of checks in a row during which nothing more
	// must arrive.
	stuckChecks = 5
	// stuckBytes is how much must be unread: less than the receive buffer holds
	// and more than a request.
	stuckBytes = receiveBuffer / 2
)

// versions are crypto/tls's numbers of the TLS versions.
var versions = map[string]uint16{plan.TLS12: tls.VersionTLS12, plan.TLS13: tls.VersionTLS13}

// server answers every request with its id, and counts what it costs.
type server struct {
	listener   *net.TCPListener
	tls        *tls.Config
	authority  []byte // PEM
	stallEvery int64  // a stall after this many answered requests of all clients; 0 for never

	serving     sync.WaitGroup
	mutex       sync.Mutex
	stopped     bool
	open        map[net.Conn]struct{}
	peak        int
	connections atomic.Int64
	handshakes  atomic.Int64
	resets      atomic.Int64
	answered    atomic.Int64
	stalls      atomic.Int64
	stuck       atomic.Int64 // stalls that ended because the client was stuck
}

// startServer listens on an address for the clients of a run. Its certificate
// has the hosts. stop ends it.
func startServer(address string, parameters *Parameters, hosts []string) (*server, error) {
	certificate, authority, err := origin.NewIdentity(hosts...)
	if err != nil {
		return nil, err
	}
	listener, err := origin.Listen(address, receiveBuffer, 0)
	if err != nil {
		return nil, fmt.Errorf("starting the fleet's server: %w", err)
	}
	version := versions[parameters.TLS]
	s := &server{
		listener: listener, authority: authority, open: map[net.Conn]struct{}{},
		stallEvery: int64(parameters.StallEvery) * int64(parameters.Clients),
		tls: &tls.Config{
			Certificates: []tls.Certificate{certificate},
			MinVersion:   version, MaxVersion: version,
			// a new connection costs a full handshake, as in the report
			SessionTicketsDisabled: true,
		},
	}
	s.serving.Add(1)
	go s.accept()
	return s, nil
}

func (s *server) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// count returns the counts. It may be called after stop.
func (s *server) count() Counted {
	return Counted{
		Connections: s.connections.Load(), PeakConnections: s.peak, Handshakes: s.handshakes.Load(),
		Resets: s.resets.Load(), Responses: s.answered.Load(), Stalls: s.stalls.Load(), StuckStalls: s.stuck.Load(),
	}
}

// stop closes every connection and waits until all are counted.
func (s *server) stop() {
	s.listener.Close()
	s.mutex.Lock()
	s.stopped = true
	for c := range s.open {
		c.Close()
	}
	s.mutex.Unlock()
	s.serving.Wait()
}

func (s *server) accept() {
	defer s.serving.Done()
	for {
		tcp, err := s.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, for a moment
			time.Sleep(stuckCheck)
			continue
		}
		s.mutex.Lock()
		if s.stopped {
			tcp.Close()
		} else {
			s.open[tcp] = struct{}{}
			s.peak = max(s.peak, len(s.open))
			s.connections.Add(1)
			s.serving.Add(1)
			go s.serve(tcp)
		}
		s.mutex.Unlock()
	}
}

func (s *server) serve(tcp *net.TCPConn) {
	defer s.serving.Done()
	err := s.answerAll(tcp)
	tcp.Close()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.open, tcp)
	if !s.stopped && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
		s.resets.Add(1)
	}
}

// answerAll answers until the client leaves, and returns how the connection
// ended.
func (s *server) answerAll(tcp *net.TCPConn) error {
	stream := tls.Server(tcp, s.tls)
	if err := stream.Handshake(); err != nil {
		return err
	}
	s.handshakes.Add(1)
	source := origin.NewHeadLimit(stream)
	reader := bufio.NewReaderSize(source, receiveBuffer)
	seen := s.epoch()
	for {
		source.Head()
		request, err := http.ReadRequest(reader)
		if err != nil {
			return err
		}
		if now := s.epoch(); now > seen {
			seen = now
			s.stall(tcp)
		}
		id := strings.TrimPrefix(request.URL.Path, "/") + "\n"
		if _, err := io.WriteString(stream, response(id)); err != nil {
			return err
		}
		s.answered.Add(1)
	}
}

// epoch returns how often the server has stalled. At each stall every open
// connection stops reading once.
func (s *server) epoch() int64 {
	if s.stallEvery == 0 {
		return 0
	}
	return s.answered.Load() / s.stallEvery
}

// stall reads nothing until the client is stuck: the unread bytes fill the
// buffer and do not increase. The response that follows makes stock libcurl
// write the next request instead of the blocked one.
func (s *server) stall(tcp *net.TCPConn) {
	s.stalls.Add(1)
	tick := time.NewTicker(stuckCheck)
	defer tick.Stop()
	last, same := 0, 0
	for until := time.Now().Add(stallBound); time.Now().Before(until); {
		<-tick.C
		waiting, err := unread(tcp)
		if err != nil {
			return // it is closed
		}
		if waiting != last || waiting < stuckBytes {
			last, same = waiting, 0
		} else if same++; same == stuckChecks {
			s.stuck.Add(1)
			return
		}
	}
}

// unread returns the number of unread bytes that have arrived.
func unread(tcp *net.TCPConn) (int, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var failed error
	err = raw.Control(func(fd uintptr) { n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n, errors.Join(err, failed)
}

// padding makes responses as long as the report's server's status replies.
var padding = strings.Repeat(".", 200)

func response(id string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(id)+len(padding), id, padding)
}
