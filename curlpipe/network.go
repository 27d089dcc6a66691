package curlpipe

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialer makes the dialer for the transport's fields.
func (t *Transport) dialer() (*dialer, error) {
	d := &dialer{
		unixSocket:      t.UnixSocket,
		proxyTLS:        t.proxyTLS,
		own:             t.DialContext,
		ownTLS:          t.DialTLSContext,
		userAgent:       cmp.Or(t.UserAgent, DefaultUserAgent),
		connectHeader:   t.ProxyConnectHeader,
		connectHeaderOf: t.GetProxyConnectHeader,
		onConnected:     t.OnProxyConnectResponse,
	}
	d.network.KeepAlive = -1 // libcurl sets it
	var err error
	if d.resolved, err = parseResolve(t.Resolve); err != nil {
		return nil, err
	}
	if ip := net.ParseIP(t.LocalAddress); ip != nil {
		d.network.LocalAddr = &net.TCPAddr{IP: ip}
	} else if t.LocalAddress != "" {
		d.network.Control = fromInterface(t.LocalAddress)
	}
	return d, nil
}

// proxyOf returns the proxy that a request goes through, in the form of
// originKey.
func (s *settings) proxyOf(request *http.Request) (string, error) {
	if s.proxy == nil {
		return "", nil
	}
	proxy, err := s.proxy(request)
	if err == nil {
		err = checkProxy(proxy)
	}
	if err != nil || proxy == nil {
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

// parseResolve reads Transport.Resolve.
func parseResolve(lines []string) (map[string][]netip.Addr, error) {
	resolved := make(map[string][]netip.Addr)
	for _, line := range lines {
		parts := strings.SplitN(strings.TrimPrefix(line, "+"), ":", 3)
		if len(parts) != 3 || parts[0] == "" || parts[1] == "" {
			return nil, fmt.Errorf("curlpipe: Resolve: %q: give host:port:address[,address]", line)
		}
		key := strings.ToLower(parts[0]) + ":" + parts[1]
		resolved[key] = nil
		for text := range strings.SplitSeq(parts[2], ",") {
			address, err := netip.ParseAddr(strings.Trim(text, "[]"))
			if err != nil {
				return nil, fmt.Errorf("curlpipe: Resolve: %q: %w", line, err)
			}
			resolved[key] = append(resolved[key], address)
		}
	}
	return resolved, nil
}

// fromInterface makes sockets start from an interface: bound to it if that is
// allowed, otherwise from one of its addresses.
func fromInterface(name string) func(network, address string, raw syscall.RawConn) error {
	return func(network, _ string, raw syscall.RawConn) error {
		if strings.HasPrefix(network, "unix") {
			return nil
		}
		var refused error
		err := raw.Control(func(fd uintptr) {
			if refused = bindToInterface(int(fd), name); refused == unix.EPERM {
				refused = bindToAddressOf(int(fd), name, network == "tcp6")
			}
		})
		if err == nil {
			err = refused
		}
		if err != nil {
			return fmt.Errorf("LocalAddress %q: %w", name, err)
		}
		return nil
	}
}

func bindToAddressOf(fd int, name string, v6 bool) error {
	device, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	addresses, err := device.Addrs()
	if err != nil {
		return err
	}
	for _, each := range addresses {
		prefix, err := netip.ParsePrefix(each.String())
		if err != nil || prefix.Addr().Is6() != v6 {
			continue
		}
		if v6 {
			return unix.Bind(fd, &unix.SockaddrInet6{Addr: prefix.Addr().As16(), ZoneId: uint32(device.Index)})
		}
		return unix.Bind(fd, &unix.SockaddrInet4{Addr: prefix.Addr().As4()})
	}
	return unix.EADDRNOTAVAIL
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

// connectTime returns ConnectTimeout or its default, at most StallTimeout.
func connectTime(limit, stall time.Duration) time.Duration {
	if stall > 0 {
		return min(limit, stall)
	}
	return limit
}
