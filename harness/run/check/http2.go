package check

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
)

// protocolHTTP2 is the name of HTTP/2 in ALPN.
const protocolHTTP2 = "h2"

// handler answers the requests of HTTP/2.
func (c *connection) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return // the client has given the request up
		}
		place := c.arrived(r, n, 0, 0)
		w.Header().Set("Content-Type", "text/plain")
		_, err = io.WriteString(w, body(r))
		c.answered(place, err)
	})
}

// serveHTTP2 serves a connection that has agreed on HTTP/2. Below is what its
// TLS reads from.
func (c *connection) serveHTTP2(secured *tls.Conn, below *watched) {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	listener := &single{conn: secured, ended: make(chan struct{})}
	server := &http.Server{
		Handler: c.handler(), Protocols: &protocols, ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				listener.end()
			}
		},
	}
	_ = server.Serve(listener) // always the error of the listener: that is how it ends
	c.end(below.failure())
}

// single is a listener that has one connection to give, and ends with it.
type single struct {
	conn  net.Conn
	given bool
	once  sync.Once
	ended chan struct{}
}

func (s *single) end() { s.once.Do(func() { close(s.ended) }) }

func (s *single) Accept() (net.Conn, error) {
	if !s.given {
		s.given = true
		return s.conn, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

func (s *single) Close() error { return nil }

func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

// watched is a connection that keeps the first error of reading.
type watched struct {
	net.Conn
	mutex sync.Mutex
	err   error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.mutex.Lock()
		if w.err == nil {
			w.err = err
		}
		w.mutex.Unlock()
	}
	return n, err
}

func (w *watched) failure() error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.err
}
