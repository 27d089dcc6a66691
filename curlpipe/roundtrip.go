package curlpipe

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"

	curl "github.com/andelf/go-curl"
)

// RoundTrip sends a request and returns its response as soon as the header section
// has arrived. The caller must close the body. If the body is closed before its
// end, or the request's context ends, the rest of the response is read and dropped
// within MaxAbandonedBytes and MaxAbandonedTime; beyond them the connection is
// closed. GET and HEAD are pipelined; a request with another method has a
// connection to itself until its response has ended.
//
// Every error is an [*Error], except those that libcurl has no part in, which are as in
// net/http: the cause of the end of the request's context; an error of the caller's
// own code, which is the request's body, a function in the transport's fields, or a
// net.Conn of DialContext's or DialTLSContext's; and the error of an invalid request,
// which wraps ErrUnsupportedRequest. For a refused certificate it is a
// *tls.CertificateVerificationError with the *Error in it.
//
// As in net/http, the URL's user information is not sent: http.Client does that.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if other := t.protocolOf(request); other != nil {
		response, err := other.RoundTrip(request)
		if err != http.ErrSkipAltProtocol {
			return response, err
		}
	}
	if t.Fallback != nil && fallsBack(request) {
		return t.Fallback.RoundTrip(request)
	}
	given := request
	for attempt := 0; ; attempt++ {
		engine, err := t.engine()
		if err != nil {
			return nil, t.newCall(request, true).refuse(err)
		}
		response, err := t.roundTrip(engine, request, given)
		if err == nil {
			return response, nil
		}
		again := t.again(request, err, attempt)
		if again == nil {
			return nil, err
		}
		engine.counters.resent.Add(1)
		request = again
	}
}

// CancelRequest ends a request that RoundTrip is sending, or whose body is being
// read. It does nothing if there is no such request. Fallback gets the call, too, if
// it has this method.
//
// Deprecated: Use a request with a context that can be canceled.
func (t *Transport) CancelRequest(request *http.Request) {
	t.starting.Lock()
	running := t.engines()
	t.starting.Unlock()
	for _, e := range running {
		if request != nil {
			e.mailbox.cancel(request)
		}
	}
	if other, ok := t.Fallback.(interface{ CancelRequest(*http.Request) }); ok {
		other.CancelRequest(request)
	}
}

// RegisterProtocol makes another transport send the requests whose URL has the
// given scheme. The other transport may return [http.ErrSkipAltProtocol] before it
// uses the body; then this one sends the request. RegisterProtocol panics if the
// scheme is registered already.
func (t *Transport) RegisterProtocol(scheme string, transport http.RoundTripper) {
	t.starting.Lock()
	defer t.starting.Unlock()
	if t.protocols[scheme] != nil {
		panic("curlpipe: protocol " + scheme + " already registered")
	}
	registered := map[string]http.RoundTripper{scheme: transport} // RoundTrip may be reading the old map
	maps.Copy(registered, t.protocols)
	t.protocols = registered
}

func (t *Transport) protocolOf(request *http.Request) http.RoundTripper {
	if request.URL == nil {
		return nil
	}
	t.starting.Lock()
	defer t.starting.Unlock()
	return t.protocols[request.URL.Scheme]
}

// fallsBack reports whether only Transport.Fallback can send a request.
func fallsBack(request *http.Request) bool {
	if request.Method == http.MethodConnect || len(request.Trailer) > 0 || canonical(request.Header).Get("Upgrade") != "" {
		return true
	}
	if request.URL == nil || !isWholeServer(request.URL) {
		return false
	}
	lib, err := loadedLibrary()
	_, refused := (&settings{wholeServer: lib.atLeast(firstRequestTarget, "OPTIONS *")}).targetOf(methodOf(request), request.URL)
	return err == nil && refused != nil
}

// Clone returns an unused transport with the same fields. As with net/http, it has
// none of the protocols that were registered.
func (t *Transport) Clone() *Transport {
	t.starting.Lock()
	defer t.starting.Unlock()
	clone := t.copied()
	clone.ProxyConnectHeader = t.ProxyConnectHeader.Clone()
	clone.TLSClientConfig = t.TLSClientConfig.Clone()
	if t.Protocols != nil {
		protocols := *t.Protocols
		clone.Protocols = &protocols
	}
	clone.RootCAs = bytes.Clone(t.RootCAs)
	clone.Resolve = slices.Clone(t.Resolve)
	return clone
}

// copied returns a transport with the same values in its fields.
func (t *Transport) copied() *Transport {
	clone := &Transport{patience: t.patience}
	from, to := reflect.ValueOf(t).Elem(), reflect.ValueOf(clone).Elem()
	for i := range from.NumField() {
		if from.Type().Field(i).IsExported() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return clone
}

// again makes the request a second time, from its beginning, if it had to be sent
// again and its body could not be rewound. It returns nil if the request must not
// be repeated.
func (t *Transport) again(request *http.Request, err error, attempt int) *http.Request {
	var refused *refusedError
	safe := errors.As(err, &refused) || // whatever the method [RFC 9113 §8.7]
		errors.Is(err, curl.CurlError(curl.E_SEND_FAIL_REWIND)) && idempotent(methodOf(request))
	if !safe || attempt >= t.retries() || request.GetBody == nil || request.Context().Err() != nil {
		return nil
	}
	body, err := request.GetBody()
	if err != nil {
		return nil
	}
	copied := request.WithContext(request.Context())
	copied.Body = body
	return copied
}

// roundTrip sends a request once. given is the caller's, which it may be a copy of.
func (t *Transport) roundTrip(engine *engine, request, given *http.Request) (*http.Response, error) {
	ctx := request.Context()
	call := t.newCall(request, true)
	call.given = given
	if err := engine.start(ctx, call); err != nil {
		return nil, call.refuse(err)
	}
	return engine.await(ctx, request, call)
}

// contextError returns the context's error and, if there is one, its cause.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	cause := context.Cause(ctx)
	if (err == context.Canceled || err == context.DeadlineExceeded) && cause == err {
		return err
	}
	return &contextEnd{err, cause}
}
