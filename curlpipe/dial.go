package curlpipe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
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
	connects bool     // libcurl connects a socket again, see connectsAgain
}

// line is a connected socket.
type line struct {
	socket        int // its descriptor
	local, remote net.Addr
	tls           *tls.ConnectionState // of a connection from DialTLSContext
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
		made.tls, err = securedState(ctx, connection)
	}
	if err == nil {
		made.socket, err = d.descriptor(connection)
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
func securedState(ctx context.Context, connection net.Conn) (*tls.ConnectionState, error) {
	if own, ok := connection.(*tls.Conn); ok { // perhaps not yet done
		if err := own.HandshakeContext(ctx); err != nil {
			return nil, err
		}
	}
	telling, ok := connection.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return nil, nil
	}
	state := telling.ConnectionState()
	if protocol := state.NegotiatedProtocol; protocol != "" && protocol != "http/1.1" {
		return nil, fmt.Errorf("DialTLSContext returned a connection for %s: HTTP/1.1 alone is spoken there: leave %s out of NextProtos", protocol, protocol)
	}
	return &state, nil
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
		err = errors.New(name + " returned neither a connection nor an error")
	}
	return connection, err
}

// given returns the addresses that the user has set for a host; nil if none.
func (d *dialer) given(host, port string) []netip.Addr {
	host = strings.ToLower(host)
	if addresses, ok := d.resolved[host+":"+port]; ok {
		return addresses
	}
	return d.resolved["*:"+port]
}

// proxyConn connects to the proxy.
func (d *dialer) proxyConn(ctx context.Context) (net.Conn, error) {
	connection, err := d.direct(ctx, d.proxy.Hostname(), proxyPort(d.proxy))
	if err != nil {
		return nil, d.proxyError(err)
	}
	if d.proxy.Scheme != "https" {
		return connection, nil
	}
	config, err := d.proxyTLS()
	if err == nil {
		config.ServerName = d.proxy.Hostname()
		secured := tls.Client(connection, config)
		if err = secured.HandshakeContext(ctx); err == nil {
			return secured, nil
		}
	}
	_ = connection.Close()
	return nil, d.proxyError(err)
}

// proxyPort returns the port of a proxy.
func proxyPort(proxy *url.URL) string {
	if port := proxy.Port(); port != "" {
		return port
	}
	if strings.HasPrefix(proxy.Scheme, "socks5") {
		return "1080"
	}
	return portOf(proxy.Scheme)
}

// proxyError marks an error as the proxy's, as net/http does.
func (d *dialer) proxyError(err error) error {
	return fmt.Errorf("proxy %s: %w", d.proxy.Host, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err})
}

// whileContext runs an exchange over a connection, and interrupts it when the
// context ends. It closes the connection after an error.
func whileContext(ctx context.Context, connection net.Conn, exchange func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = connection.SetDeadline(time.Unix(1, 0)) })
	err := exchange()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		_ = connection.Close()
	}
	return err
}

// throughHTTP asks a proxy for a tunnel [RFC 9110 §9.3.6].
func (d *dialer) throughHTTP(ctx context.Context, to originKey) (net.Conn, error) {
	connection, err := d.proxyConn(ctx)
	if err != nil {
		return nil, err
	}
	err = whileContext(ctx, connection, func() error { return d.tunnel(ctx, connection, to.address()) })
	if err != nil {
		return nil, fmt.Errorf("proxy %s: CONNECT %s: %w", d.proxy.Host, to.address(), err)
	}
	return connection, nil
}

// largestAnswer limits the size of a proxy's response to CONNECT.
const largestAnswer = 256 << 10

func (d *dialer) tunnel(ctx context.Context, connection net.Conn, address string) error {
	header := d.connectHeader.Clone()
	if d.connectHeaderOf != nil {
		var err error
		if header, err = d.connectHeaderOf(ctx, d.proxy, address); err != nil {
			return err
		}
		header = header.Clone()
	}
	if header == nil {
		header = make(http.Header)
	}
	if _, ok := header["User-Agent"]; !ok {
		header.Set("User-Agent", d.userAgent)
	}
	request := &http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: address},
		Host:   address,
		Header: header,
	}
	if user := d.proxy.User; user != nil && header.Get("Proxy-Authorization") == "" {
		header.Set("Proxy-Authorization", basic(user))
	}
	if err := request.Write(connection); err != nil {
		return err
	}
	for {
		// nothing beyond the section is read, because it would be lost to the
		// next reader
		section, err := readSection(io.LimitReader(connection, largestAnswer))
		if err != nil {
			return err
		}
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(section)), request)
		if err != nil {
			return err
		}
		if d.onConnected != nil && response.StatusCode/100 != 1 {
			if err := d.onConnected(ctx, d.proxy, request, response); err != nil {
				return err
			}
		}
		switch {
		case response.StatusCode/100 == 2:
			return nil
		case response.StatusCode/100 != 1:
			if _, text, _ := strings.Cut(response.Status, " "); text == "" {
				return fmt.Errorf("the proxy refuses: %s: unknown status code", response.Status)
			}
			return fmt.Errorf("the proxy refuses: %s", response.Status)
		}
	}
}

// readSection reads a header section, and nothing after it.
func readSection(from io.Reader) (string, error) {
	var section strings.Builder
	var octet [1]byte
	line := 0
	for {
		if _, err := io.ReadFull(from, octet[:]); err != nil {
			if section.Len() == largestAnswer {
				err = errors.New("the proxy's answer has no end")
			}
			return "", err
		}
		section.WriteByte(octet[0])
		switch {
		case octet[0] == '\n' && line == 0:
			return section.String(), nil
		case octet[0] == '\n':
			line = 0
		case octet[0] != '\r':
			line++
		}
	}
}

// throughSOCKS connects through a SOCKS5 proxy [RFC 1928]: to an address with the
// scheme socks5, to a name with socks5h.
func (d *dialer) throughSOCKS(ctx context.Context, to originKey) (net.Conn, error) {
	host, err := d.hostForSOCKS(ctx, to)
	if err != nil {
		return nil, err
	}
	connection, err := d.proxyConn(ctx)
	if err != nil {
		return nil, err
	}
	err = whileContext(ctx, connection, func() error { return askSOCKS(connection, d.proxy.User, host, to.port) })
	if err != nil {
		return nil, d.proxyError(err)
	}
	return connection, nil
}

func (d *dialer) hostForSOCKS(ctx context.Context, to originKey) (string, error) {
	if addresses := d.given(to.host, to.port); len(addresses) > 0 {
		return addresses[0].String(), nil
	}
	if _, err := netip.ParseAddr(to.host); err == nil || d.proxy.Scheme == "socks5h" {
		return to.host, nil
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", to.host)
	if err != nil {
		return "", err
	}
	return addresses[0].Unmap().String(), nil
}
