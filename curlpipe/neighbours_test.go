package curlpipe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// servedServer is a server whose connections, numbered from 0, serve answers.
type servedServer struct {
	url      string
	accepted atomic.Int64
}

func newServedServer(t *testing.T, serve func(number int64, connection *net.TCPConn, requests *bufio.Reader)) *servedServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	s := &servedServer{url: "http://" + listener.Addr().String()}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			number := s.accepted.Add(1) - 1
			go func() {
				defer connection.Close()
				serve(number, connection.(*net.TCPConn), bufio.NewReader(connection))
			}()
		}
	}()
	return s
}

// readTarget reads a request without a body; empty: there is none.
func readTarget(requests *bufio.Reader) string {
	request, err := http.ReadRequest(requests)
	if err != nil {
		return ""
	}
	return request.URL.Path
}

func answerTo(target string) string {
	text := "you asked for " + target
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// TestServerThatTakesSoManyRequests ends each connection after so many
// responses, announced or not, as nginx and Apache do: nobody fails for it, and
// no connection is wasted.
func TestServerThatTakesSoManyRequests(t *testing.T) {
	for _, limit := range []int{3, 10, 50} {
		for _, announced := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/announced=%t", limit, announced), func(t *testing.T) {
				s := newServedServer(t, func(_ int64, connection *net.TCPConn, requests *bufio.Reader) {
					for i := 1; ; i++ {
						target := readTarget(requests)
						if target == "" {
							return
						}
						answer := answerTo(target)
						if i == limit && announced {
							answer = strings.Replace(answer, "\r\n", "\r\nConnection: close\r\n", 1)
						}
						_, _ = io.WriteString(connection, answer)
						if i == limit {
							_ = connection.CloseWrite()
							_, _ = io.Copy(io.Discard, requests)
							return
						}
					}
				})
				transport := newTestTransport(t, nil, &Transport{})
				fetchMany(t, transport, s.url, 300)
				require.EqualValues(t, 300/limit, s.accepted.Load())
				require.Zero(t, transport.Stats().Failed)
			})
		}
	}
}

// TestNeighboursOfOneThatFails: who is behind a request that takes its
// connection with it is answered all the same.
func TestNeighboursOfOneThatFails(t *testing.T) {
	fail := func(writer http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.URL.Path, "/fails") {
			writer.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(writer, strings.Repeat("x", 1000))
			return
		}
		echo(writer, request)
	}
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, fail)
		client := newTestClient(t, s, &Transport{Configure: func(easy *curl.CURL) error {
			return easy.Setopt(curl.OPT_FAILONERROR, true)
		}})
		var waiting [100]<-chan outcome
		for i := range waiting {
			path := "/fine"
			if i%5 == 0 {
				path = "/fails"
			}
			waiting[i] = begin(t.Context(), t, client, s.URL+path)
		}
		for i, each := range waiting {
			came := <-each
			if i%5 == 0 {
				require.ErrorIs(t, came.err, curl.CurlError(curl.E_HTTP_RETURNED_ERROR))
			} else {
				require.NoError(t, came.err)
				require.Equal(t, "you asked for /fine", readAll(t, came.response))
			}
		}
	})
}

// TestBodiesClosedEarlyCostNobody has callers close long bodies with others
// behind them.
func TestBodiesClosedEarlyCostNobody(t *testing.T) {
	needsPipelining(t)
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/large" {
			var taken atomic.Int64
			blocks(writer, 1024, &taken)
			return
		}
		echo(writer, request)
	})
	transport := newTestTransport(t, s, &Transport{MaxAbandonedBytes: 1 << 20})
	readAll(t, open(t.Context(), t, transport, s.URL))
	for range 3 {
		response := open(t.Context(), t, transport, s.URL+"/large")
		waiting := behind(t, transport, s.URL+"/behind", 20)
		require.NoError(t, response.Body.Close())
		allAnswered(t, waiting)
	}
	require.Zero(t, transport.Stats().Failed)
}

// TestOneThatHangs: a request that times out is in nobody's way, neither of who
// comes later nor, for long, of who is behind it.
func TestOneThatHangs(t *testing.T) {
	for _, pipelining := range []Pipelining{Auto, Off} {
		t.Run(pipelining.String(), func(t *testing.T) {
			s, g := newGateServer(t, true)
			t.Cleanup(g.open)
			transport := &Transport{Pipelining: pipelining, MaxAbandonedTime: time.Hour}
			client := newTestClient(t, s, transport)
			fetch(t, client, s.URL)
			ctx, cancel := context.WithCancel(t.Context())
			hung := begin(ctx, t, client, s.URL+"/wait")
			<-g.arrived
			cancel()
			require.ErrorIs(t, (<-hung).err, context.Canceled)
			for range 20 {
				require.Equal(t, "you asked for /fine", fetch(t, client, s.URL+"/fine"))
			}
		})
	}
}

