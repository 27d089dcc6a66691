package curlpipe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// TestServerThatTakesSoManyRequests uses a server that ends each connection
// after a number of responses, announced or not, as nginx and Apache do. No
// request fails for it, and no connection is wasted.
func TestServerThatTakesSoManyRequests(t *testing.T) {
	for _, limit := range []int{3, 10, 50} {
		for _, announced := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/announced=%t", limit, announced), func(t *testing.T) {
				s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
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
							_ = connection.(*net.TCPConn).CloseWrite()
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

// TestNeighboursOfOneThatFails requires that a request is answered although the
// one before it ends the connection.
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

// TestBodiesClosedEarlyCostNobody closes long bodies early while others are
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

// TestManyHostsInTurn requires that each host keeps its connection.
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

// TestServerThatClosesAtRest requires that the close is noticed without a
// request.
func TestServerThatClosesAtRest(t *testing.T) {
	for _, reset := range []bool{false, true} {
		ends := make(chan struct{})
		s := newServedServer(t, func(number int64, connection net.Conn, requests *bufio.Reader) {
			for target := readTarget(requests); target != ""; target = readTarget(requests) {
				_, _ = io.WriteString(connection, answerTo(target))
				if number == 0 {
					<-ends
					if reset {
						_ = connection.(*net.TCPConn).SetLinger(0)
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

// TestOriginOfAURL requires that a server has one key, however it is spelled.
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

// Bytes that arrive on an idle connection are not the fault of the next request.
// If no byte of it was sent, it is sent on another connection, whatever its
// method and MaxRetries.
func TestStrayAtRestCostsNobody(t *testing.T) {
	again, sent := make(chan struct{}), make(chan struct{})
	var carriedOut atomic.Int64
	s := newServedServer(t, func(number int64, connection net.Conn, requests *bufio.Reader) {
		for {
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			if request.Method == http.MethodPost {
				_, _ = io.Copy(io.Discard, request.Body)
				carriedOut.Add(1)
			}
			_, _ = io.WriteString(connection, answerTo(request.URL.Path))
			if number == 0 {
				<-again
				_, _ = io.WriteString(connection, answerTo("/stray"))
				close(sent)
			}
		}
	})
	client := newTestClient(t, nil, &Transport{MaxRetries: -1})
	fetch(t, client, s.url+"/first")
	close(again)
	<-sent
	response, err := client.Do(t.Context(), posting(t, s.url+"/post", "x"))
	require.NoError(t, err)
	require.Equal(t, "you asked for /post", readAll(t, response))
	require.EqualValues(t, 1, carriedOut.Load())
	require.EqualValues(t, 2, s.accepted.Load())
	require.Zero(t, client.Stats().Retries, "it was sent once")
}

// TestForgottenOrigin requires that an origin is forgotten when it has no
// requests. A POST whose connection ends is still not processed twice, and
// CloseIdle closes no connection that is in use.
func TestForgottenOrigin(t *testing.T) {
	for _, closeIdle := range []bool{false, true} {
		t.Run(fmt.Sprintf("closeIdle=%t", closeIdle), func(t *testing.T) {
			var posts atomic.Int64
			arrived, release := make(chan struct{}, 2), make(chan struct{})
			s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
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
				fetchMany(t, transport, newServer(t, false, echo).URL, 1) // the engine has got it
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
