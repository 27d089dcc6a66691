package curlpipe

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/cshim"
)

// Defaults for fields of Transport that are zero.
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

	DefaultUserAgent = "curlpipe"
)

// settings are a transport's fields, checked and with defaults filled in, in
// the form that the engine needs for this libcurl.
type settings struct {
	mode           Mode
	speaks         protocols
	connections    int // most to one origin
	depth          int // maximum number of requests on a connection
	retries        int
	readBufferSize int
	serverName     string
	insecure       bool // takes any certificate
	retryPolicy    func(*http.Request, error) bool
	headerTimeout  time.Duration
	tlsTimeout     time.Duration
	idleTimeout    time.Duration
	expectTimeout  time.Duration // for 100 (Continue) over HTTP/2; 0 or less: none
	mostIdle       int
	mostIdleOfHost int

	stallTimeout   time.Duration
	patience       time.Duration
	abandonedTime  time.Duration
	unreadTime     time.Duration
	connectTimeout time.Duration
	dialer         *dialer
	limits         cshim.Limits
	easy           easyOptions
	wholeServer    error // why OPTIONS * cannot be sent; nil: it can be
	keyLogFile     string
	logger         *slog.Logger
}

// perOrigin returns how many requests to one origin may be in flight.
func (s *settings) perOrigin() int { return s.connections * s.depth }

// leastReadBufferSize is the most that libcurl delivers at once
// (CURL_MAX_WRITE_SIZE).
const leastReadBufferSize = 16 << 10

// settings checks the transport's fields.
func (t *Transport) settings(lib library) (*settings, error) {
	t, err := t.effective()
	if err != nil {
		return nil, err
	}
	mode, err := lib.mode(t.Pipelining, t.AllowUnpatched)
	if err == nil {
		mode, err = t.speaks.mode(mode, lib)
	}
	if err != nil {
		return nil, err
	}
	var refused []error
	s := &settings{
		mode:           mode,
		speaks:         t.speaks,
		connections:    atLeastOne(&refused, "MaxConnsPerHost", t.MaxConnsPerHost, DefaultMaxConnsPerHost),
		depth:          atLeastOne(&refused, "MaxPipelineDepth", t.MaxPipelineDepth, DefaultMaxPipelineDepth),
		retries:        t.retries(),
		readBufferSize: max(leastReadBufferSize, atLeastOne(&refused, "ReadBufferSize", t.ReadBufferSize, DefaultReadBufferSize)),
		serverName:     t.ServerName,
		insecure:       t.InsecureSkipVerify,
		retryPolicy:    t.RetryPolicy,
		headerTimeout:  notNegative(&refused, "ResponseHeaderTimeout", t.ResponseHeaderTimeout),
		tlsTimeout:     notNegative(&refused, "TLSHandshakeTimeout", t.TLSHandshakeTimeout),
		idleTimeout:    notNegative(&refused, "IdleConnTimeout", t.IdleConnTimeout),
		expectTimeout:  t.expectTimeout(),
		mostIdle:       t.MaxIdleConns,
		mostIdleOfHost: t.MaxIdleConnsPerHost,

		abandonedTime: atLeastOne(&refused, "MaxAbandonedTime", t.MaxAbandonedTime, DefaultMaxAbandonedTime),
		unreadTime:    atLeastOne(&refused, "MaxUnreadTime", t.MaxUnreadTime, DefaultMaxUnreadTime),
		stallTimeout:  notNegative(&refused, "StallTimeout", t.StallTimeout),
		patience:      cmp.Or(t.patience, patience),
		wholeServer:   lib.atLeast(firstRequestTarget, "OPTIONS *"),
		keyLogFile:    t.KeyLogFile,
		logger:        t.Logger,
	}
	s.connectTimeout = connectTime(atLeastOne(&refused, "ConnectTimeout", t.ConnectTimeout, DefaultConnectTimeout), t.StallTimeout)
	s.limits = cshim.Limits{
		Mode:           mode.loopMode(),
		PipelineLength: s.depth,
		HeaderBytes:    atLeastOne(&refused, "MaxResponseHeaderBytes", t.MaxResponseHeaderBytes, DefaultMaxResponseHeaderBytes),
		ResponseBytes:  atLeastOne(&refused, "MaxResponseBytes", t.MaxResponseBytes, DefaultMaxResponseBytes),
		WindowBytes:    int64(s.readBufferSize),
		DroppedBytes:   atLeastOne(&refused, "MaxAbandonedBytes", t.MaxAbandonedBytes, DefaultMaxAbandonedBytes),
		Coalesce:       !t.DisableCoalescing,
		WakeOne:        t.Configure == nil,
		CheckNames:     t.Configure == nil, // whose function may set SSL_VERIFYHOST
		OnlyHTTP2:      t.speaks.http2 && !t.speaks.http1,
	}
	if _, beyond, err := t.sslVersion(lib); beyond && err == nil {
		s.limits.TLSLowest, s.limits.TLSHighest = t.MinTLSVersion, t.MaxTLSVersion
	}
	if t.ServerName != "" && checkAuthority(t.ServerName) != nil || strings.Contains(t.ServerName, ":") {
		refused = append(refused, fmt.Errorf("curlpipe: ServerName is %q: give the name of a host", t.ServerName))
	}
	if len(refused) > 0 {
		return nil, refused[0]
	}
	if s.dialer, err = t.dialer(); err != nil {
		return nil, err
	}
	s.dialer.http2 = mode == ModeMultiplexing
	if s.dialer.connects, err = lib.connectsAgain(runtime.GOOS); err != nil {
		return nil, err
	}
	s.easy, err = t.easyOptions(lib, mode)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// connectTime returns ConnectTimeout or its default, at most StallTimeout.
func connectTime(limit, stall time.Duration) time.Duration {
	if stall > 0 {
		return min(limit, stall)
	}
	return limit
}

// retries returns MaxRetries or its default.
func (t *Transport) retries() int {
	if t.MaxRetries == 0 {
		return DefaultMaxRetries
	}
	return max(0, t.MaxRetries)
}

// notNegative returns a field's value, which must not be negative.
func notNegative(refused *[]error, name string, value time.Duration) time.Duration {
	if value < 0 {
		*refused = append(*refused, fmt.Errorf("curlpipe: %s is %v: give a positive time, or 0 for none", name, value))
	}
	return value
}

// atLeastOne returns a field's value, or its default for 0.
func atLeastOne[T int | int64 | time.Duration](refused *[]error, name string, value, standard T) T {
	if value < 0 {
		*refused = append(*refused, fmt.Errorf("curlpipe: %s is %v: give 1 or more, or 0 for %v", name, value, standard))
	}
	if value == 0 {
		return standard
	}
	return value
}

// userAgent returns UserAgent or its default.
func (t *Transport) userAgent() string { return cmp.Or(t.UserAgent, DefaultUserAgent) }

// expectTimeout returns how long a body waits for 100 (Continue); negative: it does
// not wait.
func (t *Transport) expectTimeout() time.Duration {
	return cmp.Or(t.ExpectContinueTimeout, DefaultExpectContinueTimeout)
}
