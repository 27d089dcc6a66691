package curlpipe

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	curl "github.com/andelf/go-curl"
)

// Transport is an [http.RoundTripper] that keeps few connections. The zero value
// is ready to use: it keeps one connection to each host and pipelines requests on
// it. A Transport is safe for concurrent use; make one and share it. Its fields are
// read when the first request is made, and must not be changed after that. Only
// Proxy, UserAgent, DisableCompression, DisableKeepAlives, Fallback and TLSClientConfig
// are read with each request, and may be changed while none is being sent. If the
// transport cannot start, for example because it lacks file descriptors, the next
// request tries again.
//
// Call [Transport.Close] when a transport is no longer needed. A transport that
// lives as long as its process need not be closed. The garbage collector closes
// one that is no longer referenced.
type Transport struct {
	// Pipelining selects how requests share a connection. The zero value, Auto,
	// uses the best mode that libcurl supports.
	Pipelining Pipelining

	// MaxConnsPerHost limits the connections to one host at a time; 0 means
	// DefaultMaxConnsPerHost. A host here is a scheme, host and port together. If
	// an unread or abandoned response has delayed another response for a quarter of
	// a second, one more connection is opened for new requests while the delay
	// lasts.
	MaxConnsPerHost int

	// MaxPipelineDepth limits the requests in flight on one connection; further
	// requests wait in the transport. 0 means DefaultMaxPipelineDepth. Each request
	// in flight costs an easy handle, about 50 kB of memory.
	MaxPipelineDepth int

	// AllowUnpatched accepts a pipelining libcurl without this project's patches,
	// at the risks that ErrUnpatchedLibcurl describes.
	AllowUnpatched bool

	// MaxRetries limits how often a request is sent again because its connection
	// ended when the request was the next to be answered and no byte of its
	// response had arrived. This does not count against the requests behind it on
	// the connection, nor against any request if the server had announced the end.
	// Only requests with an idempotent method [RFC 9110 §9.2.2], and requests of
	// which no byte was sent, are sent again. The first request of a connection is
	// never sent again, because it is itself the likely reason why the server ended
	// the connection. 0 means DefaultMaxRetries, a negative number means no
	// retries.
	MaxRetries int

	// RetryPolicy, if not nil, replaces the rule about methods: it decides whether a
	// request is sent again after its connection ended, as err describes, before a
	// byte of the response had arrived. MaxRetries and the exception for a
	// connection's first request still apply. The function must not block, and may
	// be called from any goroutine.
	RetryPolicy func(request *http.Request, err error) bool

	// Fallback, if not nil, sends the requests that this package cannot send and
	// otherwise refuses with ErrUnsupportedRequest: CONNECT, Upgrade, requests with a
	// trailer section, and OPTIONS * with libcurl before 7.55.0. It has its own
	// connections.
	Fallback http.RoundTripper

	// TLSClientConfig configures TLS in the form of crypto/tls; the fields after it
	// do so in the form of libcurl. Set each property in only one of the two. These
	// fields are supported: RootCAs, one of Certificates, ServerName, MinVersion,
	// MaxVersion, CipherSuites, InsecureSkipVerify, NextProtos without h2, and
	// SessionTicketsDisabled. ClientSessionCache is ignored, because it is not
	// needed. Any other field is refused. Callbacks before a request is sent, such
	// as VerifyConnection, are not possible: use Response.TLS, PinnedPublicKey or
	// DialTLSContext.
	//
	// After a change of the configuration, or of a field in it, the next request and
	// those after it use new connections. The earlier connections, those without TLS
	// included, are closed when the requests on them have ended, and do not count in
	// MaxConnsPerHost.
	TLSClientConfig *tls.Config

	// CAFile, CAPath and RootCAs name the certificate authorities to trust, in PEM:
	// a file, a folder in the form of openssl-rehash(1), and the content of a file.
	// At most one of CAFile and RootCAs may be set. If all three are empty, the
	// system's authorities are trusted: those in $SSL_CERT_FILE, or in the file
	// where the common distributions keep them. The certificate of an https proxy is
	// verified in the same way.
	CAFile  string
	CAPath  string
	RootCAs []byte

	// InsecureSkipVerify accepts any certificate, from servers and https proxies.
	InsecureSkipVerify bool

	// ClientCertFile and ClientKeyFile name the client's certificate and its private
	// key, in PEM. ClientKeyPassword decrypts the key. An empty ClientKeyFile means
	// that the key is in ClientCertFile.
	ClientCertFile, ClientKeyFile, ClientKeyPassword string

	// MinTLSVersion and MaxTLSVersion are tls.VersionTLS10 … tls.VersionTLS13;
	// 0 leaves the choice to libcurl and OpenSSL. A range needs libcurl 7.54.0 or
	// later (7.56.1 and 7.57.0 take no maximum), or OpenSSL 1.1.1 or later: without
	// either, connections fail. They apply to an https proxy as well, and so does
	// Ciphers.
	MinTLSVersion, MaxTLSVersion uint16

	// Ciphers selects the cipher suites up to TLS 1.2, in the form of
	// openssl-ciphers(1); TLS13Ciphers selects those of TLS 1.3 (libcurl 7.61.0 and
	// later).
	Ciphers, TLS13Ciphers string

	// ServerName replaces the URL's host in TLS: the client sends this name to every
	// https server, and the server's certificate has to contain it. The client still
	// connects to the URL's host.
	ServerName string

	// PinnedPublicKey is the public key that the server must have: a file, or
	// "sha256//" and a hash in base64. Separate several hashes by ";"
	// [CURLOPT_PINNEDPUBLICKEY(3)].
	PinnedPublicKey string

	// DisableSessionReuse makes every handshake a full one. By default a new
	// connection to a host resumes an earlier session; libcurl 7.53.1 does so up to
	// TLS 1.2.
	DisableSessionReuse bool

	// KeyLogFile names a file to which the secrets of TLS connections are appended,
	// to decrypt packet captures. Use it for debugging only: anyone with the file can
	// read all traffic. $SSLKEYLOGFILE is ignored.
	KeyLogFile string

	// Proxy, if not nil, returns the proxy for a request; a nil URL means none.
	// [http.ProxyURL] and [http.ProxyFromEnvironment] return such functions. The
	// scheme of a proxy is http or https (both get requests for http URLs in the
	// absolute form, and CONNECT for https), or socks5 or socks5h (with both, the
	// proxy looks up the host's name, as with net/http; curl's socks5 does not). The
	// URL's user information holds the credentials. If Proxy is nil, the environment
	// is ignored, NO_PROXY included.
	Proxy func(*http.Request) (*url.URL, error)

	// ProxyConnectHeader has additional fields for CONNECT requests.
	// GetProxyConnectHeader, if not nil, returns them for each request instead. If it
	// returns an error, the requests that wait for the connection fail with it.
	ProxyConnectHeader    http.Header
	GetProxyConnectHeader func(ctx context.Context, proxyURL *url.URL, target string) (http.Header, error)

	// OnProxyConnectResponse, if not nil, is called with a proxy's response to
	// CONNECT, without its body. If it returns an error, the connection is closed.
	OnProxyConnectResponse func(ctx context.Context, proxyURL *url.URL, request *http.Request, response *http.Response) error

	// DialContext, if not nil, connects to servers and proxies, in its own
	// goroutine. The network is "tcp", and the address has a port. libcurl uses the
	// socket of a *net.TCPConn or *net.UnixConn directly, through a second descriptor.
	// Such a connection ends when its deadline for reading passes or when it is
	// closed. Its deadline for writing counts when a request begins and while a body
	// is being sent. It must not be read or written. It costs about a tenth more CPU
	// time for a request than the transport's own connections do, because Go's network
	// poller wakes, too, when data arrives. Any other net.Conn, such as
	// struct{ net.Conn }{connection}, is relayed, deadlines and errors included, which
	// costs a copy and a goroutine in each direction. The connection is closed when the
	// HTTP connection ends. UnixSocket, LocalAddress, Resolve and KeepAlive are ignored
	// if DialContext is set.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// DialTLSContext, if not nil, makes the connections for https URLs that need no
	// proxy, TLS included. For these connections, the other fields about
	// connections and TLS are ignored. libcurl sees their content as plain text,
	// which costs a copy and a goroutine in each direction. Response.TLS is the
	// connection's ConnectionState, if it has such a method, as a *tls.Conn has. Its
	// NegotiatedProtocol selects HTTP/1.1 or HTTP/2 (h2), if this libcurl supports
	// that; a connection for any other protocol is refused.
	DialTLSContext func(ctx context.Context, network, address string) (net.Conn, error)

	// UnixSocket is the path of a Unix socket that all connections go to,
	// whatever the URL's host.
	UnixSocket string

	// LocalAddress is the local end of connections: an IP address of this machine,
	// or the name of one of its interfaces.
	LocalAddress string

	// Resolve sets the addresses of hosts: "host:port:address[,address]…"
	// [CURLOPT_RESOLVE(3)].
	Resolve []string

	// KeepAlive is the time between probes on an idle connection, in whole seconds
	// and at least 1; 0 means DefaultKeepAlive, a negative value means no probes.
	KeepAlive time.Duration

	// ConnectTimeout limits the time to establish a connection: name lookup, proxy,
	// connect and TLS handshake together. After that, the requests that wait for the
	// connection fail with ErrConnectTimeout. 0 means DefaultConnectTimeout.
	ConnectTimeout time.Duration

	// TLSHandshakeTimeout, if not 0, limits the TLS handshake within ConnectTimeout.
	TLSHandshakeTimeout time.Duration

	// ResponseHeaderTimeout, if not 0, limits the wait for a response's header
	// section. The time starts when the whole request has been handed to libcurl and
	// the requests before it on an HTTP/1.1 connection have been answered. If the
	// limit is exceeded, the connection is closed; this may take a quarter longer.
	ResponseHeaderTimeout time.Duration

	// ExpectContinueTimeout is how long a request with "Expect: 100-continue" waits
	// for the server before it sends its body anyway; 0 means
	// DefaultExpectContinueTimeout, a negative value means not to wait.
	ExpectContinueTimeout time.Duration

	// IdleConnTimeout, if not 0, closes a connection that has had no request for this
	// time.
	IdleConnTimeout time.Duration

	// MaxIdleConns limits the idle connections that are kept, and
	// MaxIdleConnsPerHost those to one host; 0 means no limit.
	MaxIdleConns, MaxIdleConnsPerHost int

	// Protocols, if not nil, chooses between HTTP/1.1 and HTTP/2 as in http.Transport.
	// Over TLS, HTTP1 and HTTP2 are offered to the server; HTTP2 alone makes
	// connections to other servers fail. Without TLS, requests use HTTP/1.1 unless
	// UnencryptedHTTP2 is set and HTTP1 is not: then HTTP/2 is used without asking
	// (prior knowledge, [RFC 9113 §3.3]). A set without HTTP1 is refused with
	// ErrUnsupportedByLibcurl if this libcurl, or Pipelining, has no HTTP/2. If
	// Protocols is nil, HTTP/2 is tried over TLS where it is supported, unless
	// TLSClientConfig has NextProtos without h2.
	Protocols *http.Protocols

	// DisableKeepAlives closes each connection after one request.
	DisableKeepAlives bool

	// StallTimeout, if not 0, closes a connection on which no byte has moved in
	// either direction for this long although the client waits for one. The requests
	// in flight on it fail with ErrStalled. The limit may be exceeded by a quarter.
	// Over HTTP/1.1 a response also fails, alone, if it drips: if less than 1 KiB of
	// it arrives in this time, and its header section does not end or other requests
	// wait behind its body. An interim response counts as much as 1 KiB, and a slow
	// body for which no other request waits may go on. ConnectTimeout is at most
	// StallTimeout.
	StallTimeout time.Duration

	// MaxResponseHeaderBytes limits the header sections of a response, interim
	// responses included. The same limit applies separately to its chunk extensions
	// and trailers together. Beyond it the response fails with ErrResponseTooLarge.
	// 0 means DefaultMaxResponseHeaderBytes.
	MaxResponseHeaderBytes int64

	// MaxResponseBytes limits a response that Client returns, header and body
	// together; a larger one fails with ErrResponseTooLarge. A streamed body may have
	// any length. 0 means DefaultMaxResponseBytes.
	MaxResponseBytes int64

	// ReadBufferSize is how many bytes of a body are read ahead of the caller. When
	// the buffer is full, nothing more is read from the connection until the caller
	// has made room. 0 means DefaultReadBufferSize. The minimum is 16 KiB, which
	// libcurl may deliver at once.
	ReadBufferSize int

	// DisableCoalescing uses separate system calls to read and write each TLS
	// record of a connection that requests share, as libcurl does. By default
	// consecutive records are written together, at the latest when there is nothing
	// else to do, and everything that has arrived is read at once. Coalescing needs
	// OpenSSL 1.1.1 or later, and for HTTP/2 libcurl 7.80.0 or later. It is not
	// available through an https proxy.
	DisableCoalescing bool

	// MaxAbandonedBytes and MaxAbandonedTime limit the bytes that are read, and the
	// time that is spent, to save the connection of a response that is no longer
	// wanted (abandoned, or too large). Beyond either the connection is closed. It is
	// closed earlier, after half a second without a byte, if requests behind it may
	// be sent again (MaxRetries); one more connection is then opened for them. 0
	// means DefaultMaxAbandonedBytes or DefaultMaxAbandonedTime.
	MaxAbandonedBytes int64
	MaxAbandonedTime  time.Duration

	// MaxUnreadTime limits how long an arriving body may stay unread while other
	// requests wait for its HTTP/1.1 connection or are in flight behind it. Then the
	// body fails with ErrBodyUnread and the connection is closed. 0 means
	// DefaultMaxUnreadTime.
	MaxUnreadTime time.Duration

	// UserAgent is the User-Agent of requests that have none of their own; empty
	// means DefaultUserAgent. Go-http-client/1.1 is sent as Go-http-client/2.0 over
	// HTTP/2, as in net/http.
	UserAgent string

	// DisableCompression keeps RoundTrip from asking for gzip by itself.
	DisableCompression bool

	// Configure, if not nil, sets further options of libcurl on each easy handle. It
	// is called in its own goroutine, perhaps several times at once; only requests
	// that need a new handle wait for it. Options that the engine needs itself are
	// refused with ErrReservedOption or have no effect; the package's documentation
	// lists them. libcurl decodes no content codings: a body that was requested with
	// OPT_ACCEPT_ENCODING is returned as received.
	Configure func(*curl.CURL) error

	// Logger, if not nil, receives a record when a connection opens or closes, when
	// a request is sent again, and when a request or connection is given up. No
	// request waits for it: events that occur while it is busy are combined into one
	// record with their count. Close waits for it for one second at most.
	Logger *slog.Logger

	starting  sync.Mutex // guards the fields up to protocols
	started   *engine
	follows   tlsSeen   // what started was started with
	replaced  []*engine // those whose last requests have perhaps not ended yet, see engine
	past      Stats     // of those that have ended and are no longer in replaced
	closed    bool
	protocols map[string]http.RoundTripper // of RegisterProtocol

	patience time.Duration // of tests; 0: the constant of that name

	// of TLSClientConfig, with its key, in PEM; see effective
	certificate []byte // with its key, in PEM
	speaks      protocols
}

// tryConfigure has Configure set up one easy handle, so that its errors are
// found at once. After an error it ends the engine.
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

// CloseIdleConnections closes the connections that have no request.
func (t *Transport) CloseIdleConnections() {
	t.starting.Lock()
	defer t.starting.Unlock()
	for _, e := range t.engines() {
		e.closeIdle()
	}
}

// Close fails every unfinished request with [ErrClosed], bodies that are being read
// included, closes the connections and frees all resources. It returns when all of
// this is done. Close may be called more than once, and on a transport that was
// never used. A closed transport cannot be used again.
func (t *Transport) Close() error {
	t.starting.Lock()
	running := t.engines()
	t.closed = true
	t.starting.Unlock()
	for _, e := range running {
		e.close()
	}
	return nil
}