// TestOneThatHangsBeforeOthers is given up after MaxAbandonedTime, and new
// requests do not wait for that: they have one more connection.
func TestOneThatHangsBeforeOthers(t *testing.T) {
	needsPipelining(t)
	s, g := newGateServer(t, true)
	t.Cleanup(g.open)
	client := newTestClient(t, s, &Transport{MaxAbandonedTime: time.Hour})
	fetch(t, client, s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	hung := begin(ctx, t, client, s.URL+"/wait")
	<-g.arrived
	stuck := begin(t.Context(), t, client, s.URL+"/behind")
	until(t, func() bool { return client.Stats().InFlight == 2 }, "one is behind it")
	cancel()
	require.ErrorIs(t, (<-hung).err, context.Canceled)
	for range 20 {
		require.Equal(t, "you asked for /fine", fetch(t, client, s.URL+"/fine"))
	}
	require.EqualValues(t, 2, client.Stats().ConnectionsOpened)
	require.EqualValues(t, 2, client.Stats().InFlight, "it waits")
	g.open()
	require.NoError(t, (<-stuck).err)
	require.Equal(t, "you asked for /after", fetch(t, client, s.URL+"/after"))
	until(t, func() bool { return client.Stats().ConnectionsClosed == 1 }, "one is too many again")

	// within MaxAbandonedTime it is given up
	again, gate := newGateServer(t, true)
	t.Cleanup(gate.open)
	client = newTestClient(t, again, &Transport{MaxAbandonedTime: 300 * time.Millisecond})
	fetch(t, client, again.URL)
	ctx, cancel = context.WithCancel(t.Context())
	hung = begin(ctx, t, client, again.URL+"/wait")
	<-gate.arrived
	stuck = begin(t.Context(), t, client, again.URL+"/behind")
	until(t, func() bool { return client.Stats().InFlight == 2 }, "one is behind it")
	cancel()
	require.ErrorIs(t, (<-hung).err, context.Canceled)
	answered := <-stuck
	require.NoError(t, answered.err)
	require.Equal(t, "you asked for /behind", readAll(t, answered.response))
	require.EqualValues(t, 1, client.Stats().ConnectionsGivenUp)
}

// TestManyHostsInTurn: each keeps its connection.
func TestManyHostsInTurn(t *testing.T) {
	transport := newTestTransport(t, nil, &Transport{})
	var servers []*server
	for range 12 { // different ports of one host
		servers = append(servers, newServer(t, false, echo))
	}
	for range 10 {
		for _, s := range servers {
			fetchMany(t, transport, s.URL, 1)
		}
	}
	require.EqualValues(t, len(servers), transport.Stats().ConnectionsOpened)
}

// TestServerThatClosesAtRest is noticed when nobody asks.
func TestServerThatClosesAtRest(t *testing.T) {
	for _, reset := range []bool{false, true} {
		ends := make(chan struct{})
		s := newServedServer(t, func(number int64, connection *net.TCPConn, requests *bufio.Reader) {
			for target := readTarget(requests); target != ""; target = readTarget(requests) {
				_, _ = io.WriteString(connection, answerTo(target))
				if number == 0 {
					<-ends
					if reset {
						_ = connection.SetLinger(0)
					}
					return
				}
			}
		})
		transport := newTestTransport(t, nil, &Transport{})
		fetchMany(t, transport, s.url, 1)
		close(ends)
		until(t, func() bool { return transport.Stats().ConnectionsClosed == 1 }, "it is closed")
		response, err := transport.RoundTrip(posting(t, s.url+"/1", "x"))
		require.NoError(t, err)
		require.Equal(t, "you asked for /1", readAll(t, response))
		stats := transport.Stats()
		require.EqualValues(t, 1, stats.ClosedByServer+stats.ResetByServer)
		require.Zero(t, stats.Retries)
	}
}

func posting(t *testing.T, target, text string) *http.Request {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, target, strings.NewReader(text))
	require.NoError(t, err)
	return request
}

// TestOriginOfAURL: one server has one key, however it is spelled.
func TestOriginOfAURL(t *testing.T) {
	for _, same := range [][]string{
		{"http://example.com", "http://example.com:80/x", "http://EXAMPLE.com", "http://example.com:"},
		{"https://example.com", "https://Example.Com:443"},
		{"http://example.com:443"},
		{"http://[::1]:8080/", "http://[::1]:8080"},
		{"http://[::1]"},
	} {
		var first originKey
		for i, text := range same {
			u, err := url.Parse(text)
			require.NoError(t, err)
			if i == 0 {
				first = originOf(u)
			}
			require.Equal(t, first, originOf(u), text)
		}
	}
}

