package curlpipe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	curl "github.com/andelf/go-curl"
)

var (
	// ErrClosed says that the client was closed before the request ended.
	ErrClosed = errors.New("curlpipe: the client is closed")

	// ErrUnpatchedLibcurl says that this libcurl pipelines but lacks the patches that
	// keep a pipelined connection intact: it drops the connection when a write over
	// TLS is blocked, and over plain HTTP a request may get another one's response.
	// Load the patched libcurl, or set Transport.AllowUnpatched.
	ErrUnpatchedLibcurl = errors.New("curlpipe: this libcurl mixes up pipelined requests when a write is blocked (curl issue 764): load the patched one, or set AllowUnpatched")

	// ErrNoPipelining says that this libcurl does not pipeline HTTP/1.1, which
	// Transport.Pipelining requires. The releases 7.30.0 to 7.61.1 do.
	ErrNoPipelining = errors.New("curlpipe: this libcurl does not pipeline HTTP/1.1: load a patched libcurl of 7.33.0 to 7.61.1")

	// ErrUnsupportedByLibcurl says that this release of libcurl does not support an
	// option; the text after it names the option.
	ErrUnsupportedByLibcurl = errors.New("curlpipe: not with this libcurl")

	// ErrStalled says that no byte moved on a connection for Transport.StallTimeout,
	// or that the response dripped as described there. The server may have processed
	// the request.
	ErrStalled = errors.New("curlpipe: nothing or only a drip was received or sent for StallTimeout, the connection was closed")

	// ErrBodyUnread says that the caller did not read a response's body for
	// Transport.MaxUnreadTime while other requests waited for its connection.
	ErrBodyUnread = errors.New("curlpipe: the body was not read for MaxUnreadTime while other requests waited, the connection was closed: read bodies to their end, or close them")

	// ErrResponseTooLarge says that a response exceeded
	// Transport.MaxResponseHeaderBytes or Transport.MaxResponseBytes.
	ErrResponseTooLarge = errors.New("curlpipe: the response is larger than MaxResponseHeaderBytes or MaxResponseBytes")

	// ErrUnsupportedRequest says that this package cannot send the request; the text
	// around it says why.
	ErrUnsupportedRequest = errors.New("curlpipe: unsupported request")

	// ErrMalformedResponse says that a response violated the syntax of RFC 9112; the
	// text around it says how. The connection was closed, because the start of the
	// next response on it is unknown.
	ErrMalformedResponse = errors.New("curlpipe: malformed HTTP response")
)

// Error is the error of a failed request.
type Error struct {
	Op     string // method of the request
	URL    string // target of the request, without credentials
	Detail string // libcurl's own words, perhaps empty
	Err    error  // what went wrong; Unwrap says what is in it
}

// Error says what was tried, on what, and what went wrong.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("curlpipe: " + e.Op + " " + e.URL + ": ")
	text.WriteString(strings.TrimPrefix(e.Err.Error(), "curlpipe: "))
	if e.Detail != "" {
		text.WriteString(" (" + e.Detail + ")")
	}
	return text.String()
}

// Unwrap returns the cause for errors.Is and errors.As: an Err… of this package, the
// context's error, or libcurl's code as a curl.CurlError together with the error
// that net/http would return:
//
//   - a *net.OpError with a syscall.Errno if the connection failed or was reset, or
//     with a *net.DNSError if the name was not found;
//   - a *tls.CertificateVerificationError with package x509's error if a certificate
//     was not accepted;
//   - the caller's own error, which RoundTrip returns without the Error;
//   - a tls.RecordHeaderError if the server does not speak TLS;
//   - io.EOF if the connection ended before the response, io.ErrUnexpectedEOF if it
//     ended within it.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether a time limit was exceeded: the context's deadline, a
// limit of libcurl, or Transport.StallTimeout. Timeout and Temporary make Error a
// net.Error.
func (e *Error) Timeout() bool {
	var network net.Error
	return errors.Is(e.Err, context.DeadlineExceeded) || errors.Is(e.Err, ErrStalled) ||
		errors.Is(e.Err, curl.CurlError(curl.E_OPERATION_TIMEDOUT)) ||
		errors.As(e.Err, &network) && network.Timeout()
}

// Temporary is the same as Timeout; net.Error requires it.
func (e *Error) Temporary() bool { return e.Timeout() }

