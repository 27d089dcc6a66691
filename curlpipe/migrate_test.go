package curlpipe

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestEveryFieldOfHTTPTransport requires that each field of this release of Go has
// an effect on the transport that is made from it, is listed as not carried over, or
// is known to need none.
func TestEveryFieldOfHTTPTransport(t *testing.T) {
	unencrypted := new(http.Protocols)
	unencrypted.SetUnencryptedHTTP2(true)
	onlyHTTP1 := new(http.Protocols)
	onlyHTTP1.SetHTTP1(true)
	dial := func(string, string) (net.Conn, error) { return nil, errors.New("not to be called") }
	dialContext := func(_ context.Context, network, address string) (net.Conn, error) { return dial(network, address) }
	const (
		carried = iota
		listed
		none
	)
	type set struct {
		value  any
		effect int
	}
	fields := map[string][]set{
		"Proxy":                  {{http.ProxyFromEnvironment, carried}},
		"OnProxyConnectResponse": {{func(context.Context, *url.URL, *http.Request, *http.Response) error { return nil }, carried}},
		"ProxyConnectHeader":     {{http.Header{"A": {"b"}}, carried}},
		"GetProxyConnectHeader":  {{func(context.Context, *url.URL, string) (http.Header, error) { return nil, nil }, carried}},
		"DialContext":            {{dialContext, carried}},
		"Dial":                   {{dial, carried}},
		"DialTLSContext":         {{dialContext, carried}},
		"DialTLS":                {{dial, carried}},
		"TLSClientConfig":        {{&tls.Config{ServerName: "a.example"}, carried}, {&tls.Config{VerifyConnection: func(tls.ConnectionState) error { return nil }}, listed}},
		"TLSHandshakeTimeout":    {{time.Second, carried}},
		"TLSNextProto": {
			{map[string]func(string, *tls.Conn) http.RoundTripper{}, carried}, // no HTTP/2
			{map[string]func(string, *tls.Conn) http.RoundTripper{"h2": func(string, *tls.Conn) http.RoundTripper { return nil }}, none},
			{map[string]func(string, *tls.Conn) http.RoundTripper{"x": func(string, *tls.Conn) http.RoundTripper { return nil }}, listed},
		},
		"DisableKeepAlives":      {{true, carried}},
		"DisableCompression":     {{true, carried}},
		"MaxIdleConns":           {{7, carried}},
		"MaxIdleConnsPerHost":    {{7, carried}, {-1, carried}},
		"MaxConnsPerHost":        {{7, carried}, {-1, none}},
		"IdleConnTimeout":        {{time.Second, carried}},
		"ResponseHeaderTimeout":  {{time.Second, carried}},
		"ExpectContinueTimeout":  {{time.Second, carried}},
		"MaxResponseHeaderBytes": {{int64(7), carried}},
		"WriteBufferSize":        {{7, none}},
		"ReadBufferSize":         {{7, none}},
		"ForceAttemptHTTP2":      {{true, none}}, // see TestForceAttemptHTTP2
		"HTTP2":                  {{&http.HTTP2Config{MaxConcurrentStreams: 7}, listed}, {&http.HTTP2Config{}, none}},
		"Protocols":              {{onlyHTTP1, carried}, {unencrypted, carried}},
	}
	standard, err := FromHTTPTransport(&http.Transport{})
	require.NoError(t, err)
	of := reflect.TypeFor[http.Transport]()
	for i := range of.NumField() {
		field := of.Field(i)
		if !field.IsExported() {
			continue
		}
		require.Contains(t, fields, field.Name, "this release of Go has a field that FromHTTPTransport does not know")
		require.Contains(t, transportFields, field.Name)
		for _, each := range fields[field.Name] {
			theirs := &http.Transport{}
			reflect.ValueOf(theirs).Elem().Field(i).Set(reflect.ValueOf(each.value))
			ours, err := FromHTTPTransport(theirs)
			if each.effect == listed {
				var missing *NotCarriedError
				require.ErrorAs(t, err, &missing, field.Name)
				require.Len(t, missing.Fields, 1)
				require.True(t, strings.HasPrefix(missing.Fields[0], field.Name), missing.Fields[0])
				continue
			}
			require.NoError(t, err, field.Name)
			require.Equal(t, each.effect == carried, !sameFields(standard, ours), "%s = %v", field.Name, each.value)
		}
	}
	for name := range transportFields {
		_, ok := of.FieldByName(name)
		require.True(t, ok, "http.Transport has no %s", name)
	}
}

