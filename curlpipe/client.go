package curlpipe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Client sends requests over connections that it keeps. It is safe for
// concurrent use; make one and share it.
type Client struct {
	engine *engine
}

// New makes a client. It fails when the libcurl that the process has loaded is
// not fit ([ErrUnpatchedLibcurl], [ErrNoPipelining]) or an option is not. The
// caller closes the client.
func New(options Options) (*Client, error) {
	lib, err := loadedLibrary()
	if err != nil {
		return nil, err
	}
	return newClient(options, lib)
}

func newClient(options Options, lib library) (*Client, error) {
	if err := lib.check(options.AllowUnpatched); err != nil {
		return nil, err
	}
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	sslVersion, err := options.sslVersion(lib)
	if err != nil {
		return nil, err
	}
	engine, err := startEngine(options, sslVersion)
	if err != nil {
		return nil, err
	}
	return &Client{engine: engine}, nil
}

// Do sends a GET or HEAD request and waits for its response, whose body is in
// memory already; other methods and request bodies are refused with
// [ErrUnsupportedRequest]. Redirects are not followed, and no content coding is
// asked for or undone.
//
// When ctx ends, Do returns at once with the context's error. The request is
// then abandoned: one that waits for room in the pipeline is never sent, the
// response of one that is on its way is read and dropped. The request's own
// context is not looked at.
//
// Every error is an [*Error].
func (c *Client) Do(ctx context.Context, request *http.Request) (*http.Response, error) {
	response, detail, err := c.do(ctx, request)
	if err != nil {
		return nil, &Error{Op: methodOf(request), URL: withoutCredentials(request.URL), Detail: detail, Err: err}
	}
	return response, nil
}

func (c *Client) do(ctx context.Context, request *http.Request) (response *http.Response, detail string, err error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	call := newCall()
	if err := call.encode(request); err != nil {
		return nil, "", err
	}
	if ctx.Err() != nil {
		return nil, "", contextError(ctx)
	}
	if err := c.engine.submit(call); err != nil {
		return nil, "", err
	}
	select {
	case <-call.done:
	case <-ctx.Done():
		if c.engine.abandon(call) {
			return nil, "", contextError(ctx)
		}
		<-call.done // it ended at the same moment
	}
	defer call.release()
	detail, err = call.detail, call.err
	if err == nil {
		response, err = newResponse(request, call)
	}
	c.engine.counters.count(err)
	return response, detail, err
}

// Close ends every request that has not ended with [ErrClosed], closes the
// connections and frees what the client holds. It returns when all of that is
// done. Closing twice is fine.
func (c *Client) Close() error {
	c.engine.close()
	return nil
}

func methodOf(request *http.Request) string {
	if request.Method == "" {
		return http.MethodGet
	}
	return request.Method
}

// contextError is the context's error and, where there is one, its cause.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}
