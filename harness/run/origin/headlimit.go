package origin

import (
	"fmt"
	"io"
	"math"
)

// LongestHead is how long a request line and header section may be, together.
const LongestHead = 1 << 20

// HeadLimit is a reader of requests with a limit on the size of a request's
// head. It is needed because parsers buffer a line until it ends.
type HeadLimit struct {
	source io.Reader
	left   int64
}

// NewHeadLimit begins with a head.
func NewHeadLimit(source io.Reader) *HeadLimit {
	return &HeadLimit{source, LongestHead}
}

// Head says that a head is next.
func (l *HeadLimit) Head() { l.left = LongestHead }

// Body ends the head: the bytes that follow have no limit.
func (l *HeadLimit) Body() { l.left = math.MaxInt64 }

// Read fails once the head exceeds the limit.
func (l *HeadLimit) Read(into []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("the head of a request is longer than %d bytes", LongestHead)
	}
	n, err := l.source.Read(into[:min(int64(len(into)), l.left)])
	l.left -= int64(n)
	return n, err
}
