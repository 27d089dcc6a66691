package curlpipe

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// originKey identifies a server. Requests to one origin share its connections
// [RFC 9110 §4.3.1]. A server has one key, however its URLs are spelled.
type originKey struct {
	scheme, host, port string
	proxy              string // its URL; empty: none
	secured            bool   // TLS is DialTLSContext's
	prior              bool   // the server is known to speak HTTP/2, without TLS
}

// originOf returns the key of a URL's server.
func originOf(u *url.URL) originKey {
	key := originKey{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if key.port == "" {
		key.port = portOf(u.Scheme)
	}
	return key
}

// portOf returns the default port of a scheme.
func portOf(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// proxied reports whether a proxy gets the requests themselves, in the absolute
// form [RFC 9112 §3.2.2]. That is so for http requests through an http proxy, but
// HTTP/2 goes through a tunnel, as TLS does.
func (k originKey) proxied() bool {
	return k.scheme == "http" && !k.prior && strings.HasPrefix(k.proxy, "http")
}

// handshakes reports whether libcurl makes the TLS handshake.
func (k originKey) handshakes() bool { return k.scheme == "https" && !k.secured }

// address returns the address on which the origin's server listens.
func (k originKey) address() string { return net.JoinHostPort(k.host, k.port) }

// origin is a server with its connections, and the calls that wait for one. It
// exists as long as it has either.
type origin struct {
	key     originKey
	waiting queue
	conns   []*conn // those under way included
	listed  bool    // in engine.ready
	making  int     // number of handles that are being made for its calls
	http11  bool    // the server requires HTTP/1.1, or Protocols do, where others may have HTTP/2

	patience time.Duration // the engine's
}

// room finds a connection for the first waiting call: an idle one, or else the
// one with the fewest requests. If best is nil, the call has to wait, and look
// is when to look again even if nothing has changed; zero means never. open
// means that another connection is needed. looked is engine.looked.
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
			continue // it accepts no more requests
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
	// prefer an own connection, if it will be ready soon, to a place behind
	// others
	soon := youngest.Add(o.patience)
	if open {
		soon = now.Add(o.patience)
	}
	if now.Before(soon) {
		return nil, open, earlier(look, soon)
	}
	return best, open, look
}

// other reports whether a connection other than c is in this state and accepts
// requests now, or will when its own have been answered.
func (o *origin) other(c *conn, state connState) bool {
	return slices.ContainsFunc(o.conns, func(each *conn) bool {
		return each != c && each.state == state && each.holdsUntil().IsZero()
	})
}

// waitsFor reports whether the waiting calls have no open connection besides c,
// other than connections that are held up as well.
func (o *origin) waitsFor(c *conn) bool { return o.waiting.first != nil && !o.other(c, connOpen) }

// earlier returns the earlier of two times; zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
