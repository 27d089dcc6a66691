package curlpipe

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

func methodOf(request *http.Request) string {
	if request.Method == "" {
		return http.MethodGet
	}
	return request.Method
}

// encode encodes the request for package cshim. As in net/http, header fields
// are sorted by name, and the values of a name keep their order.
func (c *call) encode(request *http.Request, s *settings) error {
	method := methodOf(request)
	if err := check(request, method); err != nil {
		return err
	}
	fields := canonical(request.Header)
	c.lookFirst(request)
	c.uploadLength = bodyLength(request)
	if c.upload == nil {
		c.uploadLength = 0
	}
	c.flags = flags{
		head:       method == http.MethodHead,
		upload:     c.upload != nil,
		repeatable: repeatable(method, fields),
		close:      request.Close || c.owner.DisableKeepAlives || saysClose(fields["Connection"], true),
	}
	if c.flags.head && c.flags.upload {
		return fmt.Errorf("%w: HEAD with a body: send it without", ErrUnsupportedRequest)
	}
	if len(request.Trailer) > 0 {
		return fmt.Errorf("%w: a trailer section: send it without, or set Transport.Fallback", ErrUnsupportedRequest)
	}
	c.flags.expects = c.flags.upload && saysContinue(fields["Expect"])
	if c.trace != nil {
		c.trace.expects = c.flags.expects
	}
	c.flags.exclusive = c.flags.upload || c.flags.close || !pipelined(method)
	c.takeText()
	if !c.flags.upload && (method == http.MethodGet || method == http.MethodHead) {
		method = "" // libcurl's own
	}
	if err := c.encodeURL(request, method, s); err != nil {
		return err
	}
	return c.encodeHeader(request, fields, c.owner.userAgent())
}

