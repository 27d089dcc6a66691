package curlpipe

//lint:file-ignore SA1019 a Transport that sets deprecated fields is carried over all the same

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
)

// NotCarriedError lists the fields of an http.Transport that a [Transport] does not
// support.
type NotCarriedError struct {
	Fields []string // of http.Transport, such as "HTTP2" and "TLSClientConfig.VerifyConnection"
}

// Error names the fields.
func (e *NotCarriedError) Error() string {
	return "curlpipe: of http.Transport these do not carry over: " + strings.Join(e.Fields, ", ") +
		": leave them out (the package's documentation says what there is instead)"
}

// netHTTPUserAgent is the User-Agent of net/http over HTTP/1.1. Over HTTP/2 package cshim
// sends the one of net/http's HTTP/2.
const netHTTPUserAgent = "Go-http-client/1.1"

// transportFields are the fields of http.Transport that FromHTTPTransport knows. A
// later release of Go may have others, which are listed as not carried over.
var transportFields = map[string]bool{
	"Proxy": true, "OnProxyConnectResponse": true, "ProxyConnectHeader": true, "GetProxyConnectHeader": true,
	"DialContext": true, "Dial": true, "DialTLSContext": true, "DialTLS": true,
	"TLSClientConfig": true, "TLSHandshakeTimeout": true, "TLSNextProto": true,
	"DisableKeepAlives": true, "DisableCompression": true,
	"MaxIdleConns": true, "MaxIdleConnsPerHost": true, "MaxConnsPerHost": true, "IdleConnTimeout": true,
	"ResponseHeaderTimeout": true, "ExpectContinueTimeout": true, "MaxResponseHeaderBytes": true,
	"WriteBufferSize": true, "ReadBufferSize": true, // of connections that libcurl reads and writes
	"ForceAttemptHTTP2": true, "HTTP2": true, "Protocols": true,
}

// unknownFields returns the fields that are set and not known here.
func unknownFields(from *http.Transport) []string {
	var names []string
	value := reflect.ValueOf(from).Elem()
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && !transportFields[field.Name] && !value.Field(i).IsZero() {
			names = append(names, field.Name)
		}
	}
	return names
}

// FromHTTPTransport returns a transport with the settings of an http.Transport,
// which is not changed. If some settings are not supported, it returns the
// transport without them, and a [*NotCarriedError] that lists them. UserAgent is set to
// the one that net/http sends over HTTP/1.1; over HTTP/2 it is then Go-http-client/2.0,
// as with net/http.
//
// HTTP/2 is tried if net/http would try it: ForceAttemptHTTP2, Protocols, TLSNextProto
// and http2client in $GODEBUG decide that. If MaxConnsPerHost is 0, there is one connection to each
// host. The buffer sizes are ignored. Registered protocols have to be registered
// again.
func FromHTTPTransport(from *http.Transport) (*Transport, error) {
	to := &Transport{
		Proxy:                  from.Proxy,
		OnProxyConnectResponse: from.OnProxyConnectResponse,
		ProxyConnectHeader:     from.ProxyConnectHeader.Clone(),
		GetProxyConnectHeader:  from.GetProxyConnectHeader,
		DialContext:            from.DialContext,
		DialTLSContext:         from.DialTLSContext,
		TLSHandshakeTimeout:    from.TLSHandshakeTimeout,
		DisableKeepAlives:      from.DisableKeepAlives,
		DisableCompression:     from.DisableCompression,
		MaxIdleConns:           from.MaxIdleConns,
		MaxIdleConnsPerHost:    max(0, from.MaxIdleConnsPerHost),
		MaxConnsPerHost:        max(0, from.MaxConnsPerHost),
		IdleConnTimeout:        from.IdleConnTimeout,
		ResponseHeaderTimeout:  from.ResponseHeaderTimeout,
		ExpectContinueTimeout:  from.ExpectContinueTimeout,
		MaxResponseHeaderBytes: max(0, from.MaxResponseHeaderBytes),
		UserAgent:              netHTTPUserAgent,
	}
	if from.Protocols != nil {
		protocols := *from.Protocols
		protocols.SetHTTP2(protocols.HTTP2() && !http2Disabled())
		to.Protocols = &protocols
	}
	if to.ExpectContinueTimeout == 0 {
		to.ExpectContinueTimeout = -1 // do not delay the body
	}
	if to.DialContext == nil {
		to.DialContext = withContext(from.Dial)
	}
	if to.DialTLSContext == nil {
		to.DialTLSContext = withContext(from.DialTLS)
	}
	to.DisableKeepAlives = to.DisableKeepAlives || from.MaxIdleConnsPerHost < 0
	missing := append(to.takeTLS(from), unknownFields(from)...)
	for name, wanted := range map[string]bool{
		"HTTP2":        from.HTTP2 != nil && !reflect.ValueOf(*from.HTTP2).IsZero(),
		"TLSNextProto": speaksOthers(from.TLSNextProto),
	} {
		if wanted {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return to, &NotCarriedError{missing}
	}
	return to, nil
}

// speaksOthers reports whether a transport has functions for protocols other than
// HTTP/2. net/http adds its own, over TLS and without, with the first request.
func speaksOthers(protocols map[string]func(string, *tls.Conn) http.RoundTripper) bool {
	for name, speak := range protocols {
		if name != "h2" && name != "unencrypted_http2" && speak != nil {
			return true
		}
	}
	return false
}

// withContext turns a function without a context into one that ignores it.
func withContext(dial func(network, address string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil {
		return nil
	}
	return func(_ context.Context, network, address string) (net.Conn, error) {
		return dial(network, address)
	}
}

// takeTLS copies the settings of TLS and HTTP/2, and returns the fields that
// are not supported.
func (t *Transport) takeTLS(from *http.Transport) []string {
	var missing []string
	config := from.TLSClientConfig.Clone()
	if config != nil {
		for _, name := range unfollowed(config) {
			missing = append(missing, "TLSClientConfig."+name)
			forget(config, name)
		}
	}
	if speaksHTTP1Only(from) {
		if config == nil {
			config = &tls.Config{}
		}
		config.NextProtos = []string{"http/1.1"}
	}
	t.TLSClientConfig = config
	return missing
}

// speaksHTTP1Only reports whether net/http's transport does not try HTTP/2.
func speaksHTTP1Only(from *http.Transport) bool {
	switch {
	case from.Protocols != nil:
		return false // they decide
	case from.TLSNextProto["h2"] != nil:
		return false
	case from.TLSNextProto != nil || http2Disabled():
		return true
	case from.ForceAttemptHTTP2:
		return false
	}
	return from.TLSClientConfig != nil || from.Dial != nil || from.DialContext != nil || from.DialTLS != nil || from.DialTLSContext != nil
}

// http2Disabled reports whether $GODEBUG keeps net/http's clients from HTTP/2. The last
// of its settings counts.
func http2Disabled() (disabled bool) {
	for setting := range strings.SplitSeq(os.Getenv("GODEBUG"), ",") {
		if value, ok := strings.CutPrefix(setting, "http2client="); ok {
			disabled = value == "0"
		}
	}
	return disabled
}
