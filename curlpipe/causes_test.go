package curlpipe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bothTransports are net/http's transport and ours. Both trust the authority,
// if there is one.
func bothTransports(t testing.TB, authority *issuer) map[string]http.RoundTripper {
	theirs := &http.Transport{TLSClientConfig: &tls.Config{}}
	ours := &Transport{}
	if authority != nil {
		theirs.TLSClientConfig.RootCAs = x509.NewCertPool()
		theirs.TLSClientConfig.RootCAs.AddCert(authority.certificate)
		ours.RootCAs = authority.pem()
	}
	t.Cleanup(theirs.CloseIdleConnections)
	return map[string]http.RoundTripper{"net/http": theirs, "curlpipe": newTestTransport(t, nil, ours)}
}

// rawConns is a server that waits for a request on each connection, calls a
// function, and closes the connection.
func rawConns(t testing.TB, overTLS *tls.Config, then func(net.Conn)) string {
	t.Helper()
	return newServedServer(t, func(_ int64, connection net.Conn, _ *bufio.Reader) {
		if overTLS != nil {
			connection = tls.Server(connection, overTLS)
		}
		if _, err := http.ReadRequest(bufio.NewReader(connection)); err == nil {
			then(connection)
		}
	}).address()
}

// reset makes a connection end with a RST.
func reset(connection net.Conn) {
	if secured, ok := connection.(*tls.Conn); ok {
		connection = secured.NetConn()
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}

// failureOf makes a request and returns its error, or the error of its body.
func failureOf(t testing.TB, roundTripper http.RoundTripper, request *http.Request) error {
	response, err := roundTripper.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.ReadAll(response.Body)
	return err
}

// TestCausesLikeNetHTTP requires that a program finds the same in an error of
// both transports.
func TestCausesLikeNetHTTP(t *testing.T) {
	authority, unknown := newIssuer(t), newIssuer(t)
	certificate := func(from *issuer, change func(*x509.Certificate), names ...string) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{from.issue(t, change, names...)}}
	}
	good := certificate(authority, unchanged, "127.0.0.1")
	secure := func(config *tls.Config) string {
		server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
		server.Config.ErrorLog = quiet()
		server.TLS = config
		server.StartTLS()
		t.Cleanup(server.Close)
		return server.URL
	}
	plain := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(plain.Close)
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"
	say := func(text string, then func(net.Conn)) func(net.Conn) {
		return func(connection net.Conn) {
			_, _ = io.WriteString(connection, text)
			then(connection)
		}
	}
	leave := func(connection net.Conn) {}

	var network *net.OpError
	var lookup *net.DNSError
	var refused *tls.CertificateVerificationError
	var authorityError x509.UnknownAuthorityError
	var nameError x509.HostnameError
	var invalid x509.CertificateInvalidError
	mutual := good.Clone()
	mutual.ClientAuth = tls.RequireAnyClientCert
	expired := certificate(authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, "127.0.0.1")
	early := certificate(authority, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, "127.0.0.1")
	forClients := certificate(authority, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, "127.0.0.1")

	for name, each := range map[string]struct {
		url    string
		header http.Header
		method string
		is     []error
		not    []error
		as     []any
		text   []string // that is in it
		check  func(t *testing.T)
	}{
		"refused": {url: "http://" + noListener(t), is: []error{syscall.ECONNREFUSED}, not: []error{io.EOF},
			as: []any{&network}, text: []string{"dial tcp", "connection refused"},
			check: func(t *testing.T) { require.Equal(t, "dial", network.Op) }},
		"no such host": {url: "http://nobody.invalid/", as: []any{&network, &lookup}, text: []string{"lookup nobody.invalid"}},
		"reset instead of a response": {url: "http://" + rawConns(t, nil, reset), is: []error{syscall.ECONNRESET}, not: []error{io.EOF, io.ErrUnexpectedEOF},
			as: []any{&network}, text: []string{"connection reset by peer"}},
		"reset instead of a response, over TLS": {url: "https://" + rawConns(t, good, reset), is: []error{syscall.ECONNRESET}, not: []error{io.EOF},
			as: []any{&network}, text: []string{"connection reset by peer"}},
		"reset in a body": {url: "http://" + rawConns(t, nil, say(ok, reset)), is: []error{syscall.ECONNRESET}, not: []error{io.EOF},
			as: []any{&network}, text: []string{"connection reset by peer"}},
		"reset in a body, over TLS": {url: "https://" + rawConns(t, good, say(ok, reset)), is: []error{syscall.ECONNRESET}, not: []error{io.EOF},
			as: []any{&network}, text: []string{"connection reset by peer"}},
		"closed instead of a response": {url: "http://" + rawConns(t, nil, leave), is: []error{io.EOF}, not: []error{syscall.ECONNRESET, io.ErrUnexpectedEOF}, text: []string{"EOF"}},
		"closed in a body":             {url: "http://" + rawConns(t, nil, say(ok, leave)), is: []error{io.ErrUnexpectedEOF}, not: []error{syscall.ECONNRESET, io.EOF}, text: []string{"unexpected EOF"}},
		"closed in a body, over TLS":   {url: "https://" + rawConns(t, good, say(ok, leave)), is: []error{io.ErrUnexpectedEOF}, not: []error{syscall.ECONNRESET, io.EOF}, text: []string{"unexpected EOF"}},
		"no response": {url: "http://" + rawConns(t, nil, say("SSH-2.0-OpenSSH_9.2\r\n", leave)), not: []error{io.EOF},
			text: []string{"malformed HTTP"}},
		"unknown authority": {url: secure(certificate(unknown, unchanged, "127.0.0.1")), as: []any{&refused, &authorityError},
			text: []string{"tls: failed to verify certificate", "x509: certificate signed by unknown authority"},
			check: func(t *testing.T) {
				require.Len(t, refused.UnverifiedCertificates, 1)
				require.Equal(t, "somebody", authorityError.Cert.Subject.CommonName)
			}},
		"another name": {url: secure(certificate(authority, unchanged, "example.org")), as: []any{&refused, &nameError},
			text: []string{"x509: "},
			check: func(t *testing.T) {
				require.Equal(t, "127.0.0.1", nameError.Host)
				require.Equal(t, []string{"example.org"}, nameError.Certificate.DNSNames)
			}},
		"expired": {url: secure(expired), as: []any{&refused, &invalid}, text: []string{"x509: certificate has expired or is not yet valid"},
			check: func(t *testing.T) { require.Equal(t, x509.Expired, invalid.Reason) }},
		"not valid yet": {url: secure(early), as: []any{&refused, &invalid}, text: []string{"x509: certificate has expired or is not yet valid"},
			check: func(t *testing.T) { require.Equal(t, x509.Expired, invalid.Reason) }},
		"for clients": {url: secure(forClients), as: []any{&refused, &invalid}, text: []string{"x509: certificate specifies an incompatible key usage"},
			check: func(t *testing.T) { require.Equal(t, x509.IncompatibleUsage, invalid.Reason) }},
		"no certificate of ours":      {url: secure(mutual), as: []any{&network}, text: []string{"remote error: tls: certificate required"}},
		"plain HTTP behind https":     {url: strings.Replace(plain.URL, "http:", "https:", 1), as: []any{&tls.RecordHeaderError{}}, not: []error{io.EOF}},
		"something else behind https": {url: "https://" + greets(t, "220 mail.example.org ESMTP\r\n"), as: []any{&tls.RecordHeaderError{}}, text: []string{"first record does not look like a TLS handshake"}},
		"scheme":                      {url: "ftp://127.0.0.1/", text: []string{`unsupported protocol scheme "ftp"`}},
		"no scheme":                   {url: "/path", text: []string{`unsupported protocol scheme ""`}},
		"no host":                     {url: "http:///path", text: []string{"no Host in request URL"}},
		"field name":                  {url: plain.URL, header: http.Header{"a b": {"c"}}, text: []string{`invalid header field name "a b"`}},
		"field value":                 {url: plain.URL, header: http.Header{"A": {"b\n"}}, text: []string{`invalid header field value for "A"`}},
		"method":                      {url: plain.URL, method: "A B", text: []string{`invalid method "A B"`}},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range bothTransports(t, authority) {
				request, err := http.NewRequest(http.MethodGet, each.url, nil)
				require.NoError(t, err)
				if each.header != nil {
					request.Header = each.header
				}
				if each.method != "" {
					request.Method = each.method
				}
				err = failureOf(t, roundTripper, request)
				require.Error(t, err, which)
				for _, target := range each.is {
					require.ErrorIs(t, err, target, which)
				}
				for _, target := range each.not {
					require.NotErrorIs(t, err, target, which)
				}
				for _, target := range each.as {
					require.ErrorAs(t, err, target, which)
				}
				for _, text := range each.text {
					require.ErrorContains(t, err, text, which)
				}
				if each.check != nil {
					each.check(t)
				}
			}
		})
	}
}