// TestProxiesThatSayNothing hold up nobody but who waits for them, and not for
// longer than ConnectTimeout.
func TestProxiesThatSayNothing(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"http":      func(c net.Conn) { _, _ = io.WriteString(c, "H") },
		"http-drip": func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\n", "x") },
		"http-long": func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\nX: ", strings.Repeat("x", 64<<10)) },
		"socks5":    func(net.Conn) {},
		"socks5h":   func(c net.Conn) { _, _ = c.Write([]byte{5}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServedServer(t, func(_ int64, connection *net.TCPConn, requests *bufio.Reader) {
				if strings.HasPrefix(name, "http") {
					_, _ = http.ReadRequest(requests)
				}
				answer(connection)
				_, _ = io.Copy(io.Discard, requests)
			})
			proxy, err := url.Parse(s.url)
			require.NoError(t, err)
			proxy.Scheme, _, _ = strings.Cut(name, "-")
			transport := newTestTransport(t, nil, &Transport{Proxy: proxy, ConnectTimeout: 300 * time.Millisecond})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = transport.RoundTrip(get(t, "http://127.0.0.1:1/").WithContext(ctx))
			require.Error(t, err)
			_, err = transport.RoundTrip(get(t, "http://127.0.0.1:1/"))
			if name == "http-long" {
				require.Error(t, err)
			} else {
				require.ErrorIs(t, err, ErrConnectTimeout)
				var failed *Error
				require.ErrorAs(t, err, &failed)
				require.True(t, failed.Timeout())
			}
			require.Positive(t, transport.Stats().NotConnected)
		})
	}
	t.Run("Close", func(t *testing.T) {
		s := newServedServer(t, func(_ int64, _ *net.TCPConn, requests *bufio.Reader) {
			_, _ = io.Copy(io.Discard, requests)
		})
		proxy, err := url.Parse(s.url)
		require.NoError(t, err)
		transport := newTestTransport(t, nil, &Transport{Proxy: proxy})
		ended := make(chan error, 1)
		go func() {
			_, err := transport.RoundTrip(get(t, "http://127.0.0.1:1/"))
			ended <- err
		}()
		until(t, func() bool { return s.accepted.Load() == 1 }, "the proxy is asked")
		require.NoError(t, transport.Close())
		require.ErrorIs(t, <-ended, ErrClosed)
	})
}

// drip writes a beginning and then so much every few milliseconds.
func drip(to net.Conn, beginning, more string) {
	_, err := io.WriteString(to, beginning)
	for err == nil {
		time.Sleep(5 * time.Millisecond)
		_, err = io.WriteString(to, more)
	}
}

// TestTLSThatSaysNothing bounds the handshake, too.
func TestTLSThatSaysNothing(t *testing.T) {
	s := newServedServer(t, func(_ int64, _ *net.TCPConn, requests *bufio.Reader) {
		_, _ = io.Copy(io.Discard, requests)
	})
	transport := newTestTransport(t, nil, &Transport{ConnectTimeout: 200 * time.Millisecond})
	_, err := transport.RoundTrip(get(t, strings.Replace(s.url, "http", "https", 1)))
	require.ErrorIs(t, err, ErrConnectTimeout)
}

// TestStallOfOneHost is noticed though another one is busy.
func TestStallOfOneHost(t *testing.T) {
	dead, g := newGateServer(t, true)
	t.Cleanup(g.open)
	busy := newServer(t, true, echo)
	transport := newTestTransport(t, nil, &Transport{InsecureSkipVerify: true, StallTimeout: 2 * time.Second, Pipelining: Off})
	stalled := make(chan error, 1)
	go func() {
		_, err := transport.RoundTrip(get(t, dead.URL+"/wait"))
		stalled <- err
	}()
	for {
		select {
		case err := <-stalled:
			require.ErrorIs(t, err, ErrStalled)
			return
		default:
			fetchMany(t, transport, busy.URL, 5)
		}
	}
}

// TestLeakedBody is given up when others wait behind it, and Stats show it.
func TestLeakedBody(t *testing.T) {
	for _, pipelining := range []Pipelining{Auto, Off} {
		t.Run(pipelining.String(), func(t *testing.T) {
			s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
				if request.URL.Path == "/large" {
					var taken atomic.Int64
					blocks(writer, 1024, &taken)
					return
				}
				echo(writer, request)
			})
			transport := newTestTransport(t, s, &Transport{Pipelining: pipelining, MaxUnreadTime: 100 * time.Millisecond})
			readAll(t, open(t.Context(), t, transport, s.URL))
			leaked := []*http.Response{
				open(t.Context(), t, transport, s.URL+"/large"),
				open(t.Context(), t, transport, s.URL+"/large"), // on the one more connection
			}
			fetchMany(t, transport, s.URL, 20)
			stats := transport.Stats()
			require.Positive(t, stats.BodiesUnread)
			require.Zero(t, stats.Failed)
			var given int
			for _, each := range leaked {
				if _, err := io.Copy(io.Discard, each.Body); errors.Is(err, ErrBodyUnread) {
					given++
				}
			}
			require.EqualValues(t, stats.BodiesUnread, given)
		})
	}
}

