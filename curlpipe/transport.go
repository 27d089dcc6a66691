package curlpipe

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"time"

	curl "github.com/andelf/go-curl"
)

// Transport is an [http.RoundTripper] that keeps few connections. The zero value
// is ready: one connection to each host, on which requests are pipelined. It is
// safe for concurrent use; make one and share it. Its fields are read when the
// first request is made, and must not be changed after that; should the start
// fail, for want of file descriptors say, the next request tries again.
//
// A transport that is no longer needed should be closed with [Transport.Close];
// one that lives as long as its process need not, and one that nobody has any
// more is closed by the garbage collector.
type Transport struct {
	// Pipelining says how requests share a connection; see the values of that
	// type. The zero value, Auto, takes the best that libcurl can do.
	Pipelining Pipelining

	// MaxConnsPerHost is the most connections to one host at a time; 0 means
	// DefaultMaxConnsPerHost. A host here is scheme, host and port together. One
	// more is opened for new requests while a response that nobody takes, of an
	// abandoned request or with a body that is not read, has held up another one
	// for a quarter of a second.
	MaxConnsPerHost int

	// MaxPipelineDepth is the most requests that are in flight on one
	// connection; others wait here. 0 means DefaultMaxPipelineDepth. Each
	// request in flight costs an easy handle, about 50 kB of memory.
	MaxPipelineDepth int

	// AllowUnpatched takes a pipelining libcurl without this project's patches,
	// with the risks that ErrUnpatchedLibcurl tells.
	AllowUnpatched bool

	// MaxRetries is how often a connection may end when it was a request's turn
	// to be answered, before a byte of the response has come, and the request is
	// sent again. What was behind it on the connection does not pay for that, nor
	// does anybody when the server had announced the end. Only requests with an
	// idempotent method are sent again [RFC 9110 §9.2.2], and those of which no
	// byte had left; never the first one of a connection, where the server has
	// no reason to go but the request itself. 0 means DefaultMaxRetries, a
	// negative number none.
	MaxRetries int

	// RetryPolicy, if not nil, decides in the place of the rule about methods
	// whether a request is sent again whose connection ended before a byte of
	// the response had come: error says how. MaxRetries holds all the same, and
	// so does the exception of a connection's first request. The function must
	// not block; it may be called from any goroutine.
	RetryPolicy func(request *http.Request, err error) bool

	// Fallback, if not nil, gets the requests that this package refuses with
	// ErrUnsupportedRequest for what they ask for: CONNECT, Upgrade, OPTIONS of
	// the whole server, and a trailer section. Its connections are its own.
	Fallback http.RoundTripper

	// TLSClientConfig says in the form of crypto/tls what the fields after it say
	// in that of libcurl; those that both have must be set in one of the two.
	// RootCAs, one of Certificates, ServerName, MinVersion, MaxVersion,
	// CipherSuites, InsecureSkipVerify, NextProtos without h2 and
	// SessionTicketsDisabled are followed, a ClientSessionCache is not needed;
	// anything else is refused. What calls back to Go before a request is sent,
	// as VerifyConnection does, is not to be had: use Response.TLS, or
	// PinnedPublicKey.
	TLSClientConfig *tls.Config

	// CAFile is a file, CAPath a folder in the form of openssl-rehash(1), and
	// RootCAs the content of a file with the certificate authorities to trust,
	// in PEM. At most one of CAFile and RootCAs may be set. Without any of the
	// three the system's count: $SSL_CERT_FILE, or the file where the common
	// distributions keep them. An https proxy is held to the same authorities.
	CAFile  string
	CAPath  string
	RootCAs []byte

	// InsecureSkipVerify takes any certificate for any host, and of an https
	// proxy.
	InsecureSkipVerify bool

	// ClientCertFile and ClientKeyFile are the certificate that the client shows
	// and its private key, in PEM, and ClientKeyPassword what the key is
	// encrypted with. An empty ClientKeyFile means that the key is in
	// ClientCertFile.
	ClientCertFile, ClientKeyFile, ClientKeyPassword string

	// MinTLSVersion and MaxTLSVersion are tls.VersionTLS10 … tls.VersionTLS13;
	// 0 leaves the choice to libcurl and OpenSSL. Up to libcurl 7.53.1 only one
	// exact version can be asked for (both the same), or TLS 1.3 as minimum.
	// They hold for an https proxy as well, as Ciphers does.
	MinTLSVersion, MaxTLSVersion uint16

	// Ciphers are those of up to TLS 1.2 in the form of openssl-ciphers(1),
	// TLS13Ciphers those of TLS 1.3 (libcurl 7.61.0 and later).
	Ciphers, TLS13Ciphers string

	// ServerName is the name that every https server is asked for and has to
	// prove, instead of the host of the URL, to which the client still connects.
	ServerName string

	// PinnedPublicKey is a public key that the server has to have: a file, or
	// "sha256//" and a hash in base64, several separated with ";"
	// [CURLOPT_PINNEDPUBLICKEY(3)].
	PinnedPublicKey string

	// DisableSessionReuse makes every handshake a full one. Otherwise a new
	// connection to a host resumes the session of an earlier one; libcurl 7.53.1
	// does so up to TLS 1.2.
	DisableSessionReuse bool

	// KeyLogFile is a file to which the secrets of TLS connections are appended,
	// so that a packet capture can be read. For debugging only: who has the file
	// can read everything. The environment's SSLKEYLOGFILE is not followed.
	KeyLogFile string

	// Proxy, if not nil, says which proxy a request goes through; a nil URL: none.
	// [http.ProxyURL] and [http.ProxyFromEnvironment] are such functions. A
	// proxy's scheme is http or https (asked with CONNECT, for http URLs as well,
	// so that the connection is one to the server), socks5, or socks5h, which
	// leaves the host's name to the proxy; its user information are credentials.
	// Without it neither a proxy nor what NO_PROXY says is taken from the
	// environment.
	Proxy func(*http.Request) (*url.URL, error)

	// ProxyConnectHeader are further fields of the CONNECT requests.
	// GetProxyConnectHeader, if not nil, gives them for each instead; its error
	// is that of the requests that wait for the connection.
	ProxyConnectHeader    http.Header
	GetProxyConnectHeader func(ctx context.Context, proxyURL *url.URL, target string) (http.Header, error)

	// OnProxyConnectResponse, if not nil, is shown what a proxy answers CONNECT
	// with, its body aside. With an error the connection is given up.
	OnProxyConnectResponse func(ctx context.Context, proxyURL *url.URL, request *http.Request, response *http.Response) error

	// DialContext, if not nil, makes the connections to servers and proxies, in
	// a goroutine of its own; network is tcp, and address has a port. A
	// *net.TCPConn or *net.UnixConn goes over to libcurl. Of any other net.Conn
	// the bytes are carried to and fro, which costs a copy and a goroutine each
	// way. UnixSocket, LocalAddress, Resolve and KeepAlive do not count then.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// UnixSocket is the path of a Unix socket that all connections go to,
	// whatever the URL's host.
	UnixSocket string

	// LocalAddress is an IP address of this machine, or the name of one of its
	// interfaces, that connections start from.
	LocalAddress string

	// Resolve gives addresses to hosts: "host:port:address[,address]…"
	// [CURLOPT_RESOLVE(3)].
	Resolve []string

	// KeepAlive is the time between probes on an idle connection, in whole
	// seconds at least 1; 0 means DefaultKeepAlive, a negative one no probes.
	KeepAlive time.Duration

	// ConnectTimeout is how long a connection may take to come about: looking up
	// the name, proxy, connect and TLS's handshake together. Requests that wait
	// for it then fail with ErrConnectTimeout. 0 means DefaultConnectTimeout.
	ConnectTimeout time.Duration

	// TLSHandshakeTimeout, if not 0, is how long of that a handshake may take.
	TLSHandshakeTimeout time.Duration

	// ResponseHeaderTimeout, if not 0, is how long the header section of a
	// response may be waited for, from when the whole request was handed to
	// libcurl and those before it on an HTTP/1.1 connection are answered. The
	// connection is closed then. It is noticed within a quarter of the time more.
	ResponseHeaderTimeout time.Duration

	// ExpectContinueTimeout is how long a request that says "Expect:
	// 100-continue" waits before its body is sent all the same; 0 means
	// DefaultExpectContinueTimeout.
	ExpectContinueTimeout time.Duration

	// IdleConnTimeout, if not 0, closes connections that no request was on for so
	// long.
	IdleConnTimeout time.Duration

	// MaxIdleConns is the most connections without requests that are kept, and
	// MaxIdleConnsPerHost of them those to one host; 0 means no limit.
	MaxIdleConns, MaxIdleConnsPerHost int

	// DisableKeepAlives has each request end its connection.
	DisableKeepAlives bool

	// StallTimeout, if not 0, fails what is in flight on a connection with
	// ErrStalled, and closes it, when for this long no byte has moved on it, in
	// either direction, though the client waits for it. It is noticed within a
	// quarter of the time more. It bounds ConnectTimeout as well.
	StallTimeout time.Duration

	// MaxResponseHeaderBytes is how long the header sections of a response may be, those
	// of interim responses included, and apart from them its chunk extensions and
	// trailers; a longer one fails with ErrResponseTooLarge. 0 means
	// DefaultMaxResponseHeaderBytes.
	MaxResponseHeaderBytes int64

	// MaxResponseBytes is the largest response, header and body together, that
	// Client keeps; a larger one fails with ErrResponseTooLarge. Bodies that are
	// streamed may be of any length. 0 means DefaultMaxResponseBytes.
	MaxResponseBytes int64

	// ReadBufferSize is how much of a body is read ahead of who reads it; then
	// reading from the connection stops until there is room. 0 means
	// DefaultReadBufferSize; less than 16 KiB, which libcurl may hand over at
	// once, counts as that.
	ReadBufferSize int

	// DisableCoalescing has each TLS record of a connection that pipelines read
	// and written by system calls of its own, as libcurl does. Otherwise records
	// that are written one after the other leave together, at the latest when
	// there is nothing else to do, and all that has come is read at once. Needs
	// OpenSSL 1.1.1 or later; with an older one, or through an https proxy, it
	// is always so.
	DisableCoalescing bool

	// MaxAbandonedBytes is how much of a response that nobody wants any more
	// (abandoned, or too large) is read, and MaxAbandonedTime how long such a
	// response is waited for, to save the connection. Beyond either the
	// connection is closed; and after half a second in which nothing of it came,
	// if others are behind it that may be sent again (MaxRetries): these have one
	// more connection to go to. 0 means DefaultMaxAbandonedBytes and
	// DefaultMaxAbandonedTime.
	MaxAbandonedBytes int64
	MaxAbandonedTime  time.Duration

	// MaxUnreadTime is how long a body that arrives may lie unread while other
	// requests wait for its HTTP/1.1 connection, or are in flight behind it. Then
	// it ends with ErrBodyUnread, and its connection with it. 0 means
	// DefaultMaxUnreadTime.
	MaxUnreadTime time.Duration

	// DisableCompression keeps RoundTrip from asking for gzip by itself.
	DisableCompression bool

	// Configure, if not nil, sets further options of libcurl on each easy
	// handle, in a goroutine of its own: requests that need a new handle wait
	// for it, and nobody else. It may run several times at once. What the engine
	// cannot work without is refused with ErrReservedOption, or has no effect; the
	// package's documentation lists it. libcurl decodes no content codings: what
	// OPT_ACCEPT_ENCODING asks for comes as it is on the wire.
	Configure func(*curl.CURL) error

	// Logger, if not nil, is told of connections that open and close, of
	// requests that are sent again and of what was given up. No request waits for
	// it; what happens while it is busy it is told together, with the count. Close
	// waits for it for a second at most.
	Logger *slog.Logger

	starting  sync.Mutex
	started   *engine
	closed    bool
	protocols map[string]http.RoundTripper // of RegisterProtocol

	// of TLSClientConfig, see effective
	certificate []byte // with its key, in PEM
	noHTTP2     bool
}

