package curlpipe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// transferError is a failure of libcurl: its code, and the equivalent error of
// Go's own packages.
type transferError struct {
	code  curl.CurlError
	cause error // nil: they have none
}

func (e *transferError) Error() string {
	if e.cause == nil {
		return e.code.Error()
	}
	return e.code.Error() + ": " + e.cause.Error()
}

func (e *transferError) Unwrap() []error { return wrapped(e.code, e.cause) }

// wrapped returns the errors that are not nil.
func wrapped(errs ...error) []error {
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// Error codes of libcurl that go-curl does not name, or not as every release
// has them (curl.h).
const (
	codePeerFailedVerification = 51 // wrongly named up to 7.61.1; then the same as 60
	codeCACertificate          = 60
	codeSSLConnect             = 35
	codeHTTP2                  = 16
	codeHTTP2Stream            = 92
	codeTooLarge               = 100
)

// cause returns the error of Go's own packages for a request's failure on a
// connection; nil if they have none.
func (e *engine) cause(code curl.CurlError, c *call, on *conn) error {
	switch int(code) {
	case codePeerFailedVerification, codeCACertificate:
		return e.certificateError(on)
	case codeSSLConnect:
		return e.handshakeError(on)
	case curl.E_PARTIAL_FILE:
		return e.endError(c, on, io.ErrUnexpectedEOF)
	case curl.E_GOT_NOTHING:
		return e.endError(c, on, io.EOF)
	case curl.E_SEND_ERROR, curl.E_RECV_ERROR:
		if err := e.alertError(on); err != nil {
			return err
		}
		fallthrough
	case codeHTTP2, codeHTTP2Stream, curl.E_SEND_FAIL_REWIND:
		if c.header != "" {
			return e.endError(c, on, io.ErrUnexpectedEOF)
		}
		return e.endError(c, on, io.EOF)
	}
	return nil
}

// endError returns how a connection ended: reset, or the given error.
func (e *engine) endError(c *call, on *conn, otherwise error) error {
	wasReset := e.loop.EndOf(on.id) == cshim.ResetByServer // as a relay's pair is because of its error
	if err := on.ending.failure(); err != nil && (wasReset || on.owned != nil) {
		return &callersError{err: err}
	}
	if !wasReset {
		return otherwise
	}
	reset := syscall.ECONNRESET
	if c.handle != nil && !on.origin.key.handshakes() { // otherwise OpenSSL has read the socket's error
		switch number := syscall.Errno(c.handle.number(infoOSErrno)); number {
		case syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH:
			reset = number
		}
	}
	return on.opError("read", os.NewSyscallError("read", reset))
}

// opError wraps an error of the connection as package net does.
func (c *conn) opError(op string, err error) error {
	failed := &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
	if c.remote != nil {
		failed.Net = c.remote.Network()
	}
	return failed
}

// alertError returns the alert with which the server ended a connection; nil if
// there was none.
func (e *engine) alertError(on *conn) error {
	if h := e.loop.Handshake(on.id); h != nil && h.Alert >= 0 {
		return &net.OpError{Op: "remote error", Err: tls.AlertError(h.Alert)} // as crypto/tls has it
	}
	return nil
}

// handshakeError returns why a handshake failed.
func (e *engine) handshakeError(on *conn) error {
	h := e.loop.Handshake(on.id)
	switch {
	case h != nil && h.Refusal != 0:
		return e.certificateError(on)
	case h != nil && h.Alert >= 0:
		return e.alertError(on)
	case h != nil && h.Record != nil && !isTLS(h.Record):
		return notTLS(h.Record)
	case e.loop.EndOf(on.id) == cshim.ResetByServer:
		if err := on.ending.failure(); err != nil {
			return &callersError{err: err}
		}
		return on.opError("read", os.NewSyscallError("read", syscall.ECONNRESET))
	case h == nil || h.Record == nil, e.loop.EndOf(on.id) == cshim.ClosedByServer:
		return io.EOF // no byte arrived from the server, or not the whole record header
	}
	return nil
}

// isTLS reports whether this is the header of a TLS record [RFC 8446 §5.1].
func isTLS(record []byte) bool {
	return record[0] >= 20 && record[0] <= 24 && record[1] == 3
}

// notTLS makes the error for a server that does not answer in TLS.
func notTLS(record []byte) error {
	err := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	copy(err.RecordHeader[:], record)
	if string(record) == "HTTP/" {
		return &schemeMismatch{err}
	}
	return err
}

// schemeMismatch makes the error for a server that answers a TLS handshake in
// plain HTTP.
type schemeMismatch struct{ record tls.RecordHeaderError }

func (e *schemeMismatch) Error() string   { return http.ErrSchemeMismatch.Error() }
func (e *schemeMismatch) Unwrap() []error { return []error{http.ErrSchemeMismatch, e.record} }

// OpenSSL's reasons for refusing a certificate (x509_vfy.h) for which package
// x509 has an error.
const (
	x509NotYetValid      = 9
	x509Expired          = 10
	x509SelfSigned       = 18
	x509SelfSignedChain  = 19
	x509NoIssuerLocally  = 20
	x509NoIssuer         = 21
	x509ChainTooLong     = 22
	x509InvalidCA        = 24
	x509PathLength       = 25
	x509InvalidPurpose   = 26
	x509Untrusted        = 27
	x509NoCA             = 79
	x509NameMismatch     = 62
	x509ExcludedName     = 48
	x509NotPermittedName = 47
)

// certificateError returns why the server's certificate was refused, as
// crypto/tls reports it.
func (e *engine) certificateError(on *conn) error {
	h := e.loop.Handshake(on.id)
	if h == nil { // OpenSSL did not refuse it
		return &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	}
	shown, refused := parseCertificates(h.Certificates), parseCertificates(h.Chain)
	leaf := &x509.Certificate{}
	if len(shown) > 0 {
		leaf = shown[0]
	}
	culprit := leaf
	if len(refused) > 0 && h.Refusal != 0 {
		culprit = refused[0]
	}
	host := e.settings.serverName
	if host == "" {
		host = on.origin.key.host
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: shown, Err: refusal(h.Refusal, leaf, culprit, host)}
}

// refusal returns package x509's error for OpenSSL's reason. Without a reason,
// libcurl itself has found that the name does not match.
func refusal(reason int, leaf, culprit *x509.Certificate, host string) error {
	invalid := func(reason x509.InvalidReason, detail string) error {
		return x509.CertificateInvalidError{Cert: culprit, Reason: reason, Detail: detail}
	}
	switch reason {
	case 0, x509NameMismatch:
		return x509.HostnameError{Certificate: leaf, Host: strings.TrimSuffix(host, ".")}
	case x509Expired:
		return invalid(x509.Expired, "it has expired")
	case x509NotYetValid:
		return invalid(x509.Expired, "it is not valid yet")
	case x509InvalidPurpose:
		return invalid(x509.IncompatibleUsage, "")
	case x509InvalidCA, x509NoCA:
		return invalid(x509.NotAuthorizedToSign, "")
	case x509ChainTooLong, x509PathLength:
		return invalid(x509.TooManyIntermediates, "")
	case x509ExcludedName, x509NotPermittedName:
		return invalid(x509.CANotAuthorizedForThisName, "")
	case x509SelfSigned, x509SelfSignedChain, x509NoIssuerLocally, x509NoIssuer, x509Untrusted:
		return x509.UnknownAuthorityError{Cert: leaf}
	}
	return errors.New("x509: certificate refused by OpenSSL")
}

// parseCertificates parses the certificates that can be parsed.
func parseCertificates(all [][]byte) []*x509.Certificate {
	var parsed []*x509.Certificate
	for _, der := range all {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			parsed = append(parsed, certificate)
		}
	}
	return parsed
}
