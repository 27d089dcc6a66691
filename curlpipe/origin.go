package curlpipe

// origin is one server, as scheme and authority name it: the calls that wait
// for room in its pipelines, oldest first, and how many are in flight.
type origin struct {
	first, last *call
	inFlight    int
	listed      bool // in engine.ready

	// A response has come when the loop had closed provenAt sockets. When the
	// loop has closed more since, the connection may be another one.
	proven   bool
	provenAt uint64
}

// push puts a call at the end of the queue.
func (o *origin) push(c *call) {
	c.next, c.previous = nil, o.last
	if o.last != nil {
		o.last.next = c
	} else {
		o.first = c
	}
	o.last = c
}

// remove takes a call out of the queue.
func (o *origin) remove(c *call) {
	if c.next != nil {
		c.next.previous = c.previous
	} else {
		o.last = c.previous
	}
	if c.previous != nil {
		c.previous.next = c.next
	} else {
		o.first = c.next
	}
	c.next, c.previous = nil, nil
}
