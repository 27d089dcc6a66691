package curlpipe

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// newResponse builds the response from the call's fields, which the engine has
// set.
func newResponse(request *http.Request, c *call) (*http.Response, error) {
	statusLine, fields, _ := strings.Cut(c.header, "\n")
	made := &struct { // one allocation
		response http.Response
		body     body
	}{response: http.Response{Request: request, ContentLength: -1, TLS: c.tls}}
	response := &made.response
	if err := parseStatusLine(response, strings.TrimSuffix(statusLine, "\r")); err != nil {
		return nil, err
	}
	var err error
	if response.Header, err = parseFields(fields); err != nil {
		return nil, err
	}
	announceTrailer(response)
	if c.trailer != "" {
		if made.body.trailer, err = parseFields(c.trailer); err != nil {
			return nil, err
		}
		made.body.response = response
	}
	frame(response, &made.body, c)
	return response, nil
}

// announceTrailer lists the fields of the trailer section, as far as the server
// has announced them (RFC 9110, section 6.6.2).
func announceTrailer(response *http.Response) {
	values, said := response.Header["Trailer"]
	if !said {
		return
	}
	for _, value := range values {
		for name := range strings.SplitSeq(value, ",") {
			if name, ok := fieldName(trimBlank(name)); ok {
				if response.Trailer == nil {
					response.Trailer = make(http.Header)
				}
				response.Trailer[name] = nil
			}
		}
	}
	delete(response.Header, "Trailer")
}

// parseStatusLine reads "HTTP/1.1 200 OK" (RFC 9112, section 4).
func parseStatusLine(response *http.Response, line string) error {
	proto, status, _ := strings.Cut(line, " ")
	if proto == "HTTP/2" {
		proto = "HTTP/2.0" // as libcurl writes it
	}
	code, _, _ := strings.Cut(status, " ")
	number, err := strconv.Atoi(code)
	var ok bool
	response.ProtoMajor, response.ProtoMinor, ok = http.ParseHTTPVersion(proto)
	if !ok || err != nil || len(code) != 3 || number < 100 {
		return fmt.Errorf("%w: status line %q", ErrMalformedResponse, line)
	}
	response.Proto = proto
	if proto == "HTTP/2.0" && strings.TrimRight(status, " ") == code {
		status = statusOf(number) // HTTP/2 has no text
	}
	response.Status = status
	response.StatusCode = number
	return nil
}

// statusOf returns a status code with its text, as in net/http.
func statusOf(code int) string {
	if code == http.StatusOK {
		return "200 OK"
	}
	return strconv.Itoa(code) + " " + http.StatusText(code)
}

// frame sets the body of the response, and the fields that describe its length
// and whether the connection closes. A complete body is kept in memory.
func frame(response *http.Response, memory *body, c *call) {
	header := response.Header
	if codings := header["Transfer-Encoding"]; len(codings) > 0 {
		// libcurl has removed the coding (as net/http would)
		response.TransferEncoding = []string{"chunked"}
		delete(header, "Transfer-Encoding")
		delete(header, "Content-Length")
	} else if length, ok := contentLength(header["Content-Length"]); ok {
		response.ContentLength = length
		if values := header["Content-Length"]; len(values) > 1 {
			header["Content-Length"] = values[:1] // they are all the same
		}
	}
	if bodiless(response.StatusCode) && response.Request.Method != http.MethodHead {
		response.ContentLength = 0 // whatever the fields say of the body that there is not
	}
	if response.Close = saysClose(header["Connection"], response.ProtoAtLeast(1, 1)); response.Close {
		delete(header, "Connection") // returned in Response.Close; net/http removes it as well
	}
	switch {
	case c.body != nil:
		c.body.response = response
		response.Body = c.body
	case len(c.content) > 0 || memory.trailer != nil:
		memory.reader.Reset(c.content)
		response.Body = memory
	default:
		response.Body = http.NoBody
	}
}

// contentLength returns the length that all of these values agree on [RFC 9112
// §6.3].
func contentLength(values []string) (int64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	first, _, _ := strings.Cut(values[0], ",")
	length, err := strconv.ParseInt(strings.Trim(first, " \t"), 10, 64)
	return length, err == nil && length >= 0
}

// bodiless reports whether responses with a status code have no body (RFC 9112,
// section 6.3).
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// saysClose reports whether the connection ends after a message with these
// values of Connection; keep is the default without them (RFC 9112, section
// 9.3).
func saysClose(values []string, keep bool) bool {
	for _, value := range values {
		for option := range strings.SplitSeq(value, ",") {
			switch option = strings.Trim(option, " \t"); {
			case strings.EqualFold(option, "close"):
				return true
			case strings.EqualFold(option, "keep-alive"):
				keep = true
			}
		}
	}
	return !keep
}

// body is a response body in memory.
type body struct {
	reader   strings.Reader
	closed   bool
	trailer  http.Header    // handed out at its end
	response *http.Response // to this
}

// addTrailer adds the trailer section to a response's announced trailer fields.
func addTrailer(response *http.Response, fields http.Header) {
	if response.Trailer == nil {
		response.Trailer = make(http.Header, len(fields))
	}
	maps.Copy(response.Trailer, fields)
}

// ended sets the trailer section once the body has been read.
func (b *body) ended() {
	if b.reader.Len() == 0 && b.trailer != nil {
		addTrailer(b.response, b.trailer)
		b.trailer = nil
	}
}

func (b *body) Read(into []byte) (int, error) {
	if b.closed {
		return 0, errBodyClosed
	}
	n, err := b.reader.Read(into)
	if err == io.EOF {
		b.ended()
	}
	return n, err
}

func (b *body) WriteTo(writer io.Writer) (int64, error) {
	if b.closed {
		return 0, errBodyClosed
	}
	n, err := b.reader.WriteTo(writer)
	b.ended()
	return n, err
}

func (b *body) Close() error {
	b.closed = true
	return nil
}
