package origin

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Bounds, in bytes, of a line of a request, of the body of a request, and of
// the body that a request may ask for.
const (
	maxLine     = 1 << 20
	maxBody     = 64 << 20
	maxResponse = 64 << 20
)

// methods that a client may be asked to use.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions,
}

// head is a request that has arrived completely, or as far as it was valid.
type head struct {
	Request
	bodyBytes int // the size of the body that the request asks for
}

// reader reads requests and counts what it reads.
type reader struct {
	stream   stream
	buffered *bufio.Reader
	proceed  func() error // lets a waiting client send its body
	offset   int64        // of the next byte
	begin    int64        // of the request that is being read
	id       string       // of the request that is being read, once it is known
}

// stream is what a reader reads from. A read that reached its deadline may be
// tried again.
type stream interface {
	io.Reader
	SetReadDeadline(time.Time) error
}

func newReader(s stream, proceed func() error) *reader {
	return &reader{stream: s, buffered: bufio.NewReaderSize(s, 4<<10), proceed: proceed}
}

// partial returns how many bytes of an incomplete request arrived, and its id,
// if that had arrived.
func (r *reader) partial() (length int64, id string) {
	return r.offset - r.begin, r.id
}

// within reports whether a request begins to arrive within a time.
func (r *reader) within(limit time.Duration) (bool, error) {
	if err := r.stream.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return false, fmt.Errorf("bounding the wait for a request: %w", err)
	}
	_, err := r.buffered.Peek(1)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	} else if err == nil {
		limit = 0
	}
	if failed := r.stream.SetReadDeadline(time.Time{}); err == nil && failed != nil {
		err = fmt.Errorf("bounding the wait for a request: %w", failed)
	}
	return limit == 0 && err == nil, err
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

// next reads one request. An error means that no complete request arrived. An
// invalid request is returned with its Problem; what follows it on the
// connection cannot be parsed.
func (r *reader) next() (*head, error) {
	r.begin, r.id = r.offset, ""
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
		r.id = fields.Get(plan.RequestIDField)
	}
	h.ID = r.id
	if h.Problem == "" {
		h.Problem = h.understand(first, fields)
	}
	if h.Problem == "" {
		if err := r.body(h, fields); err != nil {
			return nil, err
		}
	}
	h.Length = r.offset - r.begin
	r.begin, r.id = r.offset, ""
	return h, nil
}

// body reads the body of a request. An error means that it did not arrive.
func (r *reader) body(h *head, fields textproto.MIMEHeader) error {
	if fields.Get("Expect") != "" {
		if err := r.proceed(); err != nil {
			return err
		}
	}
	got := make([]byte, h.BodyBytes)
	n, err := io.ReadFull(r.buffered, got)
	r.offset += int64(n)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, plan.Body(h.ID, h.BodyBytes)) {
		h.Problem = "a body that is not its own"
	}
	return nil
}

// understand sets the head's fields and returns what is wrong with the request.
func (h *head) understand(first string, fields textproto.MIMEHeader) string {
	parts := strings.Split(first, " ")
	if len(parts) != 3 || parts[2] != "HTTP/1.1" {
		return fmt.Sprintf("no request line of HTTP/1.1: %q", shorten(first))
	}
	h.Method, h.Target = parts[0], parts[1]
	if !slices.Contains(methods, h.Method) {
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
	if h.bodyBytes, err = size(target.Query().Get("body"), maxResponse); err != nil {
		return fmt.Sprintf("a body of %v", err)
	}
	if h.BodyBytes, err = size(fields.Get("Content-Length"), maxBody); err != nil {
		return fmt.Sprintf("a Content-Length of %v", err)
	}
	if field := fields.Get("Authorization"); field != "" {
		if h.Credentials, err = basic(field); err != nil {
			return err.Error()
		}
	}
	return ""
}

// size parses a number of bytes; an empty text is 0.
func size(text string, most int) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q bytes", shorten(text))
	}
	return n, nil
}

// basic returns user and password of the Basic scheme [RFC 7617], with the
// colon between them.
func basic(field string) (string, error) {
	scheme, encoded, _ := strings.Cut(field, " ")
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return "", fmt.Errorf("credentials that are not Basic: %q", shorten(field))
	}
	return string(decoded), nil
}

func shorten(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
