package curlpipe

import (
	"slices"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// deliver hands one result of the loop to the call that it is about.
func (e *engine) deliver(result *cshim.Result) {
	h := e.handles[result.Slot]
	c := h.call
	if result.Multiplexed && !c.multiplexed {
		c.multiplexed = true
		e.origins[c.origin].answered(true, e.closed)
		if !result.Done && c.state.Load() == callAbandoned {
			e.tearOut(c, nil)
			return
		}
	}
	if result.HeaderLength > 0 && c.header == "" && c.state.Load() == callPending {
		c.copyResponse(result)
		c.tls = e.origins[c.origin].tlsState(c.origin, e.settings.serverName, c.multiplexed)
	}
	if result.Hungry && c.upload != nil {
		c.upload.want()
	}
	if !result.Done {
		e.deliverPart(c, result)
		return
	}
	c.trace.learn(h, result)
	if result.Code != 0 {
		e.deliverCut(c, result)
	}
	err := c.keep(result)
	if result.Code == 0 {
		e.origins[c.origin].answered(c.multiplexed, e.closed)
	}
	e.takeBack(h, !result.Spent)
	e.end(c, err)
}

// largestWhole is how long a response may be that is copied in one piece: who
// keeps a header field keeps the body in memory then.
const largestWhole = 4 << 10

// copyResponse copies the header section, and a short body with it.
func (c *call) copyResponse(result *cshim.Result) {
	if !result.Done || len(result.Response) > largestWhole {
		c.header = string(result.Response[:result.HeaderLength])
		return
	}
	whole := string(result.Response)
	c.header, c.content = whole[:result.HeaderLength], whole[result.HeaderLength:]
}

// keep copies what the last result of a call has, or returns its error.
func (c *call) keep(result *cshim.Result) error {
	switch {
	case result.TooLarge:
		return ErrResponseTooLarge
	case result.Code != 0:
		if !result.Malformed {
			c.detail = result.Detail // the caller reads it where there is no body
		}
		return failure(result)
	case c.upload != nil && c.header == "" && len(result.Response) == 0:
		// libcurl wanted to send it again, could not rewind the body, and does
		// not say so in every release
		return curl.CurlError(curl.E_SEND_FAIL_REWIND)
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

// deliverPart hands on what has come of a streamed response that goes on.
func (e *engine) deliverPart(c *call, result *cshim.Result) {
	if c.state.Load() == callAbandoned || c.header == "" {
		return
	}
	first := c.body == nil
	if first {
		c.trace.learn(c.handle, result)
		c.body = newStreamedBody(c, e)
	}
	c.body.push(result.Response[result.HeaderLength:])
	if first {
		c.deliver()
	}
}

// deliverCut answers a call whose response failed before its caller has heard
// of it, yet after the header section: what has come is its body, and the error
// comes at the end of that, whenever it came.
func (e *engine) deliverCut(c *call, result *cshim.Result) {
	if c.stream && c.body == nil && c.header != "" && !result.TooLarge {
		e.deliverPart(c, result)
	}
}

// failure is the error of a request that libcurl has failed.
func failure(result *cshim.Result) error {
	code := curl.CurlError(result.Code)
	if result.Malformed {
		return &malformedError{code: code, detail: result.Detail}
	}
	if result.Refused {
		return &refusedError{code}
	}
	if result.Lost {
		return &lostError{code: code, sent: result.Retries + 1}
	}
	return code
}

// takeBack takes the call from its handle, and the handle back into the pool if
// it may be used again.
func (e *engine) takeBack(h *handle, again bool) *call {
	c := h.call
	h.call = nil
	c.handle = nil
	e.counters.inFlight.Add(-1)
	o := e.origins[c.origin]
	o.inFlight--
	if c.flags.exclusive {
		o.exclusive--
	}
	e.settle(o)
	if again && len(e.idle) < e.settings.perOrigin() {
		e.idle = append(e.idle, h)
	} else {
		e.drop(h)
	}
	return c
}

// end gives a call back to its caller: answers it, or ends its body. One that
// was abandoned is left to the garbage collector: word of it may still be in
// the mailbox.
func (e *engine) end(c *call, err error) {
	c.place = placeNone
	if c.upload != nil && c.upload.stop() {
		go c.upload.close() // the caller's: it may take its time
	}
	if c.body != nil {
		if err != nil {
			err = newError(c.asked, c.detail, err)
		}
		c.body.end(err, "")
		return
	}
	c.err = err
	c.deliver()
}

// forget deals with a call whose caller has left.
func (e *engine) forget(c *call) {
	switch c.place {
	case placeQueued:
		o := e.origins[c.origin]
		o.remove(c)
		e.counters.queued.Add(-1)
		e.settle(o)
		e.end(c, nil)
	case placeInFlight:
		if c.upload != nil || e.origins[c.origin].multiplexes {
			// it cannot be finished, or costs nobody else anything
			e.tearOut(c, nil)
			return
		}
		e.loop.Drop(c.handle.slot)
		e.unwanted = append(e.unwanted, unwanted{c, time.Now().Add(e.settings.abandonedTime)})
	}
}

// tearOut ends a call on the wire at once.
func (e *engine) tearOut(c *call, err error) {
	e.loop.GiveUp(c.handle.slot)
	if !e.origins[c.origin].multiplexes {
		e.counters.givenUp.Add(1)
	}
	e.takeBack(c.handle, false)
	e.end(c, err)
}

// giveUpUnwanted tears out what was abandoned too long ago, and forgets what has
// ended.
func (e *engine) giveUpUnwanted() {
	if len(e.unwanted) == 0 {
		return
	}
	if inFlight := int(e.counters.inFlight.Load()); len(e.unwanted) > 2*inFlight {
		e.unwanted = slices.DeleteFunc(e.unwanted, func(u unwanted) bool { return u.call.place != placeInFlight })
	}
	now := time.Now()
	for len(e.unwanted) > 0 && !now.Before(e.unwanted[0].until) {
		if c := e.unwanted[0].call; c.place == placeInFlight {
			e.tearOut(c, nil)
		}
		e.unwanted[0] = unwanted{}
		e.unwanted = e.unwanted[1:]
	}
}
