package curlpipe

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dialer makes the dialer for the transport's fields. The agent is that of CONNECT.
func (t *Transport) dialer() (*dialer, error) {
	d := &dialer{
		unixSocket:      t.UnixSocket,
		proxyTLS:        t.proxyTLS,
		own:             t.DialContext,
		ownTLS:          t.DialTLSContext,
		userAgent:       t.userAgent(),
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
