package curlpipe

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// peekTime is how long to wait for a body's first byte before the body counts
// as not empty, as in net/http.
const peekTime = 200 * time.Millisecond

// lacksBody reports whether requests with this method mostly have no body, as
// in net/http.
func lacksBody(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, "PROPFIND", "SEARCH":
		return true
	}
	return false
}

// lookFirst checks whether a body of unknown length is empty, for methods whose
// requests mostly have none. An empty body is not sent, because some servers
// refuse an empty one in chunks.
func (c *call) lookFirst(request *http.Request) {
	if c.upload == nil || bodyLength(request) >= 0 || !lacksBody(methodOf(request)) || len(request.TransferEncoding) > 0 {
		return
	}
	body := &peekedBody{body: c.upload.body, came: make(chan peeked, 1)}
	c.upload.body = body
	go func() {
		var p peeked
		for range mostEmptyReads { // a Read may return nothing
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

// peekedBody is a body whose first byte has been read, or is being read.
type peekedBody struct {
	body  io.ReadCloser
	came  chan peeked
	known bool // first has arrived, and was not passed on yet
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
