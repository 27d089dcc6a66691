package curlpipe

import (
	"net/http"

	"github.com/curlpipe/curlpipe/cshim"
)

// mostRefusals is how often a request is sent again to a server that says each
// time that it has not processed it, or that ends each connection announced but
// without one response.
const mostRefusals = 6

// lose handles a call whose connection ended, or accepts no more requests,
// before a byte of the response arrived. The call is sent again if that is safe.
// The end is charged to the request that was the next to be answered, and not to
// those behind it. An end that the server had announced, or that we have made,
// is charged to none.
func (e *engine) lose(call *call, result *cshim.Result) {
	c := call.conn
	turn := c.calls.first == call && !c.blamed && !c.announced && !c.ours && !result.Unprocessed &&
		(result.Sent || !c.answered) // else it had ended before
	if turn {
		c.blamed = true
		call.charged++
	}
	if result.HTTP11 {
		c.origin.http11 = true // on connections to come
	}
	if (result.Unprocessed || c.announced) && !(c.announced && c.answered) {
		call.refused++
	}
	if (!result.Unprocessed || c.announced) && c.state == connOpen {
		c.state = connDraining // libcurl would not use it for other requests either
	}
	unsent := !result.Sent || result.Unprocessed
	cause := e.cause(codeOf(result), call, c)
	again := unsent || e.settings.retries > 0 && e.repeatable(call, result, cause)
	switch {
	case call.abandoned, c.reason != nil:
		again = false
	case turn && !c.answered:
		// this request itself is the likely reason why the server closed
		again = false
	case call.charged > e.settings.retries, call.refused > mostRefusals:
		again = false
	}
	reason := c.reason
	h := e.takeOff(call)
	if again {
		call.trace.ended(errSentAgain)
		c.origin.waiting.restore(call)
		e.queued(call, c.origin)
		return
	}
	e.putBack(h, true)
	if reason == nil {
		call.detail = result.Detail
		switch {
		case result.Unprocessed:
			reason = &refusedError{codeOf(result)}
		case result.Malformed:
			call.detail, reason = "", e.failure(call, result)
		default:
			reason = &lostError{transferError{codeOf(result), cause}, call.sent}
		}
	} else {
		call.detail = detailOf(reason)
	}
	e.end(call, reason)
}

// repeatable reports whether a request may be sent again although the server may
// have processed it.
func (e *engine) repeatable(c *call, result *cshim.Result, cause error) bool {
	if e.settings.retryPolicy == nil {
		return c.flags.repeatable
	}
	err := &lostError{transferError{codeOf(result), cause}, c.attempts}
	return e.settings.retryPolicy(c.asked, newError(c.asked, result.Detail, err))
}

// idempotent reports whether requests with a method may be repeated [RFC 9110
// §9.2.2].
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// followsExcess reports whether what a call got is no response but may be the
// rest of the one before it, longer than the server had announced, as the body of
// a response to HEAD or a line feed behind a body. A client must not take such
// bytes for another response [RFC 9112 §6.3], so the call has got nothing. One
// with a body shares no connection, and such bytes are found before it is sent.
func (c *call) followsExcess(result *cshim.Result) bool {
	return result.Excess && c.conn.answered && !c.conn.multiplexes && c.upload == nil
}

// repeatable reports whether a request may be sent again although the server
// may have processed it. The caller allows it with an idempotency key, too: the
// server processes only the first of several requests with one key. net/http
// has the same rule.
func repeatable(method string, fields http.Header) bool {
	_, key := fields["Idempotency-Key"]
	_, old := fields["X-Idempotency-Key"]
	return idempotent(method) || key || old
}
