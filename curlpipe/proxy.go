package curlpipe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// proxyOf returns the proxy that a request goes through, in the form of
// originKey.
func (t *Transport) proxyOf(request *http.Request) (string, error) {
	if t.Proxy == nil {
		return "", nil
	}
	proxy, err := t.Proxy(request)
	if err != nil {
		return "", &callersError{err: err}
	}
	if err := checkProxy(proxy); err != nil || proxy == nil {
		return "", err
	}
	return proxy.String(), nil
}

// checkProxy refuses a URL that is not a proxy's.
func checkProxy(proxy *url.URL) error {
	if proxy == nil {
		return nil
	}
	switch proxy.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return fmt.Errorf("curlpipe: Proxy: scheme %q: give http, https, socks5 or socks5h", proxy.Scheme)
	}
	if proxy.Hostname() == "" {
		return fmt.Errorf("curlpipe: Proxy: %q names no host", withoutCredentials(proxy))
	}
	return nil
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
	own := ofCaller(err)
	if own != nil {
		err = own
	}
	err = &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
	if own != nil {
		err = &callersError{err: err}
	}
	return fmt.Errorf("proxy %s: %w", d.proxy.Host, err)
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
			return &callersError{err: err}
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
				return &callersError{err: err}
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

// proxyTLS returns the configuration for https proxies. It has the same
// authorities as for servers.
func (t *Transport) proxyTLS() (*tls.Config, error) {
	config := &tls.Config{
		InsecureSkipVerify: t.InsecureSkipVerify,
		MinVersion:         t.MinTLSVersion,
		MaxVersion:         t.MaxTLSVersion,
		CipherSuites:       suites(t.Ciphers),
	}
	var texts [][]byte
	files := []string{t.CAFile}
	if t.CAPath != "" {
		found, err := filepath.Glob(filepath.Join(t.CAPath, "*"))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	for _, file := range files {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	if t.RootCAs != nil {
		texts = append(texts, t.RootCAs)
	}
	if texts == nil {
		return config, nil // the system's
	}
	config.RootCAs = x509.NewCertPool()
	for _, text := range texts {
		config.RootCAs.AppendCertsFromPEM(text)
	}
	return config, nil
}

// suites returns the cipher suites of an OpenSSL list that Go also has. Names
// that Go does not know are left out. nil, if none is left, leaves the choice
// to Go.
func suites(list string) []uint16 {
	var chosen []uint16
	for name := range strings.SplitSeq(list, ":") {
		if suite, ok := opensslSuites[name]; ok {
			chosen = append(chosen, suite)
		}
	}
	return chosen
}

// opensslSuites are OpenSSL's names for Go's cipher suites up to TLS 1.2.
var opensslSuites = map[string]uint16{
	"AES128-SHA":                    tls.TLS_RSA_WITH_AES_128_CBC_SHA,
	"AES256-SHA":                    tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
}
