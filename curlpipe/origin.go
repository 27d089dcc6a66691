package curlpipe

import (
	"crypto/tls"
	"net/url"
)

// originKey names a server: requests to one origin share its connections
// [RFC 9110 §4.3.1].
type originKey struct{ scheme, authority string }

// host is the name or address in the authority.
func (k originKey) host() string { return (&url.URL{Host: k.authority}).Hostname() }

// origin is one server: the calls that wait for room on its connections, oldest
// first, and how many are in flight.
type origin struct {
	number      uint32 // for the loop
	first, last *call
	inFlight    int
	exclusive   int  // of these, those that share no connection
	listed      bool // in engine.ready

	// A response has come when the loop had closed provenAt sockets. When the
	// loop has closed more since, the connection may be another one.
	proven      bool
	provenAt    uint64
	multiplexes bool // that response came over HTTP/2

	tls *tls.ConnectionState // of the last response
}

// push puts a call at the end of the queue.
func (o *origin) push(c *call) {
	c.next, c.previous = nil, o.last
	if o.last != nil {
		o.last.next = c
	} else {
		o.first = c
	}
	o.last = c
}

// remove takes a call out of the queue.
func (o *origin) remove(c *call) {
	if c.next != nil {
		c.next.previous = c.previous
	} else {
		o.last = c.previous
	}
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		o.first = c.next
	}
	c.next, c.previous = nil, nil
}

// answered notes how the server answered.
func (o *origin) answered(multiplexed bool, socketsClosed uint64) {
	o.proven, o.provenAt, o.multiplexes = true, socketsClosed, multiplexed
}

// tlsState is what responses of the origin, which has that key, say of TLS: as
// much as is known, one for as many as possible; nil without TLS.
func (o *origin) tlsState(key originKey, serverName string, multiplexed bool) *tls.ConnectionState {
	if key.scheme != "https" {
		return nil
	}
	var protocol string
	if multiplexed {
		protocol = "h2"
	}
	if o.tls == nil || o.tls.NegotiatedProtocol != protocol {
		if serverName == "" {
			serverName = key.host()
		}
		o.tls = &tls.ConnectionState{HandshakeComplete: true, ServerName: serverName, NegotiatedProtocol: protocol}
	}
	return o.tls
}

// hasRoom tells whether the first in the queue may go. libcurl pipelines and
// multiplexes only when it has seen a response of the server on the connections
// it has, and keeps what it gets before in a list that it walks again and again,
// and takes out in no good order. So until then, and where the server or libcurl
// can do neither, it gets one request a connection. A request that shares no
// connection waits until all connections are free of others, and others wait
// until it has ended.
func (o *origin) hasRoom(s *settings, socketsClosed uint64) bool {
	c := o.first
	if c == nil {
		return false
	}
	proven := o.proven && o.provenAt == socketsClosed
	switch {
	case o.multiplexes: // libcurl waits for the next connection by itself
		return o.inFlight < s.perOrigin()
	case c.flags.exclusive:
		return o.inFlight == o.exclusive && o.inFlight < s.connections
	case o.exclusive > 0:
		return false
	case proven && s.mode == ModePipelining:
		return o.inFlight < s.perOrigin()
	}
	return o.inFlight < s.connections
}
