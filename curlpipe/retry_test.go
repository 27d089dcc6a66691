package curlpipe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// mortal is a server that reads whole requests and answers those for /alive.
// Instead of answering others it ends the connection, as often as it has lives;
// after that it answers everything.
type mortal struct {
	url      string
	deaths   atomic.Int64 // still to come
	reset    bool         // dies with a RST
	seen     atomic.Int64 // requests not for /alive
	accepted atomic.Int64
}

func newMortal(t *testing.T, deaths int64, reset bool) *mortal {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	m := &mortal{url: "http://" + listener.Addr().String(), reset: reset}
	m.deaths.Store(deaths)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			m.accepted.Add(1)
			go m.serve(connection.(*net.TCPConn))
		}
	}()
	return m
}

func (m *mortal) serve(connection *net.TCPConn) {
	defer connection.Close()
	requests := bufio.NewReader(connection)
	for {
		request, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		content, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		if request.URL.Path != "/alive" {
			m.seen.Add(1)
			if m.deaths.Add(-1) >= 0 {
				if m.reset {
					_ = connection.SetLinger(0)
				}
				return
			}
		}
		text := fmt.Sprintf("%s %s %s", request.Method, request.URL.Path, content)
		fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
	}
}

// TestRetry uses a server that ends the connection before its response. As with
// net/http, a request that was the first on its connection is not sent again,
// because it is the likely reason.
func TestRetry(t *testing.T) {
	for name, each := range map[string]struct {
		method     string
		body       string
		maxRetries int
		deaths     int64
		seen       int64  // how often the server gets it on a connection that was used before
		answer     string // empty: it fails
	}{
		"GET":                    {"GET", "", 0, 1, 2, "GET /mortal "},
		"OPTIONS":                {"OPTIONS", "", 0, 1, 2, "OPTIONS /mortal "},
		"DELETE":                 {"DELETE", "", 0, 1, 2, "DELETE /mortal "},
		"PUT":                    {"PUT", "text", 0, 1, 2, "PUT /mortal text"},
		"POST":                   {"POST", "text", 0, 1, 1, ""},
		"POST, more allowed":     {"POST", "text", 5, 1, 1, ""},
		"PATCH":                  {"PATCH", "text", 0, 1, 1, ""},
		"own method":             {"BREW", "", 0, 1, 1, ""},
		"GET, never again":       {"GET", "", -1, 1, 1, ""},
		"PUT, never again":       {"PUT", "text", -1, 1, 1, ""},
		"GET, server dies twice": {"GET", "", 0, 2, 2, ""},
		"PUT, server dies twice": {"PUT", "text", 0, 2, 2, ""},
		// the second time is the first on its connection
		"GET, server dies twice, more allowed": {"GET", "", 5, 2, 2, ""},
	} {
		for _, reset := range []bool{false, true} {
			for _, reused := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/reset=%t/reused=%t", name, reset, reused), func(t *testing.T) {
					m := newMortal(t, each.deaths, reset)
					transport := newTestTransport(t, nil, &Transport{MaxRetries: each.maxRetries})
					seen, answer := int64(1), ""
					if reused {
						seen, answer = each.seen, each.answer
						require.Equal(t, "GET /alive ", readAll(t, open(t.Context(), t, transport, m.url+"/alive")))
					}
					request, err := http.NewRequest(each.method, m.url+"/mortal", strings.NewReader(each.body))
					require.NoError(t, err)
					response, err := transport.RoundTrip(request)
					if answer != "" {
						require.NoError(t, err)
						require.Equal(t, answer, readAll(t, response))
					} else {
						var code curl.CurlError
						require.ErrorAs(t, err, &code)
					}
					require.Equal(t, seen, m.seen.Load())
					stats := transport.Stats()
					require.EqualValues(t, seen-1, stats.Retries)
					require.EqualValues(t, m.accepted.Load(), stats.ConnectionsOpened)
				})
			}
		}
	}
}

// TestRetryOfALongBody sends a body again that is too long to be kept: it comes
// from the request's GetBody, or the request fails.
func TestRetryOfALongBody(t *testing.T) {
	content := strings.Repeat("long", 100_000)
	for name, each := range map[string]struct {
		body io.Reader
		seen int64
	}{
		"with GetBody":    {strings.NewReader(content), 2},
		"without GetBody": {onlyReader{strings.NewReader(content)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMortal(t, 1, false)
			transport := newTestTransport(t, nil, &Transport{})
			readAll(t, open(t.Context(), t, transport, m.url+"/alive"))
			request, err := http.NewRequest(http.MethodPut, m.url+"/mortal", each.body)
			require.NoError(t, err)
			response, err := transport.RoundTrip(request)
			require.Equal(t, each.seen, m.seen.Load())
			require.EqualValues(t, each.seen-1, transport.Stats().Retries)
			if each.seen == 1 {
				require.ErrorIs(t, err, curl.CurlError(curl.E_SEND_FAIL_REWIND))
				return
			}
			require.NoError(t, err)
			require.Equal(t, "PUT /mortal "+content, readAll(t, response))
		})
	}
}

// TestRetryOfAPipeline ends the connection of a pipeline. Each request behind
// the first gets its own response, over a second connection.
func TestRetryOfAPipeline(t *testing.T) {
	needsPipelining(t)
	forBoth(t, func(t *testing.T, overTLS bool) {
		var died atomic.Bool
		arrived, dies := make(chan struct{}), make(chan struct{})
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			if request.URL.Path == "/mortal" && !died.Swap(true) {
				close(arrived)
				<-dies
				panic(http.ErrAbortHandler) // ends the connection
			}
			echo(writer, request)
		})
		transport := newTestTransport(t, s, &Transport{})
		readAll(t, open(t.Context(), t, transport, s.URL))
		first := behind(t, transport, s.URL+"/mortal", 1)
		<-arrived
		waiting := behind(t, transport, s.URL+"/behind", 20)
		close(dies)
		answered := <-first[0]
		require.NoError(t, answered.err)
		require.Equal(t, "you asked for /mortal", readAll(t, answered.response))
		allAnswered(t, waiting)
		retries := transport.Stats().Retries // the requests that were already in flight
		require.Positive(t, retries)
		require.LessOrEqual(t, retries, uint64(21))
		require.EqualValues(t, 2, s.accepted.Load())
	})
}

// TestTraceOfARetry requires that the hooks run for each attempt, as in
// net/http.
func TestTraceOfARetry(t *testing.T) {
	m := newMortal(t, 1, false)
	transport := newTestTransport(t, nil, &Transport{})
	alive, err := transport.RoundTrip(get(t, m.url+"/alive"))
	require.NoError(t, err)
	readAll(t, alive)

	var hooks []string
	var last error
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { hooks = append(hooks, fmt.Sprintf("reused=%t", info.Reused)) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			hooks = append(hooks, "wrote") // the event depends on how far the attempt got
			last = info.Err
		},
	})
	response, err := transport.RoundTrip(get(t, m.url+"/mortal").WithContext(ctx))
	require.NoError(t, err)
	require.Equal(t, "GET /mortal ", readAll(t, response))
	require.Equal(t, []string{"reused=true", "wrote", "reused=false", "wrote"}, hooks)
	require.NoError(t, last)
	require.EqualValues(t, 1, transport.Stats().Retries)
}
