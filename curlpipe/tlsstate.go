package curlpipe

import (
	"crypto/tls"
	"crypto/x509"
	"net"

	"github.com/curlpipe/curlpipe/cshim"
)

// tlsState returns the TLS field of responses on a connection; nil without TLS.
func (e *engine) tlsState(c *conn) *tls.ConnectionState {
	if !c.origin.key.handshakes() {
		return nil
	}
	state := &tls.ConnectionState{HandshakeComplete: true, ServerName: e.settings.serverName}
	if state.ServerName == "" {
		state.ServerName = c.origin.key.host
	}
	if net.ParseIP(state.ServerName) != nil {
		state.ServerName = "" // as in crypto/tls: no server name was requested
	}
	h := e.loop.Handshake(c.id)
	if h == nil {
		if c.multiplexes {
			state.NegotiatedProtocol = "h2"
		}
		return state
	}
	state.Version, state.CipherSuite, state.DidResume = h.Version, h.Cipher, h.Resumed
	state.NegotiatedProtocol = h.Protocol
	//lint:ignore SA1019 crypto/tls sets it, so a program may still look
	state.NegotiatedProtocolIsMutual = true
	state.PeerCertificates = parseCertificates(h.Certificates)
	if chain := e.verifiedChain(state, h); len(chain) > 0 {
		state.VerifiedChains = [][]*x509.Certificate{chain}
	}
	state.OCSPResponse = h.Staple
	return state
}

// maxChains limits the chains that are kept. libcurl keeps fewer sessions.
const maxChains = 1000

// verifiedChain returns the chain of a connection's certificate, which OpenSSL has only
// if the handshake made the session. A resumed session has the chain of the one before.
func (e *engine) verifiedChain(state *tls.ConnectionState, h *cshim.Handshake) []*x509.Certificate {
	if e.settings.insecure || len(state.PeerCertificates) == 0 {
		return nil
	}
	leaf := string(state.PeerCertificates[0].Raw)
	chain := parseCertificates(h.Chain)
	switch {
	case len(chain) == 0:
		return e.chains[leaf]
	case e.chains == nil, len(e.chains) == maxChains:
		e.chains = make(map[string][]*x509.Certificate)
	}
	e.chains[leaf] = chain
	return chain
}
