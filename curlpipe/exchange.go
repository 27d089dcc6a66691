package curlpipe

import (
	"context"
	"net/http"
)

// prepare makes a call of a request. The request's body is the call's from here
// on, or closed after an error.
func (e *engine) prepare(ctx context.Context, request *http.Request, stream bool) (*call, error) {
	if ctx.Err() != nil {
		closeBody(request)
		return nil, contextError(ctx)
	}
	call := newCall()
	call.asked = request
	call.stream = stream
	if stream {
		call.trace = newTrace(ctx)
		call.gunzip = e.settings.compression && wantsGzip(request)
	}
	if err := call.encode(request, e.settings); err != nil {
		closeBody(request)
		call.release()
		return nil, err
	}
	call.window = e.settings.readBufferSize
	call.trace.begin(request)
	if call.flags.upload {
		call.startUpload(request.Body, e)
	} else {
		closeBody(request)
	}
	return call, nil
}

// await waits for a call to be answered, or for the context.
func (e *engine) await(ctx context.Context, request *http.Request, call *call) (*http.Response, error) {
	select {
	case <-call.done:
	case <-ctx.Done():
		if e.abandon(call) {
			return nil, newError(request, "", contextError(ctx))
		}
		<-call.done // it was answered at the same moment
	}
	return e.answer(ctx, request, call)
}

// answer makes the response of an answered call, or its error.
func (e *engine) answer(ctx context.Context, request *http.Request, call *call) (*http.Response, error) {
	call.trace.report(call)
	err := call.err
	var response *http.Response
	if err == nil {
		response, err = newResponse(request, call)
	}
	if err == nil && call.gunzip {
		gunzip(response)
	}
	e.counters.count(err)
	var detail string
	if call.body == nil {
		detail = call.detail
		call.release()
	} else if err != nil {
		call.body.abandon(err)
	} else {
		call.body.follow(ctx)
	}
	if err != nil {
		return nil, newError(request, detail, err)
	}
	return response, nil
}
