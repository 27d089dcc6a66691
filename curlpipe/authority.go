package curlpipe

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// longestHost is the maximum length of a host name, with the dot at its end
// [RFC 1035 §2.3.4].
const longestHost = 254

// inASCII returns an authority with the name in its ASCII form [RFC 5891], as
// net/http writes it. It returns a name that is in ASCII already, or has no
// such form, unchanged.
func inASCII(authority string) string {
	for i := range len(authority) {
		if authority[i] >= 0x80 {
			return toASCII(authority)
		}
	}
	return authority
}

// toASCII has net/http write an authority, and reads what it wrote.
func toASCII(authority string) string {
	var text bytes.Buffer
	request := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: authority, Path: "/"}, Host: authority}
	if request.Write(&text) != nil {
		return authority
	}
	read, err := http.ReadRequest(bufio.NewReader(&text))
	if err != nil {
		return authority
	}
	return read.Host
}

// checkAuthority refuses anything but a host, or a host and a port, that can be
// read in one way only: libcurl, a resolver, a proxy and the server must all
// read it in the same way. A name in another alphabet therefore has to be in its
// ASCII form, and a number that some programs take for an address is refused.
func checkAuthority(authority string) error {
	host, port, err := splitAuthority(authority)
	if err != nil {
		return err
	}
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0 || len(port) > 5) {
		return fmt.Errorf("%w: port %q in %q: give 1 to 65535", ErrUnsupportedRequest, port, authority)
	}
	switch {
	case strings.HasPrefix(host, "["):
		return checkIPv6(host)
	case host == "" || len(host) > longestHost:
		return fmt.Errorf("%w: %q is not a host: give a name or an address", ErrUnsupportedRequest, authority)
	}
	for i := range len(host) {
		if octet := host[i]; octet >= 0x80 {
			return fmt.Errorf("%w: host %q: give its ASCII form (golang.org/x/net/idna has ToASCII)", ErrUnsupportedRequest, host)
		} else if !inHost(octet) {
			return fmt.Errorf("%w: %q in host %q", ErrUnsupportedRequest, octet, host)
		}
	}
	if _, err := netip.ParseAddr(host); err != nil && endsInNumber(host) {
		return fmt.Errorf("%w: host %q is neither a name nor an address: write an address as four numbers with dots", ErrUnsupportedRequest, host)
	}
	return nil
}

// splitAuthority separates the port: what follows the first colon, or the first
// one after the brackets of an IPv6 address.
func splitAuthority(authority string) (host, port string, err error) {
	host = authority
	end := 0
	if strings.HasPrefix(authority, "[") {
		end = strings.IndexByte(authority, ']') + 1
		if end == 0 {
			return "", "", fmt.Errorf("%w: host %q has no end", ErrUnsupportedRequest, authority)
		}
	}
	if colon := strings.IndexByte(authority[end:], ':'); colon >= 0 {
		host, port = authority[:end+colon], authority[end+colon+1:]
	}
	if end > 0 && len(host) != end {
		return "", "", fmt.Errorf("%w: %q after the address in host %q", ErrUnsupportedRequest, host[end:], authority)
	}
	return host, port, nil
}

// checkIPv6 refuses anything but an IPv6 address in brackets. A zone is refused
// too, because libcurl and the server would need two spellings of it.
func checkIPv6(host string) error {
	address, err := netip.ParseAddr(host[1 : len(host)-1])
	if err != nil || !address.Is6() || address.Zone() != "" {
		return fmt.Errorf("%w: host %q is not an IPv6 address without a zone", ErrUnsupportedRequest, host)
	}
	return nil
}

// inHost reports whether host names contain an octet, the underscore of service
// names included.
func inHost(octet byte) bool {
	letter := octet|0x20 >= 'a' && octet|0x20 <= 'z'
	return letter || octet >= '0' && octet <= '9' || octet == '-' || octet == '.' || octet == '_'
}

// endsInNumber reports whether resolvers take a name for an IPv4 address in one
// of its old spellings, such as 127.1 or 0x7f000001 [inet_aton(3)].
func endsInNumber(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if digits, hex := strings.CutPrefix(strings.ToLower(last), "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// withoutEmptyPort returns an authority without a colon at its end.
func withoutEmptyPort(authority string) string { return strings.TrimSuffix(authority, ":") }

// isWholeServer reports whether a URL means its server as a whole, in a request
// with OPTIONS [RFC 9112 §3.2.4].
func isWholeServer(u *url.URL) bool {
	return u.Opaque == "" && u.Path == "*" || u.Opaque == "*"
}

// targetOf returns the target of a request for a URL: path and query, which
// begin with a slash whatever the URL has [RFC 9112 §3.2.1].
func targetOf(u *url.URL) (string, error) {
	target, err := pathOf(u)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if u.ForceQuery || u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	for i := range len(target) {
		if octet := target[i]; octet <= ' ' || octet == 0x7f || octet == '#' {
			return "", fmt.Errorf("%w: %q in the URL: escape it", ErrUnsupportedRequest, octet)
		}
	}
	return target, nil
}

// pathOf returns the path of a URL as it is sent. The path of an opaque URL is
// sent unchanged, without the host that it may begin with.
func pathOf(u *url.URL) (string, error) {
	if u.Opaque == "" {
		return u.EscapedPath(), nil
	}
	path := u.Opaque
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			slash = len(rest)
		}
		if !strings.EqualFold(rest[:slash], u.Host) {
			return "", fmt.Errorf("%w: the opaque URL names host %q, and its Host is %q: give the same", ErrUnsupportedRequest, rest[:slash], u.Host)
		}
		path = rest[slash:]
	}
	for i := range len(path) {
		if octet := path[i]; octet >= 0x80 { // some releases of libcurl would escape it
			return "", fmt.Errorf("%w: %q in the opaque URL: escape it", ErrUnsupportedRequest, octet)
		}
	}
	if path != "" && !strings.HasPrefix(path, "/") {
		return "", fmt.Errorf("%w: the opaque URL %q has no path: let it begin with a slash", ErrUnsupportedRequest, u.Opaque)
	}
	return path, nil
}