// TestInterimWithoutEnd counts towards MaxHeaderBytes.
func TestInterimWithoutEnd(t *testing.T) {
	s := newServedServer(t, func(_ int64, connection *net.TCPConn, requests *bufio.Reader) {
		readTarget(requests)
		var err error
		for err == nil {
			_, err = io.WriteString(connection, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
		}
	})
	transport := newTestTransport(t, nil, &Transport{MaxHeaderBytes: 64 << 10})
	_, err := transport.RoundTrip(get(t, s.url))
	require.ErrorIs(t, err, ErrResponseTooLarge)
}

// TestDroppedBytesAreCountedOffTheWire: what frames a body counts, too.
func TestDroppedBytesAreCountedOffTheWire(t *testing.T) {
	for name, piece := range map[string]string{
		"chunk extension": strings.Repeat("x", 16<<10),
		"small chunks":    strings.Repeat("1\r\nx\r\n", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 1 << 20
			var sent atomic.Int64
			gone := make(chan struct{})
			arrived := make(chan struct{})
			s := newServedServer(t, func(number int64, connection *net.TCPConn, requests *bufio.Reader) {
				target := readTarget(requests)
				if target != "/endless" {
					_, _ = io.WriteString(connection, answerTo(target))
					_, _ = io.Copy(io.Discard, requests)
					return
				}
				close(arrived)
				defer close(gone)
				_, err := io.WriteString(connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				if name == "chunk extension" {
					_, err = io.WriteString(connection, "1;")
				}
				for err == nil {
					var n int
					n, err = io.WriteString(connection, piece)
					sent.Add(int64(n))
				}
			})
			client := newTestClient(t, nil, &Transport{MaxAbandonedBytes: limit, MaxAbandonedTime: time.Hour, MaxResponseBytes: 1 << 40})
			ctx, cancel := context.WithCancel(t.Context())
			came := begin(ctx, t, client, s.url+"/endless")
			<-arrived
			cancel()
			<-came
			<-gone
			require.Equal(t, "you asked for /after", fetch(t, client, s.url+"/after"))
			require.Less(t, sent.Load(), int64(32*limit), "what lies in the sockets included")
		})
	}
}

// TestForgottenOrigin: an origin without requests is as good as unknown; a POST
// whose connection dies is not carried out twice for that, and CloseIdle closes
// nothing that is in use.
func TestForgottenOrigin(t *testing.T) {
	for _, closeIdle := range []bool{false, true} {
		t.Run(fmt.Sprintf("closeIdle=%t", closeIdle), func(t *testing.T) {
			var posts atomic.Int64
			arrived, release := make(chan struct{}, 2), make(chan struct{})
			s := newServedServer(t, func(_ int64, connection *net.TCPConn, requests *bufio.Reader) {
				for {
					request, err := http.ReadRequest(requests)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, request.Body)
					if request.Method == http.MethodPost {
						posts.Add(1)
						arrived <- struct{}{}
						if !closeIdle {
							return
						}
						<-release
					}
					_, _ = io.WriteString(connection, answerTo(request.URL.Path))
				}
			})
			transport := newTestTransport(t, nil, &Transport{})
			fetchMany(t, transport, s.url, 1)
			for i := range 100 { // nobody listens there
				_, err := transport.RoundTrip(get(t, fmt.Sprintf("http://127.0.1.%d:9/", i+1)))
				require.Error(t, err)
			}
			came := make(chan outcome, 1)
			go func() {
				response, err := transport.RoundTrip(posting(t, s.url+"/pay", "100"))
				came <- outcome{response, err}
			}()
			<-arrived
			if closeIdle {
				transport.CloseIdleConnections()
				fetchMany(t, transport, newServer(t, false, echo).URL, 1) // it has come to the engine
				close(release)
			}
			got := <-came
			require.EqualValues(t, 1, posts.Load())
			require.Zero(t, transport.Stats().Retries)
			if closeIdle {
				require.NoError(t, got.err)
				require.Equal(t, "you asked for /pay", readAll(t, got.response))
			} else {
				require.ErrorContains(t, got.err, "sent once, not again")
			}
		})
	}
}
