package curlpipe

import (
	"strings"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// deliver passes a result of the loop to its call.
func (e *engine) deliver(result *cshim.Result) {
	h := e.handles[result.Slot]
	c := h.call
	on := c.conn
	if result.HeaderLength > 0 && c.header == "" && c.state.Load() == callPending {
		c.copyResponse(result)
		if on.tls == nil {
			on.tls = e.tlsState(on)
		}
		c.tls = on.tls
	}
	if result.Expects {
		c.upload.beginLater(e, e.settings.expectTimeout)
	}
	if result.Hungry && c.upload != nil {
		c.upload.begin(e) // if the upload waited for this
		c.upload.want()
	}
	e.traceResult(c, result)
	if !result.Done {
		e.deliverPart(c, result)
		return
	}
	if result.Sent {
		if c.sent++; c.sent > 1 {
			e.counters.resent.Add(1)
		}
	}
	if result.Lost || c.followsExcess(result) {
		e.lose(c, result)
		return
	}
	if result.Code != 0 {
		e.deliverCut(c, result)
	}
	err := e.finish(c, result)
	switch {
	case result.Code == 0:
		on.answered = true
	case !on.multiplexes:
		on.blamed = true // the request ended the connection
	}
	if err != nil && on.reason != nil {
		err = on.reason
	}
	e.takeOff(c)
	h.http2Only = result.HTTP2Only
	e.putBack(h, !result.Spent)
	e.end(c, err)
}

// largestWhole is the largest response that is copied in one piece. A caller
// that keeps a header field of such a response also keeps its body in memory.
const largestWhole = 4 << 10

// copyResponse copies the header section, and with it a short body.
func (c *call) copyResponse(result *cshim.Result) {
	if !result.Done || len(result.Response) > largestWhole {
		c.header = string(result.Response[:result.HeaderLength])
		return
	}
	whole := string(result.Response)
	c.header, c.content = whole[:result.HeaderLength], whole[result.HeaderLength:]
}

// finish copies the last result of a call, or returns its error.
func (e *engine) finish(c *call, result *cshim.Result) error {
	switch {
	case result.TooLarge && c.stream:
		return &headerTooLarge{e.settings.limits.HeaderBytes}
	case result.TooLarge:
		return ErrResponseTooLarge
	case result.Code != 0:
		if !result.Malformed {
			c.detail = result.Detail // the caller reads it if there is no body
		}
		return e.failure(c, result)
	}
	content, trailer := result.Response[result.HeaderLength:], string(result.Trailer)
	if c.body != nil {
		c.body.push(content)
		c.body.end(nil, trailer)
	} else if c.state.Load() == callPending {
		if c.content == "" {
			c.content = string(content)
		}
		c.trailer = trailer
	}
	return nil
}

// deliverPart passes on the part of a streamed response that has arrived.
func (e *engine) deliverPart(c *call, result *cshim.Result) {
	if c.state.Load() == callAbandoned || c.header == "" {
		return
	}
	first := c.body == nil
	if first {
		c.body = newStreamedBody(c, e)
	}
	c.body.push(result.Response[result.HeaderLength:])
	if first {
		c.deliver()
	}
}

// deliverCut passes on the part of a streamed response that arrived together with
// its failure: the caller gets that part of the body, and then the error.
func (e *engine) deliverCut(c *call, result *cshim.Result) {
	if c.stream && c.header != "" && !result.TooLarge {
		e.deliverPart(c, result)
	}
}

// failure makes the error of a request that failed in libcurl.
func (e *engine) failure(c *call, result *cshim.Result) error {
	code := codeOf(result)
	if beyondLibcurl(code, result.Detail) {
		return &transferError{code, ErrResponseTooLarge}
	}
	if result.Malformed {
		return &malformedError{code: code, detail: result.Detail}
	}
	return &transferError{code, e.cause(code, c, c.conn)}
}

// beyondLibcurl tells whether a header section exceeds libcurl's own limits, whatever
// MaxResponseHeaderBytes allows. The detail names the limit.
func beyondLibcurl(code curl.CurlError, detail string) bool {
	switch int(code) {
	case curl.E_OUT_OF_MEMORY, codeTooLarge:
		return strings.Contains(detail, "header")
	case curl.E_RECV_ERROR:
		return strings.HasPrefix(detail, "Too large response headers")
	}
	return false
}

func codeOf(result *cshim.Result) curl.CurlError { return curl.CurlError(result.Code) }

// takeOff removes a call from its connection. The call keeps its handle, which
// is returned.
func (e *engine) takeOff(c *call) *handle {
	e.counters.inFlight.Add(-1)
	if c.trace != nil {
		e.traced--
	}
	o := c.conn.origin
	c.conn.remove(c, e.now)
	c.place = placeNone
	e.settle(o)
	return c.handle
}

// end returns a call to its caller: it answers the call, or ends its body. An
// abandoned call is left to the garbage collector, because the mailbox may
// still refer to it.
func (e *engine) end(c *call, err error) {
	c.place = placeNone
	c.owner = nil // the rest of a body is already in memory
	c.trace.ended(err)
	if c.upload != nil {
		c.upload.end(c.stream && err == nil)
	}
	if c.body != nil {
		if err != nil {
			err = c.bodyError(err)
		}
		c.body.end(err, "")
		return
	}
	c.err = err
	c.deliver()
}
