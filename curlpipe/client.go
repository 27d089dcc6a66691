package curlpipe

import (
	"context"
	"net/http"
)

// Client sends requests through a [Transport] and takes each response as a
// whole, with its body in memory. It is for who has many small requests, and
// takes them in batches. It is safe for concurrent use.
type Client struct {
	engine    *engine
	transport *Transport
}

// New starts a transport, nil standing for a zero one, and returns a client for
// it. It fails when the libcurl that the process has loaded is not fit
// ([ErrUnpatchedLibcurl], [ErrNoPipelining], [ErrUnsupportedByLibcurl]) or a
// field of the transport is not. The caller closes the client, and with it the
// transport.
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
	return &Client{engine: engine, transport: transport}, nil
}

// Do sends a request and waits for its whole response. Redirects are not
// followed, and no content coding is asked for or undone.
//
// When ctx ends, Do returns at once with the context's error. The request is
// then abandoned: one that waits for room in the pipeline is never sent, the
// response of one that is on its way is read and dropped. The request's own
// context is not looked at.
//
// Every error is an [*Error].
func (c *Client) Do(ctx context.Context, request *http.Request) (*http.Response, error) {
	call := newCall(request, false)
	call.owner = c.transport
	if err := c.engine.start(ctx, call); err != nil {
		return nil, call.refuse(err)
	}
	return c.engine.await(ctx, request, call)
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
		call := newCall(request, false)
		call.owner = c.transport
		if err := c.engine.prepare(ctx, call); err != nil {
			results[i].Err = call.refuse(err)
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
			results[i].Err = prepared[i].refuse(refused)
		default:
			results[i].Response, results[i].Err = c.engine.await(ctx, request, prepared[i])
		}
	}
	return results
}

// Close is [Transport.Close] of the client's transport.
func (c *Client) Close() error { return c.transport.Close() }

// Stats is [Transport.Stats] of the client's transport.
func (c *Client) Stats() Stats { return c.transport.Stats() }
