package curlpipe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// Of SOCKS5 [RFC 1928].
const (
	socksVersion     = 5
	socksNoLogin     = 0
	socksLogin       = 2 // [RFC 1929]
	socksConnect     = 1
	socksIPv4        = 1
	socksName        = 3
	socksIPv6        = 4
	socksLoginSpeech = 1 // version of the messages in RFC 1929
)

// socksReplies are the failures that a proxy reports, by number [RFC 1928 §6].
var socksReplies = [...]string{
	1: "general failure", 2: "not allowed by its rules", 3: "network unreachable", 4: "host unreachable",
	5: "connection refused", 6: "TTL expired", 7: "command not supported", 8: "address type not supported",
}

// throughSOCKS connects through a SOCKS5 proxy [RFC 1928], which looks up the
// host's name.
func (d *dialer) throughSOCKS(ctx context.Context, to originKey) (net.Conn, error) {
	host := to.host
	if addresses := d.given(to.host, to.port); len(addresses) > 0 {
		host = addresses[0].String()
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

// askSOCKS has a SOCKS5 proxy connect to a host, a name or an address.
func askSOCKS(proxy net.Conn, user *url.Userinfo, host, port string) error {
	if err := loginSOCKS(proxy, user); err != nil {
		return err
	}
	request := []byte{socksVersion, socksConnect, 0}
	if address, err := netip.ParseAddr(host); err != nil {
		if len(host) > 255 {
			return fmt.Errorf("a name of %d bytes is too long for SOCKS", len(host))
		}
		request = append(append(request, socksName, byte(len(host))), host...)
	} else if address.Unmap().Is4() {
		request = append(append(request, socksIPv4), address.Unmap().AsSlice()...)
	} else {
		request = append(append(request, socksIPv6), address.AsSlice()...)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("port %q: %w", port, err)
	}
	if _, err := proxy.Write(append(request, byte(number>>8), byte(number))); err != nil {
		return err
	}
	return readSOCKS(proxy)
}

// loginSOCKS negotiates the method of authentication, and authenticates.
func loginSOCKS(proxy net.Conn, user *url.Userinfo) error {
	offer := []byte{socksVersion, 1, socksNoLogin}
	if user != nil {
		offer = []byte{socksVersion, 2, socksNoLogin, socksLogin}
	}
	if _, err := proxy.Write(offer); err != nil {
		return err
	}
	var chosen [2]byte
	if _, err := io.ReadFull(proxy, chosen[:]); err != nil {
		return err
	}
	switch {
	case chosen[0] != socksVersion:
		return errors.New("it does not speak SOCKS5")
	case chosen[1] == socksNoLogin:
		return nil
	case chosen[1] != socksLogin || user == nil:
		return errors.New("it wants another authentication than it was offered")
	}
	name := user.Username()
	password, _ := user.Password()
	if len(name) > 255 || len(password) > 255 {
		return errors.New("user name or password is too long for SOCKS")
	}
	login := append([]byte{socksLoginSpeech, byte(len(name))}, name...)
	login = append(append(login, byte(len(password))), password...)
	if _, err := proxy.Write(login); err != nil {
		return err
	}
	if _, err := io.ReadFull(proxy, chosen[:]); err != nil {
		return err
	}
	if chosen[1] != 0 {
		return errors.New("it refuses user name and password")
	}
	return nil
}

// readSOCKS reads the reply to the request, and nothing after it.
func readSOCKS(proxy net.Conn) error {
	var head [5]byte // the last octet belongs to the address
	if _, err := io.ReadFull(proxy, head[:]); err != nil {
		return err
	}
	if head[0] != socksVersion {
		return errors.New("it does not speak SOCKS5")
	}
	if reply := int(head[1]); reply != 0 {
		reason := "unknown reason"
		if reply < len(socksReplies) {
			reason = socksReplies[reply]
		}
		return fmt.Errorf("the proxy refuses: %s (%d)", reason, reply)
	}
	left := 2 // the port
	switch head[3] {
	case socksIPv4:
		left += 4 - 1
	case socksIPv6:
		left += 16 - 1
	case socksName:
		left += int(head[4])
	default:
		return fmt.Errorf("the proxy answers with an address of type %d", head[3])
	}
	_, err := io.CopyN(io.Discard, proxy, int64(left))
	return err
}