// check refuses what net/http refuses, too, and CONNECT.
func check(request *http.Request, method string) error {
	u := request.URL
	switch {
	case u == nil:
		return invalidRequest("http: nil Request.URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalidRequest(fmt.Sprintf("unsupported protocol scheme %q", u.Scheme))
	case !isToken(method):
		return invalidRequest(fmt.Sprintf("net/http: invalid method %q", method))
	case u.Host == "":
		return invalidRequest("http: no Host in request URL")
	case request.Body == nil && request.ContentLength != 0:
		return invalidRequest(fmt.Sprintf("http: Request.ContentLength=%d with nil Body", request.ContentLength))
	case method == http.MethodConnect:
		return fmt.Errorf("%w: CONNECT: set Transport.Fallback", ErrUnsupportedRequest)
	}
	return nil
}

// sendsLength reports whether requests with a method state their body's length
// even if they have no body [RFC 9110 §8.6].
func sendsLength(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// encodeURL begins the text with the method and the URL, without user information
// and fragment. That leaves nothing for libcurl's URL parser to decide: URL.Host
// alone says where to connect to.
func (c *call) encodeURL(request *http.Request, method string, s *settings) error {
	u, err := c.encodeOrigin(request.URL)
	if err != nil {
		return err
	}
	target, err := s.targetOf(methodOf(request), u)
	if err != nil {
		return err
	}
	if c.origin.proxy, err = c.owner.proxyOf(request); err != nil {
		return err
	}
	scheme, named := u.Scheme, namedHost(u, s.serverName)
	c.origin.prior = s.speaks.prior && scheme == "http"
	if c.origin.secured = s.dialer.ownTLS != nil && scheme == "https" && c.origin.proxy == ""; c.origin.secured {
		scheme, named = "http", c.origin.address() // libcurl must know nothing of the TLS
	}
	if c.flags.proxied = c.origin.proxied(); c.flags.proxied && request.Host != "" {
		named = inASCII(request.Host) // the target has the same host as the Host field [RFC 9112 §3.2.2]
		if err := checkAuthority(named); err != nil {
			return err
		}
	}
	c.text.Start(method, scheme, "://", withoutEmptyPort(named), target)
	return nil
}

// checked is the last authority that a call has found to be valid, and its
// origin.
type checked struct {
	scheme, authority string
	origin            originKey
}

// encodeOrigin sets the origin of a URL, and returns the URL with its host in
// ASCII. It checks nothing again if the call had the same authority the last
// time: the result depends on the scheme and the authority alone.
func (c *call) encodeOrigin(u *url.URL) (*url.URL, error) {
	if u.Scheme == c.checked.scheme && u.Host == c.checked.authority {
		c.origin = c.checked.origin
		return u, nil
	}
	if ascii := inASCII(u.Host); ascii != u.Host {
		copied := *u
		copied.Host = ascii
		u = &copied
	}
	if err := checkAuthority(u.Host); err != nil {
		return nil, err
	}
	c.origin = originOf(u)
	c.checked = checked{u.Scheme, u.Host, c.origin}
	return u, nil
}

// targetOf returns the target in the form of package cshim: empty for the whole
// server.
func (s *settings) targetOf(method string, u *url.URL) (string, error) {
	switch {
	case !isWholeServer(u):
		return targetOf(u)
	case method != http.MethodOptions || u.RawQuery != "" || u.ForceQuery:
		return "", fmt.Errorf("%w: target *: give a path, or OPTIONS without a query", ErrUnsupportedRequest)
	case s.wholeServer != nil:
		return "", fmt.Errorf("%w: %w", ErrUnsupportedRequest, s.wholeServer)
	}
	return "", nil
}

// namedHost returns the authority for libcurl's URL. Over TLS, the server's
// certificate must contain its name.
func namedHost(u *url.URL, serverName string) string {
	if serverName == "" || u.Scheme != "https" {
		return withoutEmptyPort(u.Host)
	}
	if port := u.Port(); port != "" {
		return net.JoinHostPort(serverName, port)
	}
	return serverName
}

// basic returns the credentials of a URL as a field value [RFC 7617].
func basic(user *url.Userinfo) string {
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// encodeHeader adds the header lines. It looks fields up in the argument fields,
// which has the request's header section with canonical names.
func (c *call) encodeHeader(request *http.Request, fields http.Header, userAgent string) error {
	host := inASCII(request.URL.Host)
	if request.Host != "" && request.Host != request.URL.Host {
		host = inASCII(request.Host)
		if err := checkAuthority(host); err != nil {
			return err
		}
	}
	// libcurl's own would lack the scheme's default port
	_ = c.addLine("Host", host)
	c.addProxy(fields)
	c.trace.noteFraming(c)
	if c.flags.close && !saysClose(fields["Connection"], true) {
		_ = c.addLine("Connection", "close")
	}
	if c.flags.upload && fields.Get("Expect") == "" {
		c.text.Without("Expect") // libcurl would wait for 100 (Continue)
	}
	if _, ok := fields["User-Agent"]; !ok {
		c.flags.goAgent = userAgent == netHTTPUserAgent
		if err := c.addLine("User-Agent", userAgent); err != nil {
			return err
		}
	} else if agent := fields.Get("User-Agent"); agent != "" {
		if err := c.addLine("User-Agent", agent); err != nil {
			return err
		}
	}
	if len(fields["Accept"]) == 0 {
		c.text.Without("Accept") // libcurl would send */*
	}
	if user := request.URL.User; user != nil && !c.stream && fields.Get("Authorization") == "" { // http.Client adds it, too
		_ = c.addLine("Authorization", basic(user))
	}
	var names [16]string
	for _, name := range sortedNames(names[:0], request.Header) {
		for _, value := range request.Header[name] {
			if err := c.addLine(name, value); err != nil {
				return err
			}
		}
	}
	if c.gunzip { // at the end, as in net/http
		_ = c.addLine("Accept-Encoding", "gzip")
	}
	return nil
}

// addProxy adds the fields for an http proxy that gets the request itself, and
// omits the field that libcurl would send to it.
func (c *call) addProxy(fields http.Header) {
	if !c.flags.proxied {
		return
	}
	c.text.Without("Proxy-Connection")
	proxy, err := url.Parse(c.origin.proxy)
	if err == nil && proxy.User != nil && fields.Get("Proxy-Authorization") == "" {
		_ = c.addLine("Proxy-Authorization", basic(proxy.User))
	}
}

// saysContinue reports whether values of Expect ask for 100 (Continue) [RFC
// 9110 §10.1.1].
func saysContinue(values []string) bool {
	for _, value := range values {
		for each := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(trimBlank(each), "100-continue") {
				return true
			}
		}
	}
	return false
}

// canonical returns a header section whose names have the form that Get expects.
// Names are compared without case [RFC 9110 §5.1], and the keys of a caller's
// map may have any form.
func canonical(header http.Header) http.Header {
	isSo := true
	for name := range header {
		isSo = isSo && textproto.CanonicalMIMEHeaderKey(name) == name
	}
	if isSo {
		return header
	}
	fields := make(http.Header, len(header))
	for name, values := range header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		fields[name] = append(fields[name], values...)
	}
	return fields
}

// sortedNames lists the fields that are sent unchanged, sorted.
func sortedNames(names []string, header http.Header) []string {
	for name := range header {
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			// sent in another way, or about a body (net/http leaves them out
			// too)
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// addLine writes one header line.
func (c *call) addLine(name, value string) error {
	if !isToken(name) {
		return invalidRequest(fmt.Sprintf("net/http: invalid header field name %q", name))
	}
	for i := range len(value) {
		if octet := value[i]; octet < ' ' && octet != '\t' || octet == 0x7f {
			return invalidRequest(fmt.Sprintf("net/http: invalid header field value for %q", name))
		}
	}
	value = strings.Trim(value, " \t")
	if strings.EqualFold(name, "Upgrade") {
		return fmt.Errorf("%w: %s: %s: the protocol cannot be switched here", ErrUnsupportedRequest, name, value)
	}
	c.text.Field(name, value)
	c.trace.note(name, value)
	return nil
}
