package curlpipe

import (
	"fmt"
	"slices"
)

// protocols are the versions of HTTP that a transport speaks.
type protocols struct {
	http1 bool // over TLS
	http2 bool // the same
	prior bool // HTTP/2, and nothing else, without TLS
}

// spoken returns what Protocols or, without it, TLSClientConfig asks for.
func (t *Transport) spoken() protocols {
	if wanted := t.Protocols; wanted != nil {
		return protocols{
			http1: wanted.HTTP1() || !wanted.HTTP2(),
			http2: wanted.HTTP2(),
			prior: wanted.UnencryptedHTTP2() && !wanted.HTTP1(),
		}
	}
	var names []string
	if t.TLSClientConfig != nil {
		names = t.TLSClientConfig.NextProtos
	}
	return protocols{http1: true, http2: len(names) == 0 || slices.Contains(names, "h2")}
}

// mode returns the mode of requests that would share connections in this one.
func (p protocols) mode(mode Mode, lib library) (Mode, error) {
	switch {
	case mode != ModeMultiplexing && (p.prior || !p.http1):
		return "", fmt.Errorf("%w: Protocols without HTTP1: %s, mode %s, speaks no HTTP/2: set HTTP1", ErrUnsupportedByLibcurl, lib.version, mode)
	case mode == ModeMultiplexing && !p.prior && !p.http2:
		return ModeInTurn, nil
	}
	return mode, nil
}
