package curlpipe

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// count returns how often each hook has run, without WroteHeaderField, whose fields are
// sent differently, and those that net/http runs otherwise over HTTP/2: PutIdleConn
// never, and GetConn sometimes twice.
func (r *recordHooks) count() map[string]int {
	count := make(map[string]int)
	for _, hook := range r.all() {
		if name, _, _ := strings.Cut(hook, " "); name != "field" && name != "PutIdleConn" && name != "GetConn" {
			count[name]++
		}
	}
	return count
}

// TestHooksRunEquallyOften requires that each hook runs as often for all methods and
// kinds of bodies, although a response may come before a body was looked at.
func TestHooksRunEquallyOften(t *testing.T) {
	bodies := map[string]func() io.Reader{
		"nil":    func() io.Reader { return nil },
		"NoBody": func() io.Reader { return http.NoBody },
		"empty":  func() io.Reader { return io.NopCloser(strings.NewReader("")) },
		"short":  func() io.Reader { return strings.NewReader("short") },
		"chunks": func() io.Reader { return io.NopCloser(strings.NewReader("chunks")) },
		"long":   func() io.Reader { return strings.NewReader(strings.Repeat("long", 50<<10)) },
	}
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = io.WriteString(writer, "ok")
		})
		transports := likeHTTPTransport(t, trusting(s, &http.Transport{}))
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			for name, body := range bodies {
				if method == http.MethodHead && body() != nil && body() != http.NoBody {
					continue // not sent
				}
				for _, last := range []bool{false, true} {
					records := map[string]*recordHooks{"net/http": {}, "curlpipe": {}}
					for which, record := range records {
						request, err := http.NewRequest(method, s.URL, body())
						require.NoError(t, err)
						request.Close = last
						response, err := transports[which].RoundTrip(record.with(request))
						require.NoError(t, err, which)
						readAll(t, response)
					}
					require.EventuallyWithT(t, func(c *assert.CollectT) {
						ours := records["curlpipe"].count()
						require.Equal(c, 1, ours["WroteRequest"])
						require.Equal(c, records["net/http"].count(), ours)
					}, time.Minute, time.Millisecond, "%s %s %t", method, name, last)
				}
			}
		}
	})
}

// TestHookOfARequestThatIsNotSentWhole requires that WroteRequest runs once with an
// error, if the caller leaves while the body is being sent, or a response comes.
func TestHookOfARequestThatIsNotSentWhole(t *testing.T) {
	for name, answers := range map[string]bool{"the caller leaves": false, "a response comes": true} {
		t.Run(name, func(t *testing.T) {
			forBoth(t, func(t *testing.T, overTLS bool) {
				began, goOn := newChannel(), newChannel()
				s := newServer(t, overTLS, func(writer http.ResponseWriter, _ *http.Request) {
					if answers {
						writer.Header().Set("Connection", "close")
						_, _ = io.WriteString(writer, "enough")
						return
					}
					began <- struct{}{}
					<-goOn
				})
				defer close(goOn)
				for which, make := range yardsticks {
					var record recordHooks
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					body, writer := io.Pipe()
					go func() {
						_, _ = io.WriteString(writer, "part")
						if !answers {
							<-began
							cancel()
							if which == "net/http" { // which waits for its Read
								_ = writer.CloseWithError(io.ErrClosedPipe)
							}
						}
					}()
					request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, body)
					require.NoError(t, err)
					response, err := make(t, s).RoundTrip(record.with(request))
					if answers {
						require.NoError(t, err, which)
						require.Equal(t, "enough", readAll(t, response), which)
					} else {
						require.Error(t, err, which)
					}
					_ = writer.CloseWithError(io.ErrClosedPipe) // net/http still reads it
					until(t, func() bool { return record.count()["WroteRequest"] > 0 }, which+": the hook has run")
					require.Equal(t, 1, record.count()["WroteRequest"], which)
					require.NotContains(t, record.all(), "WroteRequest <nil>", which)
				}
			})
		})
	}
}
