package curlpipe

//lint:file-ignore SA1019 Request.Cancel is followed as net/http follows it

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// prepare makes a call ready to be submitted.
func (e *engine) prepare(ctx context.Context, c *call) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	c.ctx = ctx
	if c.stream {
		c.trace = newTrace(ctx)
		c.gunzip = !c.owner.DisableCompression && wantsGzip(c.asked)
	}
	if err := c.encode(c.asked, e.settings); err != nil {
		return err
	}
	c.window = e.settings.readBufferSize
	c.trace.begin(c.origin)
	return nil
}

// errRequestCanceled is the error of a request whose Cancel channel was closed, or
// that CancelRequest has ended.
var errRequestCanceled = errors.New("net/http: request canceled")

// start prepares a call and submits it. After an error the caller still owns
// the call.
func (e *engine) start(ctx context.Context, c *call) error {
	if err := e.prepare(ctx, c); err != nil {
		return err
	}
	return e.submit(c)
}

// canceledError is the error of a request that was canceled through Cancel or
// CancelRequest. http.Client does that when its Timeout expires, which is the
// context's deadline, too.
func canceledError(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return errRequestCanceled
}

// timerDelay is how much later than its deadline a timer of http.Client's may expire.
const timerDelay = 250 * time.Millisecond

// awaitTimer waits until http.Client has noticed that its Timeout has expired, which
// is the context's deadline, too. Only then does its error say so.
func awaitTimer(ctx context.Context, canceled <-chan struct{}) {
	if canceled == nil || ctx.Err() != context.DeadlineExceeded {
		return
	}
	select {
	case <-canceled:
	case <-time.After(timerDelay):
	}
}

// await waits until a call is answered, or its context ends.
func (e *engine) await(ctx context.Context, request *http.Request, call *call) (*http.Response, error) {
	if call.trace != nil {
		return e.awaitTraced(ctx, request, call)
	}
	left := ctx.Done()
	if left == nil && request.Cancel == nil { // a receive costs less than a select
		<-call.done
		return e.answer(ctx, request, call)
	}
	select {
	case <-call.done:
	case <-request.Cancel:
		if e.abandon(call) {
			return nil, call.failure(canceledError(ctx), "")
		}
		<-call.done
	case <-left:
		if e.abandon(call) {
			awaitTimer(ctx, request.Cancel)
			return nil, call.failure(contextError(ctx), "")
		}
		<-call.done // it was answered at the same moment
	}
	return e.answer(ctx, request, call)
}

// awaitTraced does the same, and runs the request's hooks meanwhile.
func (e *engine) awaitTraced(ctx context.Context, request *http.Request, call *call) (*http.Response, error) {
	trace := call.trace
	for {
		var left error
		select {
		case <-call.done:
		case <-trace.changed:
			if trace.run(); trace.refusal == nil {
				continue
			}
			left = trace.refusal
		case <-request.Cancel:
			left = canceledError(ctx)
		case <-ctx.Done():
			left = contextError(ctx)
		}
		if left == nil {
			break
		}
		if e.abandon(call) {
			awaitTimer(ctx, request.Cancel)
			trace.leave()
			return nil, call.failure(left, "")
		}
		<-call.done // it was answered at the same moment
		break
	}
	trace.leave()
	return e.answer(ctx, request, call)
}

// answer returns the response of an answered call, or its error.
func (e *engine) answer(ctx context.Context, request *http.Request, call *call) (*http.Response, error) {
	if call.state.Load() == callAbandoned { // by CancelRequest; the rest of the call is the engine's
		return nil, call.failure(canceledError(ctx), "")
	}
	err := call.err
	var response *http.Response
	if err == nil {
		response, err = newResponse(request, call)
	}
	if err == nil && call.gunzip {
		gunzip(response)
	}
	e.counters.count(err)
	var failed error
	if err != nil {
		failed = call.failure(err, call.detail)
	}
	if call.body == nil {
		call.release()
	} else if err != nil {
		call.body.abandon(err)
	} else {
		call.body.follow(ctx, request.Cancel)
	}
	if err != nil {
		return nil, failed
	}
	return response, nil
}