// What the zero values of Transport's fields stand for.
const (
	DefaultMaxConnsPerHost        = 1
	DefaultMaxPipelineDepth       = 100
	DefaultMaxRetries             = 1
	DefaultMaxResponseHeaderBytes = 1 << 20
	DefaultMaxResponseBytes       = 64 << 20
	DefaultReadBufferSize         = 256 << 10
	DefaultMaxAbandonedBytes      = 16 << 20
	DefaultMaxAbandonedTime       = 5 * time.Second
	DefaultMaxUnreadTime          = 30 * time.Second
	DefaultConnectTimeout         = 30 * time.Second
	DefaultKeepAlive              = 15 * time.Second

	DefaultExpectContinueTimeout = time.Second
)

// engine starts the transport if that has not happened yet.
func (t *Transport) engine() (*engine, error) {
	t.starting.Lock()
	defer t.starting.Unlock()
	switch {
	case t.started != nil:
		return t.started, nil
	case t.closed:
		return nil, ErrClosed
	}
	lib, err := loadedLibrary()
	if err != nil {
		return nil, err
	}
	return t.start(lib)
}

// start starts the transport over a libcurl.
func (t *Transport) start(lib library) (*engine, error) {
	settings, err := t.settings(lib)
	if err != nil {
		return nil, err
	}
	t.started, err = startEngine(settings)
	if err == nil {
		// calls keep their transport alive: none is left when this runs
		runtime.AddCleanup(t, func(e *engine) { e.mailbox.close() }, t.started)
	}
	return t.started, err
}

// tryConfigure has Configure set up one easy handle, so that what it does wrong
// shows at once. The engine ends if that is so.
func (t *Transport) tryConfigure(e *engine) error {
	err := e.makeFirst()
	if err == nil {
		return nil
	}
	t.starting.Lock()
	if t.started == e {
		t.started = nil
	}
	t.starting.Unlock()
	e.close()
	return err
}

// CloseIdleConnections closes the connections that no request is on.
func (t *Transport) CloseIdleConnections() {
	t.starting.Lock()
	defer t.starting.Unlock()
	if t.started != nil {
		t.started.closeIdle()
	}
}

// Close ends every request that has not ended with [ErrClosed], bodies that are
// being read included, closes the connections and frees what the transport
// holds. It returns when all of that is done. Closing twice is fine; so is
// closing a transport that was never used, which it then cannot be any more.
func (t *Transport) Close() error {
	t.starting.Lock()
	started := t.started
	t.closed = true
	t.starting.Unlock()
	if started != nil {
		started.close()
	}
	return nil
}
