package curlpipe

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// originKey names a server: requests to one origin share its connections
// [RFC 9110 §4.3.1]. One server has one key, however its URLs spell it.
type originKey struct {
	scheme, host, port string
	proxy              string // its URL; empty: none
	secured            bool   // TLS is DialTLSContext's
}

// originOf is the key of a URL's server.
func originOf(u *url.URL) originKey {
	key := originKey{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if key.port == "" {
		key.port = portOf(u.Scheme)
	}
	return key
}

// proxied tells whether requests go to a proxy as they are, in the absolute form
// [RFC 9112 §3.2.2]: http ones through an http proxy.
func (k originKey) proxied() bool {
	return k.scheme == "http" && strings.HasPrefix(k.proxy, "http")
}

// handshakes tells whether libcurl does TLS with it.
func (k originKey) handshakes() bool { return k.scheme == "https" && !k.secured }

// address is where the origin's server listens.
func (k originKey) address() string { return net.JoinHostPort(k.host, k.port) }

// origin is one server: its connections, and the calls that wait for room on
// them. It is known as long as it has either.
type origin struct {
	key     originKey
	waiting queue
	conns   []*conn // those under way included
	listed  bool    // in engine.ready
	making  int     // handles for its calls that are being made
	http11  bool    // the server wants HTTP/1.1
}

// room finds a connection for the first of those that wait: one at rest, else
// the one with the fewest requests. Nil: it has to wait, and look is when things
// may have changed though nothing has happened; zero: never. open: one more
// connection is due. looked is engine.looked.
func (o *origin) room(s *settings, now, looked time.Time) (best *conn, open bool, look time.Time) {
	first := o.waiting.first
	counted, dialing, held := 0, 0, false
	var youngest time.Time
	for _, c := range o.conns {
		switch {
		case c.state == connDialing:
			dialing++
			if c.since.After(youngest) {
				youngest = c.since
			}
		case c.state != connOpen:
			continue // it takes no more, and is as good as gone
		case c.takes(first, s, looked):
			if best == nil || c.inFlight < best.inFlight {
				best = c
			}
		}
		counted++
		if until := c.holdsUntil(); !until.IsZero() {
			if looked.Before(until) {
				look = earlier(look, until)
			} else {
				held = true
			}
		}
	}
	if best != nil && best.inFlight == 0 {
		return best, false, time.Time{}
	}
	most := s.connections
	if held {
		most++
	}
	open = counted < most && dialing < o.waiting.length
	if !open && dialing == 0 || best == nil {
		return best, open, look
	}
	// a connection for itself rather than a place behind others, if it is to be
	// had soon
	soon := youngest.Add(patience)
	if open {
		soon = now.Add(patience)
	}
	if now.Before(soon) {
		return nil, open, earlier(look, soon)
	}
	return best, open, look
}

// other tells whether there is a connection in this state besides c that takes
// requests, or will when it has answered those that it has.
func (o *origin) other(c *conn, state connState) bool {
	return slices.ContainsFunc(o.conns, func(each *conn) bool {
		return each != c && each.state == state && each.holdsUntil().IsZero()
	})
}

// waitsFor tells whether those that wait have no other connection than c and
// such as are held up themselves.
func (o *origin) waitsFor(c *conn) bool { return o.waiting.first != nil && !o.other(c, connOpen) }

// earlier is the first of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
