package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Relay is a relay between client and server on loopback. It delays each byte by
// half of the round-trip time, in both directions, however many bytes are in
// flight. It counts the TLS records that the client sends. The caller must close
// it.
type Relay struct {
	listener net.Listener
	target   string
	delay    time.Duration // one way
	group    sync.WaitGroup

	// Records counts the TLS records from clients, Connections their connections.
	Records, Connections atomic.Int64

	mutex sync.Mutex
	open  map[net.Conn]bool // nil after Close
}

// relayPiece is the most that is read at once. relayPieces is the most pieces
// in transit in one direction: 64 MiB, more than clients and server here ever
// leave unanswered.
const (
	relayPiece  = 64 << 10
	relayPieces = 1024
)

// StartRelay listens on loopback and relays to the target.
func StartRelay(target string, roundTrip time.Duration) (*Relay, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	r := &Relay{listener: listener, target: target, delay: roundTrip / 2, open: make(map[net.Conn]bool)}
	r.group.Go(r.accept)
	return r, nil
}

// Address is the address that clients connect to.
func (r *Relay) Address() string { return r.listener.Addr().String() }

// Close ends all connections and waits until nothing is running.
func (r *Relay) Close() {
	_ = r.listener.Close()
	r.mutex.Lock()
	for connection := range r.open {
		_ = connection.Close()
	}
	r.open = nil
	r.mutex.Unlock()
	r.group.Wait()
}

// keep records a connection for Close. It returns false after Close.
func (r *Relay) keep(connection net.Conn) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.open == nil {
		_ = connection.Close()
		return false
	}
	r.open[connection] = true
	return true
}

func (r *Relay) drop(connection net.Conn) {
	_ = connection.Close()
	r.mutex.Lock()
	delete(r.open, connection)
	r.mutex.Unlock()
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.Connections.Add(1)
		if !r.keep(client) {
			return
		}
		r.group.Go(func() { r.relay(client) })
	}
}

func (r *Relay) relay(client net.Conn) {
	defer r.drop(client)
	server, err := net.Dial("tcp", r.target)
	if err != nil || !r.keep(server) {
		return
	}
	defer r.drop(server)
	var both sync.WaitGroup
	both.Go(func() { r.pass(server, client, &recordCounter{total: &r.Records}) })
	both.Go(func() { r.pass(client, server, nil) })
	both.Wait()
}

// piece is what was read at once, and when to send it.
type piece struct {
	due  time.Time
	data []byte
}

// pass relays the pieces until the sender has ended and all of them were sent.
func (r *Relay) pass(to, from net.Conn, counter *recordCounter) {
	pieces := make(chan piece, relayPieces)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pieces)
		buffer := make([]byte, relayPiece)
		for {
			n, err := from.Read(buffer)
			if n > 0 {
				pieces <- piece{time.Now().Add(r.delay), append([]byte(nil), buffer[:n]...)}
			}
			if err != nil {
				return
			}
		}
	})
	broken := false
	for next := range pieces {
		time.Sleep(time.Until(next.due))
		if counter != nil {
			counter.count(next.data)
		}
		if !broken {
			_, err := to.Write(next.data)
			broken = err != nil
		}
	}
	_ = to.(*net.TCPConn).CloseWrite() // it may be closed already
	if broken {
		_ = from.Close()
	}
	reading.Wait()
}

// recordCounter follows the headers of TLS records: type, version, length
// [RFC 8446 §5.1].
type recordCounter struct {
	total  *atomic.Int64
	header []byte
	left   int // bytes left in the payload of the current record
}

const recordHeader = 5

func (c *recordCounter) count(data []byte) {
	for len(data) > 0 {
		if c.left > 0 {
			n := min(c.left, len(data))
			c.left -= n
			data = data[n:]
			continue
		}
		n := min(recordHeader-len(c.header), len(data))
		c.header = append(c.header, data[:n]...)
		data = data[n:]
		if len(c.header) == recordHeader {
			c.left = int(binary.BigEndian.Uint16(c.header[3:]))
			c.header = c.header[:0]
			c.total.Add(1)
		}
	}
}
