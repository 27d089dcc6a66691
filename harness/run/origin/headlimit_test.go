package origin

import (
	"bufio"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless repeats one octet for ever.
type endless byte

func (e endless) Read(into []byte) (int, error) {
	for i := range into {
		into[i] = byte(e)
	}
	return len(into), nil
}

func TestHeadHasABound(t *testing.T) {
	for name, begin := range map[string]string{
		"request line": "GET /", "field": "GET / HTTP/1.1\r\nX: ", "fields": "GET / HTTP/1.1\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var rest io.Reader = endless('a')
			if name == "fields" {
				rest = strings.NewReader(strings.Repeat("A: b\r\n", LongestHead))
			}
			limit := NewHeadLimit(io.MultiReader(strings.NewReader(begin), rest))
			_, err := http.ReadRequest(bufio.NewReader(limit))
			require.ErrorContains(t, err, "the head of a request is longer than")
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*LongestHead))
		})
	}
}

func TestBodyHasNoBound(t *testing.T) {
	const length = 3 * LongestHead
	limit := NewHeadLimit(io.LimitReader(endless('a'), length))
	limit.Body()
	n, err := io.Copy(io.Discard, limit)
	require.NoError(t, err)
	require.EqualValues(t, length, n)
	limit.Head()
	_, err = io.Copy(io.Discard, NewHeadLimit(endless('a')))
	require.Error(t, err)
}
