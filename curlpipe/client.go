package curlpipe

import (
	"context"
	"net/http"
)

// Client sends requests through a [Transport] and takes each response as a
// whole, with its body in memory. Use it for many small requests, which
// [Client.DoBatch] takes together. A Client is safe for concurrent use.
type Client struct{ transport *Transport }

// New starts a transport and returns a client for it; a nil transport means a zero
// one. It fails if the process has loaded an unsuitable libcurl
// ([ErrUnpatchedLibcurl], [ErrNoPipelining], [ErrUnsupportedByLibcurl]) or if a
// field of the transport is invalid. The caller must close the client, which closes
// the transport.
func New(transport *Transport) (*Client, error) {
	if transport == nil {
		transport = &Transport{}
	}
	engine, err := transport.engine()
	if err == nil {
		err = transport.tryConfigure(engine)
	}
	if err != nil {
		return nil, err
	}
	return &Client{transport}, nil
}

// Do sends a request and waits for its whole response. Redirects are not
// followed, and no content coding is requested or decoded.
//
// When ctx ends, Do returns at once with the context's error, and the request is
// abandoned: a request that waits for room in the pipeline is never sent; if it has
// been sent, its response is read and dropped. The request's own context is ignored.
//
// Every error is an [*Error].
func (c *Client) Do(ctx context.Context, request *http.Request) (*http.Response, error) {
	call := c.transport.newCall(request, false)
	engine, err := c.transport.engine()
	if err == nil {
		err = engine.start(ctx, call)
	}
	if err != nil {
		return nil, call.refuse(err)
	}
	return engine.await(ctx, request, call)
}

// Result is the outcome of one request of a batch.
type Result struct {
	Response *http.Response // nil after an error
	Err      error          // an *Error, or nil
}

// DoBatch sends many requests at once and waits for all responses. Requests to one
// origin reach it in the given order, with no other caller's requests in between.
// The result of each request has the same index. Otherwise DoBatch is like
// [Client.Do].
func (c *Client) DoBatch(ctx context.Context, requests []*http.Request) []Result {
	results := make([]Result, len(requests))
	prepared := make([]*call, len(requests))
	calls := make([]*call, 0, len(requests))
	engine, failed := c.transport.engine()
	for i, request := range requests {
		call := c.transport.newCall(request, false)
		err := failed
		if err == nil {
			err = engine.prepare(ctx, call)
		}
		if err != nil {
			results[i].Err = call.refuse(err)
			continue
		}
		prepared[i] = call
		calls = append(calls, call)
	}
	if failed != nil {
		return results
	}
	refused := engine.submit(calls...)
	for i, request := range requests {
		switch {
		case prepared[i] == nil:
		case refused != nil:
			results[i].Err = prepared[i].refuse(refused)
		default:
			results[i].Response, results[i].Err = engine.await(ctx, request, prepared[i])
		}
	}
	return results
}

// Close is [Transport.Close] of the client's transport.
func (c *Client) Close() error { return c.transport.Close() }

// Stats is [Transport.Stats] of the client's transport.
func (c *Client) Stats() Stats { return c.transport.Stats() }
