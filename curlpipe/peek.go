package curlpipe

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// peekTime is how long a body may take with its first byte before it is taken
// for one that has some, as in net/http.
const peekTime = 200 * time.Millisecond

// lacksBody tells the methods whose requests mostly have none, as net/http does.
func lacksBody(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND", "SEARCH":
		return true
	}
	return false
}

// lookFirst looks whether there is anything in a body of unknown length, where
// the method lets expect that there is not: then the request goes out without
// one, rather than with an empty one in chunks. A server may refuse such a thing.
func (c *call) lookFirst(request *http.Request) {
	if c.upload == nil || bodyLength(request) >= 0 || !lacksBody(methodOf(request)) || len(request.TransferEncoding) > 0 {
		return
	}
	body := &peekedBody{body: c.upload.body, came: make(chan peeked, 1)}
	c.upload.body = body
	go func() {
		var p peeked
		for range mostEmptyReads { // a Read may come to nothing
			if p.n, p.err = body.body.Read(p.first[:]); p.n != 0 || p.err != nil {
				break
			}
		}
		if p.n < 0 || p.n > len(p.first) {
			p = peeked{err: fmt.Errorf("its Read returned %d for a buffer of %d bytes", p.n, len(p.first))}
		}
		body.came <- p
	}()
	timer := time.NewTimer(peekTime)
	defer timer.Stop()
	select {
	case body.first = <-body.came:
		body.known = true
	case <-timer.C:
		return
	}
	if body.first.n == 0 && body.first.err == io.EOF {
		c.stopUpload()
		c.upload = nil
	}
}

// peekedBody is a body whose first byte is read, or being read.
type peekedBody struct {
	body  io.ReadCloser
	came  chan peeked
	known bool // first is there, and has not been handed on
	used  bool // it has
	first peeked
}

// peeked is the result of the first Read.
type peeked struct {
	first [1]byte
	n     int
	err   error
}

func (b *peekedBody) Read(into []byte) (int, error) {
	if b.used || len(into) == 0 {
		return b.body.Read(into)
	}
	if !b.known {
		b.first, b.known = <-b.came, true
	}
	b.used = true
	return copy(into, b.first.first[:b.first.n]), b.first.err
}

func (b *peekedBody) Close() error { return b.body.Close() }
