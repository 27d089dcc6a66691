package origin

import (
	"bufio"
	"fmt"
	"io"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/curlpipe/curlpipe/harness/subject/plan"
)

// maxLine bounds a line of a request, in bytes.
const maxLine = 1 << 20

// head is a request that has arrived whole, or as far as it made sense.
type head struct {
	Request
	bodyBytes int // the size of the body that the request asks for
}

// reader reads requests and counts what it reads.
type reader struct {
	buffered *bufio.Reader
	offset   int64 // of the next byte
	begin    int64 // of the request that is being read
}

func newReader(r io.Reader) *reader {
	return &reader{buffered: bufio.NewReaderSize(r, 4<<10)}
}

// partial returns how many bytes of a request that never became whole arrived.
func (r *reader) partial() int64 {
	return r.offset - r.begin
}

func (r *reader) line() (string, error) {
	var line []byte
	for {
		part, err := r.buffered.ReadSlice('\n')
		r.offset += int64(len(part))
		line = append(line, part...)
		if err == nil {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
		if err != bufio.ErrBufferFull {
			return "", err
		}
		if len(line) > maxLine {
			return "", fmt.Errorf("a line of a request is longer than %d bytes", maxLine)
		}
	}
}

// next reads one request. An error means that nothing whole arrived. A request
// that makes no sense is returned with its Problem; what follows it on the
// connection cannot be understood.
func (r *reader) next() (*head, error) {
	r.begin = r.offset
	first, err := r.line()
	if err != nil {
		return nil, err
	}
	h := &head{}
	h.Offset = r.begin
	fields := make(textproto.MIMEHeader)
	for {
		line, err := r.line()
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		name, value, found := strings.Cut(line, ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			h.Problem = fmt.Sprintf("a line that is no header field: %q", shorten(line))
			break
		}
		fields.Add(name, strings.TrimSpace(value))
	}
	h.Length = r.offset - r.begin
	if h.Problem == "" {
		h.Problem = h.understand(first, fields)
	} else {
		h.ID = fields.Get(plan.RequestIDField)
	}
	r.begin = r.offset
	return h, nil
}

// understand fills the head in and returns what is wrong with the request.
func (h *head) understand(first string, fields textproto.MIMEHeader) string {
	h.ID = fields.Get(plan.RequestIDField)
	parts := strings.Split(first, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" {
		return fmt.Sprintf("no request line of HTTP/1.1: %q", shorten(first))
	}
	h.Method, h.Target = parts[0], parts[1]
	if h.Method != "GET" && h.Method != "HEAD" {
		return fmt.Sprintf("an unexpected method: %q", shorten(first))
	}
	if n := len(fields["Host"]); n != 1 {
		return fmt.Sprintf("%d Host fields", n)
	}
	if n := len(fields[plan.RequestIDField]); n != 1 {
		return fmt.Sprintf("%d %s fields", n, plan.RequestIDField)
	}
	if padding := fields.Get(plan.PaddingField); padding != plan.Padding(h.ID, len(padding)) {
		return "padding that is not its own"
	}
	target, err := url.ParseRequestURI(h.Target)
	if err != nil {
		return fmt.Sprintf("a target that is none: %q", shorten(h.Target))
	}
	if size := target.Query().Get("body"); size != "" {
		if h.bodyBytes, err = strconv.Atoi(size); err != nil || h.bodyBytes < 0 {
			return fmt.Sprintf("a body of %q bytes", size)
		}
	}
	return ""
}

func shorten(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