// errBodyClosed is the error of reading a response's body after its Close, in
// net/http's words for that.
var errBodyClosed error = bodyClosedError{}

type bodyClosedError struct{}

func (bodyClosedError) Error() string { return "http: read on closed response body" }
func (bodyClosedError) Unwrap() error { return http.ErrBodyReadAfterClose }

// callersError is an error of the caller's own code: of a request's body, of a
// function in the transport's fields, or of a connection that such a function has
// returned. RoundTrip returns it as it is.
type callersError struct {
	what string // failed, for Client
	err  error
}

func (e *callersError) Error() string { return e.what + e.err.Error() }
func (e *callersError) Unwrap() error { return e.err }

// ofCaller returns the caller's own error in err; nil if there is none.
func ofCaller(err error) error {
	var own *callersError
	if errors.As(err, &own) {
		return own.err
	}
	return nil
}

// invalidRequest says why net/http refuses a request, too, in its words.
type invalidRequest string

func (e invalidRequest) Error() string { return string(e) }
func (e invalidRequest) Unwrap() error { return ErrUnsupportedRequest }

// malformedError says why a response cannot be believed. How libcurl calls that
// is no use to a reader, but errors.Is finds it.
type malformedError struct {
	code   curl.CurlError
	detail string
}

func (e *malformedError) Error() string   { return ErrMalformedResponse.Error() + ": " + e.detail }
func (e *malformedError) Unwrap() []error { return []error{ErrMalformedResponse, e.code} }

// lostError says that a connection ended under a request that may not be sent
// again.
type lostError struct {
	transferError
	sent int
}

func (e *lostError) Error() string {
	times := fmt.Sprintf("%d times", e.sent)
	switch e.sent {
	case 0:
		times = "nothing of it"
	case 1:
		times = "once"
	}
	return "the connection ended before the response; sent " + times + ", not again: " + e.transferError.Error()
}

// refusedError says that the server did not process the request, which was not
// sent again all the same: its body could not be.
type refusedError struct{ code curl.CurlError }

func (e *refusedError) Error() string {
	return "the server has not processed the request: " + e.code.Error()
}

func (e *refusedError) Unwrap() error { return e.code }

// headerTooLarge is a header section that goes over Transport.MaxResponseHeaderBytes, in
// net/http's words.
type headerTooLarge struct{ limit int64 }

func (e *headerTooLarge) Error() string {
	return fmt.Sprintf("server response headers exceeded %d bytes; aborted", e.limit)
}

func (e *headerTooLarge) Unwrap() error { return ErrResponseTooLarge }

// refusedCertificate is why a certificate was refused, and the request that failed
// for it.
type refusedCertificate struct {
	reason error // of package x509
	failed *Error
}

func (e *refusedCertificate) Error() string {
	short := *e.failed
	var code curl.CurlError
	if errors.As(e.failed, &code) {
		short.Err = code
	}
	return e.reason.Error() + " (" + short.Error() + ")"
}

func (e *refusedCertificate) Unwrap() []error { return []error{e.reason, e.failed} }

// ofContext reports whether an error comes from contextError.
func ofContext(err error) bool {
	var caused *contextEnd
	return err == context.Canceled || err == context.DeadlineExceeded || errors.As(err, &caused)
}

// bare is an error of contextError as net/http returns it: the cause alone.
func bare(err error) error {
	var caused *contextEnd
	if errors.As(err, &caused) {
		return caused.cause
	}
	return err
}

// contextEnd is a context's error with its cause.
type contextEnd struct{ err, cause error }

func (e *contextEnd) Error() string {
	text, cause := e.err.Error(), e.cause.Error()
	if text == cause {
		return text
	}
	return text + ": " + cause
}

func (e *contextEnd) Unwrap() []error { return []error{e.err, e.cause} }

func newError(request *http.Request, detail string, err error) *Error {
	return &Error{Op: methodOf(request), URL: withoutCredentials(request.URL), Detail: detail, Err: err}
}

// withoutCredentials is the URL as it may appear in logs.
func withoutCredentials(u *url.URL) string {
	if u == nil {
		return ""
	}
	if u.User == nil {
		return u.String()
	}
	bare := *u
	bare.User = nil
	return bare.String()
}
