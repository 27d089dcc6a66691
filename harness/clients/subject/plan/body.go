package plan

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// Names of the header fields that a plan's requests carry.
const (
	// RequestIDField has the request's ID, in requests and in responses.
	RequestIDField = "X-Request-Id"
	// PaddingField makes requests large, see Padding.
	PaddingField = "X-Padding"
)

// Padding returns the value of the X-Padding field: the id and a full stop,
// repeated and cut at n bytes. Each byte therefore shows which request it
// belongs to, even if a request is sent in the middle of another one.
func Padding(id string, n int) string {
	return fill(id, n)
}

// Body returns the body of the response to request id, n bytes in all: a line
// with the id, then the id and a full stop repeated. If n is too small for the
// line, the line is cut.
func Body(id string, n int) []byte {
	line := id + "\n"
	if n <= len(line) {
		return []byte(line[:n])
	}
	return []byte(line + fill(id, n-len(line)))
}

// Hash returns the 64-bit FNV-1a hash of data as 16 hexadecimal digits.
func Hash(data []byte) string {
	h := fnv.New64a()
	h.Write(data)
	return fmt.Sprintf("%016x", h.Sum64())
}

// Fields returns the header fields of the request, "Name: value" each.
func (r *Request) Fields() []string {
	fields := []string{RequestIDField + ": " + r.ID}
	if r.HeaderBytes > 0 {
		fields = append(fields, PaddingField+": "+Padding(r.ID, r.HeaderBytes))
	}
	return fields
}

func fill(id string, n int) string {
	unit := id + "."
	return strings.Repeat(unit, n/len(unit)+1)[:n]
}
