package curlpipe

import (
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHTTP2ResponsesOfConcurrentRequests requires that each response arrives whole, and
// with its trailer section, when many share a connection: some are longer than libcurl's
// buffer, so it stops in the middle of what it has read, while the other requests' bodies
// end.
func TestHTTP2ResponsesOfConcurrentRequests(t *testing.T) {
	needsMultiplexing(t)
	rounds := 20
	if long() {
		rounds = 1000
	}
	numbers := make([]byte, 0, 120_000)
	for len(numbers) < cap(numbers) {
		numbers = binary.BigEndian.AppendUint32(numbers, uint32(len(numbers)))
	}
	answer := func(writer http.ResponseWriter, request *http.Request) {
		_, _ = io.Copy(io.Discard, request.Body)
		part := numbers
		if request.URL.Path == "/short" {
			part = numbers[:40]
		}
		writer.Header().Set("Content-Length", strconv.Itoa(len(part)))
		writer.Header().Set("Trailer", "X-Sum")
		_, _ = writer.Write(part)
		writer.Header().Set("X-Sum", strconv.Itoa(len(part)))
	}
	forBoth(t, func(t *testing.T, overTLS bool) {
		protocols := new(http.Protocols)
		protocols.SetHTTP2(overTLS)
		protocols.SetUnencryptedHTTP2(!overTLS)
		s := newServer(t, overTLS, answer, func(s *httptest.Server) { s.Config.Protocols = protocols })
		for name, body := range map[string]func() io.Reader{
			"none":              func() io.Reader { return nil },
			"of known length":   func() io.Reader { return strings.NewReader("known") },
			"of unknown length": func() io.Reader { return io.NopCloser(strings.NewReader("unknown")) },
		} {
			t.Run(name, func(t *testing.T) {
				for which, roundTripper := range likeHTTPTransport(t, trusting(s, &http.Transport{Protocols: protocols})) {
					for range rounds {
						var group sync.WaitGroup
						for i := range 12 {
							group.Go(func() {
								path, want := "/long", numbers
								if i%3 > 0 {
									path, want = "/short", numbers[:40]
								}
								request, _ := http.NewRequest(http.MethodPut, s.URL+path, body())
								response, err := roundTripper.RoundTrip(request)
								if err != nil {
									t.Errorf("%s: %v", which, err)
									return
								}
								got, err := io.ReadAll(response.Body)
								if err != nil || string(got) != string(want) {
									t.Errorf("%s: %d of %d bytes, %v", which, len(got), len(want), err)
								} else if sum := response.Trailer.Get("X-Sum"); sum != strconv.Itoa(len(want)) {
									t.Errorf("%s: the trailer section has %q", which, sum)
								}
								_ = response.Body.Close()
							})
						}
						group.Wait()
						require.False(t, t.Failed())
					}
				}
			})
		}
	})
}