// sameFields compares exported fields; functions by whether they are set.
func sameFields(a, b *Transport) bool {
	left, right := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range left.NumField() {
		switch x, y := left.Field(i), right.Field(i); {
		case !left.Type().Field(i).IsExported():
		case x.Kind() == reflect.Func:
			if x.IsNil() != y.IsNil() {
				return false
			}
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			return false
		}
	}
	return true
}

// TestEveryMethodOfHTTPTransport requires that the transport has each method of
// http.Transport, with the same arguments and results, but for one that doc.go
// lists.
func TestEveryMethodOfHTTPTransport(t *testing.T) {
	theirs, ours := reflect.TypeFor[*http.Transport](), reflect.TypeFor[*Transport]()
	for i := range theirs.NumMethod() {
		method := theirs.Method(i)
		if method.Name == "NewClientConn" {
			continue
		}
		same, ok := ours.MethodByName(method.Name)
		require.True(t, ok, "there is no %s", method.Name)
		if method.Name == "Clone" { // which returns its own type
			continue
		}
		require.Equal(t, method.Type.NumIn(), same.Type.NumIn(), method.Name)
		for k := 1; k < method.Type.NumIn(); k++ {
			require.Equal(t, method.Type.In(k), same.Type.In(k), method.Name)
		}
		require.Equal(t, method.Type.NumOut(), same.Type.NumOut(), method.Name)
		for k := range method.Type.NumOut() {
			require.Equal(t, method.Type.Out(k), same.Type.Out(k), method.Name)
		}
	}
}

// TestTransportThatWasUsed requires that a transport can still be carried over when
// net/http has set up its own HTTP/2 in it.
func TestTransportThatWasUsed(t *testing.T) {
	s := newServer(t, true, echo)
	for _, force := range []bool{false, true} {
		theirs := trusting(s, &http.Transport{})
		theirs.ForceAttemptHTTP2 = force
		readAll(t, open(t.Context(), t, theirs, s.URL+"/x"))
		for which, roundTripper := range likeHTTPTransport(t, theirs) {
			require.Equal(t, "you asked for /x", readAll(t, open(t.Context(), t, roundTripper, s.URL+"/x")), which)
		}
	}
}

// TestForceAttemptHTTP2 requires that HTTP/2 is tried if net/http tries it, which it
// does not with fields of one's own about connections unless it is told to.
func TestForceAttemptHTTP2(t *testing.T) {
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		_, _ = io.WriteString(writer, request.Proto)
	})
	for _, force := range []bool{false, true} {
		theirs := trusting(s, &http.Transport{})
		theirs.ForceAttemptHTTP2 = force
		for which, roundTripper := range likeHTTPTransport(t, theirs) {
			response, err := roundTripper.RoundTrip(get(t, s.URL))
			require.NoError(t, err, which)
			want := "HTTP/1.1"
			if force && s.EnableHTTP2 {
				want = "HTTP/2.0"
			}
			require.Equal(t, want, readAll(t, response), which)
		}
	}
}

// TestCancelRequest ends requests with the method that contexts have replaced: while
// a connection is being made, before the response, and in its body.
func TestCancelRequest(t *testing.T) {
	type canceler interface {
		http.RoundTripper
		CancelRequest(*http.Request)
	}
	const phrase = "net/http: request canceled"
	s, h := newHeldServer(t, false)
	t.Cleanup(h.release)
	waits, g := newGateServer(t, false)
	t.Cleanup(g.open)
	dials, given := make(chan bool), make(chan bool)
	t.Cleanup(func() { close(given) })
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "nowhere.example") {
			dials <- true
			<-given
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}) {
		transport := roundTripper.(canceler)
		for name, each := range map[string]struct {
			url  string
			wait func()
		}{
			"while it is dialed":  {"http://nowhere.example/", func() { <-dials }},
			"before its response": {waits.URL + "/wait", func() { <-g.arrived }},
		} {
			request := get(t, each.url)
			transport.CancelRequest(request) // which is not sent yet
			ended := newErrors()
			go func() {
				_, err := transport.RoundTrip(request)
				ended <- err
			}()
			each.wait()
			transport.CancelRequest(request)
			require.ErrorContains(t, <-ended, phrase, "%s: %s", which, name)
			transport.CancelRequest(request)
		}
		request := get(t, s.URL+"/held")
		response, err := transport.RoundTrip(request)
		require.NoError(t, err, which)
		transport.CancelRequest(request)
		_, err = io.ReadAll(response.Body)
		require.ErrorContains(t, err, phrase, which)
		require.NoError(t, response.Body.Close())
	}
}