// TestSchemeMismatch requires that a client that speaks TLS to a plain server
// is told so.
func TestSchemeMismatch(t *testing.T) {
	s := newServer(t, false, echo)
	for name, roundTripper := range bothTransports(t, nil) {
		client := &http.Client{Transport: roundTripper}
		_, err := client.Get(strings.Replace(s.URL, "http:", "https:", 1))
		require.ErrorIs(t, err, http.ErrSchemeMismatch, name)
		require.ErrorContains(t, err, "server gave HTTP response to HTTPS client", name)
	}
}

// greets is a server that sends first.
func greets(t testing.TB, greeting string) string {
	return newServedServer(t, func(_ int64, connection net.Conn, _ *bufio.Reader) {
		_, _ = io.WriteString(connection, greeting)
		_, _ = io.Copy(io.Discard, connection)
	}).address()
}

// TestContextsErrorIsBare requires that RoundTrip and the body return the
// context's error as it is, because programs compare it.
func TestContextsErrorIsBare(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s, g := newGateServer(t, overTLS)
		for name, make := range yardsticks {
			roundTripper := make(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			_, err := roundTripper.RoundTrip(get(t, s.URL+"/wait").WithContext(ctx))
			require.True(t, err == context.DeadlineExceeded, "%s: %v", name, err)
			cancel()
			_, err = roundTripper.RoundTrip(get(t, s.URL).WithContext(ctx))
			require.True(t, err == context.DeadlineExceeded, "%s: %v", name, err)
		}
		g.open()
		reason := errors.New("had enough")
		for name, make := range yardsticks {
			roundTripper := make(t, s)
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(reason)
			_, err := roundTripper.RoundTrip(get(t, s.URL).WithContext(ctx))
			require.True(t, err == reason, "%s: %v", name, err)
		}
	})
}

// TestContextsErrorOfABodyIsBare requires the same of the body.
func TestContextsErrorOfABodyIsBare(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		goOn := make(chan struct{})
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			_, _ = io.WriteString(writer, "part")
			_ = http.NewResponseController(writer).Flush()
			<-goOn
		})
		defer close(goOn)
		for name, make := range yardsticks {
			ctx, cancel := context.WithCancel(t.Context())
			response := open(ctx, t, make(t, s), s.URL)
			cancel()
			_, err := io.ReadAll(response.Body)
			require.True(t, err == context.Canceled, "%s: %v", name, err)
			require.NoError(t, response.Body.Close())
		}
	})
}
