package curlpipe

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// userAgent is sent when the request has no User-Agent of its own; an empty one
// leaves the line out (as in net/http).
const userAgent = "curlpipe"

// encode writes the request down as package cshim takes it: URL and header
// lines, each ended with a NUL. Header fields go out sorted by name, the values
// of one name in their order, as net/http does it.
func (c *call) encode(request *http.Request) error {
	switch method := methodOf(request); method {
	case http.MethodGet, http.MethodHead:
		c.head = method == http.MethodHead
	default:
		return fmt.Errorf("%w: method %q: only GET and HEAD are sent", ErrUnsupportedRequest, method)
	}
	if request.Body != nil && request.Body != http.NoBody {
		return fmt.Errorf("%w: it has a body: send it without", ErrUnsupportedRequest)
	}
	if request.Close {
		return fmt.Errorf("%w: Close is set, which would end the connection for everyone: leave it unset", ErrUnsupportedRequest)
	}
	if err := c.encodeURL(request.URL); err != nil {
		return err
	}
	return c.encodeHeader(request)
}

// encodeURL writes the URL without user information and fragment, so that
// libcurl's own reading of URLs has nothing to decide.
func (c *call) encodeURL(u *url.URL) error {
	switch {
	case u == nil || u.Host == "":
		return fmt.Errorf("%w: no host in the URL", ErrUnsupportedRequest)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: scheme %q: only http and https are known", ErrUnsupportedRequest, u.Scheme)
	case u.Opaque != "":
		return fmt.Errorf("%w: the URL is opaque: give Host and Path", ErrUnsupportedRequest)
	}
	c.origin = u.Scheme + "://" + u.Host
	c.text = append(c.text[:0], c.origin...)
	c.text = append(c.text, u.EscapedPath()...)
	if u.Path == "" {
		c.text = append(c.text, '/')
	}
	if u.ForceQuery || u.RawQuery != "" {
		c.text = append(append(c.text, '?'), u.RawQuery...)
	}
	for _, octet := range c.text {
		if octet <= ' ' || octet >= 0x7f || octet == '#' {
			return fmt.Errorf("%w: %q in the URL: escape it (a host name in its ASCII form)", ErrUnsupportedRequest, octet)
		}
	}
	if strings.ContainsAny(u.Host, "/?@\\") {
		return fmt.Errorf("%w: host %q is not a host", ErrUnsupportedRequest, u.Host)
	}
	c.urlLength = len(c.text)
	c.text = append(c.text, 0)
	return nil
}

func (c *call) encodeHeader(request *http.Request) error {
	header := request.Header
	if request.Host != "" && request.Host != request.URL.Host {
		if err := c.addLine("Host", request.Host); err != nil {
			return err
		}
	}
	if _, ok := header["User-Agent"]; !ok {
		_ = c.addLine("User-Agent", userAgent)
	} else if agent := header.Get("User-Agent"); agent != "" {
		if err := c.addLine("User-Agent", agent); err != nil {
			return err
		}
	}
	if _, ok := header["Accept"]; !ok {
		c.text = append(c.text, "Accept:\x00"...) // libcurl would send */*
	}
	if user := request.URL.User; user != nil && header.Get("Authorization") == "" {
		password, _ := user.Password()
		credentials := user.Username() + ":" + password
		_ = c.addLine("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
	}
	var names [16]string
	for _, name := range sortedNames(names[:0], header) {
		for _, value := range header[name] {
			if err := c.addLine(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// sortedNames lists the fields that go out as they are, in order.
func sortedNames(names []string, header http.Header) []string {
	for name := range header {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			// said by other means, or about a body (net/http leaves them out too)
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// addLine writes one header line, in the syntax of CURLOPT_HTTPHEADER.
func (c *call) addLine(name, value string) error {
	if !isToken(name) {
		return fmt.Errorf("%w: %q is not a field name", ErrUnsupportedRequest, name)
	}
	for i := range len(value) {
		if octet := value[i]; octet < ' ' && octet != '\t' || octet == 0x7f {
			return fmt.Errorf("%w: %q in the value of %s", ErrUnsupportedRequest, octet, name)
		}
	}
	value = strings.Trim(value, " \t")
	if endsConnection(name, value) {
		return fmt.Errorf("%w: %s: %s would end the connection for everyone: leave it out", ErrUnsupportedRequest, name, value)
	}
	c.text = append(c.text, name...)
	if value == "" {
		c.text = append(c.text, ';', 0) // "Name:" would mean to leave it out
		return nil
	}
	c.text = append(append(append(c.text, ": "...), value...), 0)
	return nil
}

// endsConnection tells the fields after which nothing more can be sent on a
// connection (RFC 9110, sections 7.6.1 and 7.8).
func endsConnection(name, value string) bool {
	if strings.EqualFold(name, "Upgrade") {
		return true
	}
	if !strings.EqualFold(name, "Connection") {
		return false
	}
	for option := range strings.SplitSeq(value, ",") {
		if option = strings.Trim(option, " \t"); strings.EqualFold(option, "close") || strings.EqualFold(option, "upgrade") {
			return true
		}
	}
	return false
}

// isToken tells a field name (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	for i := range len(name) {
		octet := name[i]
		letter := octet|0x20 >= 'a' && octet|0x20 <= 'z'
		digit := octet >= '0' && octet <= '9'
		if !letter && !digit && strings.IndexByte("!#$%&'*+-.^_`|~", octet) < 0 {
			return false
		}
	}
	return name != ""
}
