package curlpipe

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// needsMultiplexing skips an HTTP/2 test if libcurl does not multiplex.
func needsMultiplexing(t testing.TB) {
	t.Helper()
	if !multiplexes(t) {
		t.Skip("this libcurl does not multiplex HTTP/2")
	}
}

// http2Answer is the result of a request: an error, or a whole response.
type http2Answer struct {
	err    error
	status int
	text   string
	stream string // stream that the server names in the response
}

// whole returns the body of the honest response on that stream.
func (a *http2Answer) whole() bool {
	return a.text == fmt.Sprintf("stream %s, the first half%s", a.stream, secondHalf)
}

func askHTTP2(ctx context.Context, transport http.RoundTripper, method, target string) *http2Answer {
	request, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		return &http2Answer{err: err}
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return &http2Answer{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return &http2Answer{err: err, status: response.StatusCode, text: string(text), stream: response.Header.Get("stream")}
}

func (s *rawHTTP2Server) url() string { return "https://" + s.address + "/" }

// TestHTTP2OutOfOrder has servers violate HTTP/2 in more than 120 ways while
// innocent requests on the same connection have partial responses. In every case
// no caller takes a truncated body or another's body for its own, every caller
// gets a result, the next request succeeds, other hosts notice nothing, and no
// POST is processed twice. net/http must pass the same test where it can, which
// checks the table.
func TestHTTP2OutOfOrder(t *testing.T) {
	needsMultiplexing(t)
	log.SetOutput(io.Discard) // net/http tells of much
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	kinds := http2Kinds()
	require.GreaterOrEqual(t, len(kinds), 120)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for name, transport := range map[string]interface {
				http.RoundTripper
				CloseIdleConnections()
			}{
				"curlpipe":                 &Transport{InsecureSkipVerify: true, MaxResponseHeaderBytes: 64 << 10},
				"curlpipe, DialTLSContext": &Transport{DialTLSContext: dialUnverified, MaxResponseHeaderBytes: 64 << 10},
				"net/http":                 &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true},
			} {
				if name == "net/http" && kind.alone {
					continue
				}
				t.Run(name, func(t *testing.T) { kind.check(t, transport) })
				if ours, ok := transport.(*Transport); ok {
					require.NoError(t, ours.Close())
				}
				transport.CloseIdleConnections()
			}
		})
	}
}

// The requests of a check, in the order in which the server gets them.
const (
	warmRequest = iota
	halfRequest
	announcedRequest
	untouchedRequest
	badRequest
	requestsOfCheck
)

// outOfOrder serves a check: the first connection gets the violation.
func (k *http2Kind) serve(c *rawHTTP2) {
	var streams []uint32
	c.each(func(stream uint32) {
		if c.number > 0 {
			c.good(stream)
			return
		}
		streams = append(streams, stream)
		switch len(streams) - 1 {
		case warmRequest:
			c.good(stream)
		case halfRequest:
			c.begin(stream, false)
		case announcedRequest:
			c.begin(stream, true)
		case untouchedRequest:
		case badRequest:
			others := streams[halfRequest:badRequest]
			k.say(c, stream, others)
			if k.silent {
				return
			}
			c.finish(others[0])
			c.finish(others[1])
			c.good(others[2])
			c.frame(frameReset, 0, stream, code(0x2)...) // INTERNAL_ERROR, if the stream is still open
		default:
			c.good(stream)
		}
	})
}

func (k *http2Kind) check(t *testing.T, transport http.RoundTripper) {
	s := newRawHTTP2Server(t, k.serve)
	beside := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(c.good) })
	// nobody may have to wait for this one
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ours, isOurs := transport.(*Transport)

	require.NoError(t, askHTTP2(ctx, transport, http.MethodGet, s.url()).err)
	<-s.wait
	require.NoError(t, askHTTP2(ctx, transport, http.MethodGet, beside.url()).err)
	var came [requestsOfCheck]chan *http2Answer
	for number := halfRequest; number < requestsOfCheck; number++ {
		method := http.MethodGet
		if number >= untouchedRequest && len(k.name)%2 == 0 {
			method = http.MethodPost
		}
		came[number] = make(chan *http2Answer, 1)
		go func() { came[number] <- askHTTP2(ctx, transport, method, s.url()) }()
		<-s.wait
	}
	answer := askHTTP2(ctx, transport, http.MethodGet, beside.url())
	require.NoError(t, answer.err, "another host")
	require.True(t, answer.whole(), "another host: %+v", answer)
	if k.name == "HEADERS without END_HEADERS, then silence" {
		cancel() // nothing is wrong yet: only a caller's limit ends the wait
	}
	for number := halfRequest; number < requestsOfCheck; number++ {
		answer := <-came[number]
		switch {
		case answer.err == nil && number < badRequest:
			require.True(t, answer.whole(), "request %d: %+v", number, answer)
		case answer.err == nil && answer.stream != "":
			require.True(t, answer.whole(), "the bad request: %+v", answer)
		case isOurs && answer.err != nil:
			require.NotErrorIs(t, answer.err, context.DeadlineExceeded, "request %d hears of it", number)
		}
		if k.unharmed && isOurs && number < badRequest {
			require.NoError(t, answer.err, "request %d is innocent", number)
		}
	}
	if !isOurs {
		return
	}
	if ctx.Err() != nil {
		ctx = t.Context()
	}
	answer = askHTTP2(ctx, transport, http.MethodGet, s.url())
	if _, connections := s.seen(); strings.HasPrefix(k.name, "RST_STREAM 0xd") && connections > 1 && answer.err != nil {
		return // HTTP_1_1_REQUIRED: a new connection speaks HTTP/1.1, and this server does not
	}
	require.NoError(t, answer.err, "the next request")
	require.True(t, answer.whole(), "the next request: %+v", answer)
	streams, _ := s.seen()
	others, _ := beside.seen()
	stats := ours.Stats()
	if k.silent { // libcurl may have written to a connection that had already ended
		require.LessOrEqual(t, uint64(streams+others), stats.Requests+stats.Retries, "%+v", stats)
	} else {
		require.EqualValues(t, stats.Requests+stats.Retries, streams+others, "%+v", stats)
	}
	if strings.HasPrefix(k.name, "RST_STREAM 0x") && !strings.HasSuffix(k.name, "nothing") {
		require.Zero(t, stats.Retries, "the server had answered")
	}
}
