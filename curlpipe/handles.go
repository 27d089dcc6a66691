package curlpipe

// made is a new easy handle, perhaps for an origin's requests, or the error of
// making it.
type made struct {
	origin *origin
	handle *handle
	err    error
}

// discard frees a handle that is no longer needed.
func (m *made) discard() {
	if m.err == nil {
		m.handle.easy.Cleanup()
	}
}

// fits reports whether a handle may be used on a connection.
func (h *handle) fits(on *conn) bool { return on.multiplexes || !h.http2Only }

// idleFor returns the idle handles for a call on a connection. A request with a
// body keeps its handle when it is sent again, so it needs one for any
// connection.
func (e *engine) idleFor(c *call, on *conn) *[]*handle {
	if on.multiplexes && c.upload == nil && len(e.idleHTTP2) > 0 {
		return &e.idleHTTP2
	}
	return &e.idle
}

// hasHandle reports whether there is an easy handle for the first waiting call on
// its connection, or one can be made at once. With Transport.Configure, handles
// are made in other goroutines, because the user's function may take long.
func (e *engine) hasHandle(o *origin, on *conn) bool {
	first := o.waiting.first
	if e.options.configure == nil || len(*e.idleFor(first, on)) > 0 || first.handle != nil && first.handle.fits(on) {
		return true
	}
	for o.making < min(o.waiting.length, e.settings.depth) {
		o.making++
		e.making++
		e.options.users.Add(1)
		go e.make(o)
	}
	return false
}

// make makes an easy handle. It has its own goroutine.
func (e *engine) make(o *origin) {
	defer e.options.release()
	m := made{origin: o}
	m.handle, m.err = newHandle(e.options, e.options.configure)
	if !e.mailbox.made(m) {
		m.discard()
	}
}

// makeFirst makes a handle in the caller's goroutine if Configure is set, to
// report its errors.
func (e *engine) makeFirst() error {
	if e.options.configure == nil {
		return nil
	}
	defer e.options.release()
	if e.options.users.Add(1) <= 0 {
		return ErrClosed
	}
	m := made{}
	if m.handle, m.err = newHandle(e.options, e.options.configure); m.err == nil && !e.mailbox.made(m) {
		m.discard()
		return ErrClosed
	}
	return m.err
}

// receive takes a new handle, or fails the calls that wait for it.
func (e *engine) receive(m made) {
	err := m.err
	if err == nil {
		err = e.add(m.handle)
	}
	o := m.origin
	if o == nil { // makeFirst
		return
	}
	o.making--
	e.making--
	e.settle(o)
	for call := o.waiting.first; err != nil && call != nil; call = call.next {
		if call.handle == nil {
			e.dequeue(call)
			e.end(call, err)
			return
		}
	}
}

// add attaches a handle to the loop and keeps it for the next call.
func (e *engine) add(h *handle) error {
	if err := h.attach(e.loop); err != nil {
		return err
	}
	e.keep(h)
	e.rest(h)
	return nil
}

// rest returns a handle to the idle ones.
func (e *engine) rest(h *handle) {
	if len(e.idle)+len(e.idleHTTP2) >= e.settings.perOrigin() {
		last := len(e.idleHTTP2) - 1
		if h.http2Only || last < 0 {
			e.drop(h)
			return
		}
		e.drop(e.idleHTTP2[last]) // the new one is more useful
		e.idleHTTP2 = e.idleHTTP2[:last]
	}
	if h.http2Only {
		e.idleHTTP2 = append(e.idleHTTP2, h)
	} else {
		e.idle = append(e.idle, h)
	}
	if e.making == 0 {
		return
	}
	for _, o := range e.origins {
		if o.making > 0 {
			e.settle(o) // its calls need not wait any longer
		}
	}
}

// takeHandle returns an idle handle for a call on a connection, or makes one.
func (e *engine) takeHandle(c *call, on *conn) (*handle, error) {
	idle := e.idleFor(c, on)
	if len(*idle) == 0 {
		h, err := newHandle(e.options, nil) // see hasHandle
		if err == nil {
			err = e.add(h)
		}
		if err != nil {
			return nil, err
		}
	}
	last := len(*idle) - 1
	h := (*idle)[last]
	*idle = (*idle)[:last]
	return h, nil
}

// keep records a handle under its slot.
func (e *engine) keep(h *handle) {
	for int(h.slot) >= len(e.handles) {
		e.handles = append(e.handles, nil)
	}
	e.handles[h.slot] = h
	e.counters.easyHandles.Add(1)
}

// putBack takes a handle from its call, and returns it to the pool if it may be
// used again.
func (e *engine) putBack(h *handle, again bool) {
	h.call.handle = nil
	h.call = nil
	if again {
		e.rest(h)
	} else {
		e.drop(h)
	}
}

// drop frees a handle that carries no request.
func (e *engine) drop(h *handle) {
	h.free(e.loop)
	e.handles[h.slot] = nil
	e.counters.easyHandles.Add(-1)
}
