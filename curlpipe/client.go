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
	engine, err := startEngine(options, easyOptions(options, lib, sslVersion))
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
	call, err := c.prepare(ctx, request)
	if err == nil {
		err = c.engine.submit(call)
	}
	if err != nil {
		return nil, newError(request, "", err)
	}
	return c.await(ctx, request, call)
}

// Result is what came of one request of a batch.
type Result struct {
	Response *http.Response // nil after an error
	Err      error          // an *Error, or nil
}

// DoBatch sends many requests at once and waits for all of their responses. The
// requests to one origin reach it in the order given, none of another caller's
// between them. Each request has its result at its own index; for the rest see
// [Client.Do].
func (c *Client) DoBatch(ctx context.Context, requests []*http.Request) []Result {
	results := make([]Result, len(requests))
	prepared := make([]*call, len(requests))
	calls := make([]*call, 0, len(requests))
	for i, request := range requests {
		call, err := c.prepare(ctx, request)
		if err != nil {
			results[i].Err = newError(request, "", err)
			continue
		}
		prepared[i] = call
		calls = append(calls, call)
	}
	refused := c.engine.submit(calls...)
	for i, request := range requests {
		switch {
		case prepared[i] == nil:
		case refused != nil:
			results[i].Err = newError(request, "", refused)
		default:
			results[i].Response, results[i].Err = c.await(ctx, request, prepared[i])
		}
	}
	return results
}

// prepare makes a call of a request.
func (c *Client) prepare(ctx context.Context, request *http.Request) (*call, error) {
	if request.Body != nil {
		defer request.Body.Close()
	}
	if ctx.Err() != nil {
		return nil, contextError(ctx)
	}
	call := newCall()
	if err := call.encode(request); err != nil {
		call.release()
		return nil, err
	}
	return call, nil
}

// await waits for a call to end, or for the context.
func (c *Client) await(ctx context.Context, request *http.Request, call *call) (*http.Response, error) {
	select {
	case <-call.done:
	case <-ctx.Done():
		if c.engine.abandon(call) {
			return nil, newError(request, "", contextError(ctx))
		}
		<-call.done // it ended at the same moment
	}
	defer call.release()
	err := call.err
	var response *http.Response
	if err == nil {
		response, err = newResponse(request, call)
	}
	c.engine.counters.count(err)
	if err != nil {
		return nil, newError(request, call.detail, err)
	}
	return response, nil
}

// Close ends every request that has not ended with [ErrClosed], closes the
// connections and frees what the client holds. It returns when all of that is
// done. Closing twice is fine.
func (c *Client) Close() error {
	c.engine.close()
	return nil
}

func newError(request *http.Request, detail string, err error) *Error {
	return &Error{Op: methodOf(request), URL: withoutCredentials(request.URL), Detail: detail, Err: err}
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
