package curlpipe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newExcessServer sends excess bytes behind its answer to /bad, together with the
// answers to the requests that are pipelined behind it, or behind all answers.
func newExcessServer(t testing.TB, answer func(target string) string, excess string, always bool) *servedServer {
	t.Helper()
	return newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		var answers strings.Builder
		for owed := 0; ; {
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			target := request.URL.Path
			switch {
			case always:
				answers.WriteString(answer(target) + excess)
			case target == "/bad":
				answers.WriteString(answer(target) + excess)
				owed = excessBehind
			default:
				answers.WriteString(answerTo(target))
				owed--
			}
			if owed > 0 && !systemLibcurl() {
				continue
			}
			if _, err := io.WriteString(connection, answers.String()); err != nil {
				return
			}
			answers.Reset()
		}
	})
}

// excessBehind is the number of requests that are pipelined behind /bad.
const excessBehind = 5

// A server that sends more than it has announced harms only the connection: the
// requests behind start over. So does the next, because the bytes at the
// beginning of its response are no response [RFC 9112 §6.3].
func TestExcessBehindAResponseHarmsNobody(t *testing.T) {
	ok := func(target string) string { return answerTo(target) }
	section := func(lines ...string) func(string) string {
		return func(string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }
	}
	for name, test := range map[string]struct {
		method string
		answer func(target string) string
		excess string
		always bool // behind each response
	}{
		"HEAD with a body":            {http.MethodHead, section(okLine, "Content-Length: 5"), "12345", false},
		"HEAD with chunks":            {http.MethodHead, section(okLine, "Transfer-Encoding: chunked"), "5\r\n12345\r\n0\r\n\r\n", false},
		"HEAD with a page":            {http.MethodHead, section(okLine, "Content-Type: text/html"), "<html>\n<p>x: y</p>\n</html>\n", false},
		"204 with a body":             {http.MethodGet, section("HTTP/1.1 204 No Content"), "12345", false},
		"304 with a body":             {http.MethodGet, section("HTTP/1.1 304 Not Modified", "Content-Length: 5"), "12345", false},
		"a length that is too small":  {http.MethodGet, ok, "12345", false},
		"CRLF":                        {http.MethodGet, ok, "\r\n", false},
		"LF":                          {http.MethodGet, ok, "\n", false},
		"NUL":                         {http.MethodGet, ok, "\x00", false},
		"a field":                     {http.MethodGet, ok, "X: y\r\n", false},
		"a folded line":               {http.MethodGet, ok, " y\r\n", false},
		"an empty chunk":              {http.MethodGet, ok, "0\r\n\r\n", false},
		"20 kB":                       {http.MethodGet, ok, strings.Repeat("x", 20_000), false},
		"20 kB of lines":              {http.MethodGet, ok, strings.Repeat("x\r\n", 7000), false},
		"CRLF behind each":            {http.MethodGet, ok, "\r\n", true},
		"more than announced, always": {http.MethodGet, ok, "12345", true},
	} {
		for _, retries := range []int{0, -1} {
			t.Run(fmt.Sprintf("%s, MaxRetries=%d", name, retries), func(t *testing.T) {
				s := newExcessServer(t, test.answer, test.excess, test.always)
				client := newTestClient(t, nil, &Transport{MaxRetries: retries})
				require.Equal(t, "you asked for /first", fetch(t, client, s.url+"/first"))
				bad, err := http.NewRequest(test.method, s.url+"/bad", nil)
				require.NoError(t, err)
				requests := []*http.Request{bad}
				for i := range excessBehind {
					requests = append(requests, get(t, fmt.Sprintf("%s/%d", s.url, i)))
				}
				for i, result := range client.DoBatch(t.Context(), requests) {
					if retries < 0 && result.Err != nil {
						require.NotZero(t, i, "its response is complete")
						continue // nothing is sent twice
					}
					require.NoError(t, result.Err, "request %d", i)
					if i > 0 {
						require.Equal(t, fmt.Sprintf("you asked for /%d", i-1), readAll(t, result.Response))
					}
				}
				require.Equal(t, "you asked for /last", fetch(t, client, s.url+"/last"))
				if retries < 0 {
					require.Zero(t, client.Stats().Retries)
				}
			})
		}
	}
}

// If a server's first response on a connection does not begin with a status line,
// the response is malformed, and the request is not sent again.
func TestNoStatusLineAtFirst(t *testing.T) {
	s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		if readTarget(requests) != "" {
			_, _ = io.WriteString(connection, "12345"+answerTo("/"))
			_, _ = io.Copy(io.Discard, requests)
		}
	})
	client := newTestClient(t, nil, &Transport{})
	_, err := client.Do(t.Context(), get(t, s.url))
	require.ErrorIs(t, err, ErrMalformedResponse)
	require.EqualValues(t, 1, s.accepted.Load())
	require.Zero(t, client.Stats().Retries)
}

// An interim response belongs to the request, so what follows it does, too: if that
// is no status line, the response is malformed, whether or not the interim response
// was passed to a hook.
func TestNoStatusLineBehindAnInterimResponse(t *testing.T) {
	for _, hook := range []bool{false, true} {
		t.Run(fmt.Sprintf("hook=%t", hook), func(t *testing.T) {
			told := make(chan struct{}, 1)
			s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
				if target := readTarget(requests); target != "" {
					_, _ = io.WriteString(connection, answerTo(target))
				}
				if readTarget(requests) == "" {
					return
				}
				_, _ = io.WriteString(connection, "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
				if hook {
					<-told
				}
				_, _ = io.WriteString(connection, "12345"+answerTo("/bad"))
				_, _ = io.Copy(io.Discard, requests)
			})
			transport := newTestTransport(t, nil, &Transport{})
			response, err := transport.RoundTrip(get(t, s.url+"/first"))
			require.NoError(t, err)
			require.Equal(t, "you asked for /first", readAll(t, response))
			ctx := t.Context()
			if hook {
				ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
					Got1xxResponse: func(int, textproto.MIMEHeader) error {
						told <- struct{}{}
						return nil
					},
				})
			}
			_, err = transport.RoundTrip(get(t, s.url+"/bad").WithContext(ctx))
			require.ErrorIs(t, err, ErrMalformedResponse)
			require.EqualValues(t, 1, s.accepted.Load())
			require.Zero(t, transport.Stats().Retries)
		})
	}
}
