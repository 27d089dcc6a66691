package curlpipe

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// wantsGzip reports whether to request gzip without the caller's knowledge, as
// net/http's Transport does.
func wantsGzip(request *http.Request) bool {
	fields := canonical(request.Header)
	return fields.Get("Accept-Encoding") == "" && fields.Get("Range") == "" &&
		methodOf(request) != http.MethodHead
}

// gunzip decodes a body for which RoundTrip has requested gzip by itself. The
// names of codings are compared without case [RFC 9110 §8.4.1].
func gunzip(response *http.Response) {
	if !strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") || response.Body == http.NoBody {
		return
	}
	response.Body = &gzipBody{coded: response.Body}
	response.Header.Del("Content-Encoding")
	response.Header.Del("Content-Length")
	response.ContentLength = -1
	response.Uncompressed = true
}

// gzipBody is the decoded body.
type gzipBody struct {
	coded  io.ReadCloser
	closed atomic.Bool

	reading sync.Mutex   // allows one Read at a time; Close, which ends it, does not wait
	reader  *gzip.Reader // made with the first read
	err     error        // why it could not be
}

func (b *gzipBody) Read(into []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.closed.Load() {
		return 0, errBodyClosed
	}
	if b.reader == nil && b.err == nil {
		b.reader, b.err = gzip.NewReader(b.coded)
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.reader.Read(into)
}

func (b *gzipBody) Close() error {
	b.closed.Store(true)
	return b.coded.Close()
}
