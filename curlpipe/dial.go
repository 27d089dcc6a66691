package curlpipe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// dialer makes connected sockets for origins, through a proxy if there is one.
type dialer struct {
	network    net.Dialer
	unixSocket string                      // where all connections go, whatever the host
	resolved   map[string][]netip.Addr     // addresses that the user has set, by host:port
	proxyTLS   func() (*tls.Config, error) // for a proxy with the scheme https
	own        func(ctx context.Context, network, address string) (net.Conn, error)
	ownTLS     func(ctx context.Context, network, address string) (net.Conn, error)

	// for tunnels through a proxy; see the fields of Transport
	userAgent       string
	connectHeader   http.Header
	connectHeaderOf func(context.Context, *url.URL, string) (http.Header, error)
	onConnected     func(context.Context, *url.URL, *http.Request, *http.Response) error

	proxy    *url.URL // of one dial, see route
	http2    bool     // requests multiplex if a server speaks HTTP/2
	connects bool     // libcurl connects a socket again, see connectsAgain
}

// line is a connected socket.
type line struct {
	socket        int // its descriptor
	local, remote net.Addr
	tls           *tls.ConnectionState // of a connection from DialTLSContext
	owned         *owned               // of a connection of the caller's whose socket libcurl has; else nil
	ending        *ownEnd              // the same, and of one whose socket libcurl cannot have
}

// dial connects to an origin. The caller must close the socket.
func (d *dialer) dial(ctx context.Context, to originKey) (line, error) {
	d, err := d.route(to)
	if err != nil {
		return line{}, err
	}
	connection, err := d.connect(ctx, to)
	if err != nil {
		return line{}, err
	}
	var made line
	switch connection.(type) {
	case *net.TCPConn, *net.UnixConn, *tls.Conn: // other types may not know their addresses be
		made.local, made.remote = connection.LocalAddr(), connection.RemoteAddr()
	}
	if to.secured {
		made.tls, err = d.securedState(ctx, connection)
	}
	if err == nil {
		err = d.take(&made, connection, d.own != nil || to.secured)
	}
	if err != nil {
		_ = connection.Close()
	}
	return made, err
}

// route returns the dialer for the proxy of an origin.
func (d *dialer) route(to originKey) (*dialer, error) {
	if to.proxy == "" {
		return d, nil
	}
	routed := *d
	var err error
	routed.proxy, err = url.Parse(to.proxy)
	return &routed, err
}

// securedState returns the state of a connection with the caller's own TLS; nil
// if the connection does not report it.
func (d *dialer) securedState(ctx context.Context, connection net.Conn) (*tls.ConnectionState, error) {
	if own, ok := connection.(*tls.Conn); ok { // perhaps not yet done
		if err := own.HandshakeContext(ctx); err != nil {
			return nil, ofCallers(ctx, err)
		}
	}
	telling, ok := connection.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return nil, nil
	}
	state := telling.ConnectionState()
	switch protocol := state.NegotiatedProtocol; {
	case protocol == "", protocol == "http/1.1", protocol == "h2" && d.http2:
		return &state, nil
	case protocol == "h2":
		return nil, errors.New("DialTLSContext returned a connection for h2: this transport, or this libcurl, has no HTTP/2: leave h2 out of NextProtos")
	default:
		return nil, fmt.Errorf("DialTLSContext returned a connection for %s: leave %s out of NextProtos", protocol, protocol)
	}
}

func (d *dialer) connect(ctx context.Context, to originKey) (net.Conn, error) {
	if to.secured {
		return ownConn(ctx, "DialTLSContext", d.ownTLS, to.host, to.port)
	}
	if d.proxy == nil {
		return d.direct(ctx, to.host, to.port)
	}
	switch {
	case strings.HasPrefix(d.proxy.Scheme, "socks5"):
		return d.throughSOCKS(ctx, to)
	case to.proxied():
		return d.proxyConn(ctx)
	}
	return d.throughHTTP(ctx, to)
}

// direct connects without a proxy, or to the proxy.
func (d *dialer) direct(ctx context.Context, host, port string) (net.Conn, error) {
	if d.own != nil {
		return ownConn(ctx, "DialContext", d.own, host, port)
	}
	if d.unixSocket != "" {
		return d.network.DialContext(ctx, "unix", d.unixSocket)
	}
	addresses := d.given(host, port)
	if addresses == nil {
		return d.network.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}
	var failed []error
	for _, address := range addresses {
		connection, err := d.network.DialContext(ctx, "tcp", net.JoinHostPort(address.String(), port))
		if err == nil {
			return connection, nil
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// ownConn connects with the user's function.
func ownConn(ctx context.Context, name string, dial func(context.Context, string, string) (net.Conn, error), host, port string) (net.Conn, error) {
	connection, err := dial(ctx, "tcp", net.JoinHostPort(host, port))
	if err == nil && connection == nil {
		return nil, errors.New(name + " returned neither a connection nor an error")
	}
	return connection, ofCallers(ctx, err)
}

// ofCallers marks an error as the caller's own, unless it comes from ConnectTimeout.
func ofCallers(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return &callersError{err: err}
}

// given returns the addresses that the user has set for a host; nil if none.
func (d *dialer) given(host, port string) []netip.Addr {
	host = strings.ToLower(host)
	if addresses, ok := d.resolved[host+":"+port]; ok {
		return addresses
	}
	return d.resolved["*:"+port]
}
