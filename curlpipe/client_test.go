package curlpipe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// fetchAll gets many paths at once and reports each that did not get its own
// response.
func fetchAll(t *testing.T, client *Client, url string, count int) {
	t.Helper()
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			path := fmt.Sprintf("/item/%d", i)
			request, _ := http.NewRequest(http.MethodGet, url+path, nil)
			response, err := client.Do(context.Background(), request)
			if err != nil {
				t.Error(err)
				return
			}
			text, _ := io.ReadAll(response.Body)
			if string(text) != "you asked for "+path {
				t.Errorf("%s was answered with %q", path, text)
			}
		})
	}
	group.Wait()
}

func TestPipelinedGetsEachGetTheirOwnResponse(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		for _, count := range []int{1, 50, 1000} {
			t.Run(fmt.Sprint(count), func(t *testing.T) {
				s := newServer(t, overTLS, echo)
				client := newTestClient(t, s, &Transport{})
				fetchAll(t, client, s.URL, count)
				require.EqualValues(t, 1, s.accepted.Load())
				require.EqualValues(t, count, client.Stats().Answered)
				require.EqualValues(t, 1, client.Stats().ConnectionsOpened)
			})
		}
	})
}

func TestPipelineDeeperThanABatch(t *testing.T) {
	s := newServer(t, true, echo)
	client := newTestClient(t, s, &Transport{MaxPipelineDepth: 1500})
	require.Equal(t, "you asked for /first", fetch(t, client, s.URL+"/first"))
	fetchAll(t, client, s.URL, 2000)
	require.EqualValues(t, 1, s.accepted.Load())
}

func TestConcurrentUse(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo)
		client := newTestClient(t, s, &Transport{})
		var group sync.WaitGroup
		for worker := range 100 {
			group.Go(func() {
				for turn := range 20 {
					path := fmt.Sprintf("/%d/%d", worker, turn)
					request, _ := http.NewRequest(http.MethodGet, s.URL+path, nil)
					response, err := client.Do(context.Background(), request)
					if err != nil {
						t.Error(err)
						return
					}
					text, _ := io.ReadAll(response.Body)
					if string(text) != "you asked for "+path {
						t.Errorf("%s was answered with %q", path, text)
					}
					_ = client.Stats()
				}
			})
		}
		group.Wait()
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

func TestSeveralOrigins(t *testing.T) {
	client := newTestClient(t, nil, &Transport{MaxPipelineDepth: 4})
	var servers []*server
	for range 5 {
		servers = append(servers, newServer(t, false, echo))
	}
	for _, s := range servers {
		fetchAll(t, client, s.URL, 20)
	}
	for _, s := range servers {
		require.EqualValues(t, 1, s.accepted.Load())
	}
}

func TestBatchReachesTheServerInOrder(t *testing.T) {
	needsPipelining(t) // streams of HTTP/2 have no order
	var mutex sync.Mutex
	var seen []string
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		seen = append(seen, request.URL.Path)
	})
	client := newTestClient(t, s, &Transport{MaxPipelineDepth: 60})
	requests := make([]*http.Request, 200)
	for i := range requests {
		requests[i] = get(t, fmt.Sprintf("%s/%d", s.URL, i))
	}
	for i, result := range client.DoBatch(t.Context(), requests) {
		require.NoError(t, result.Err)
		require.Same(t, requests[i], result.Response.Request)
	}
	mutex.Lock()
	defer mutex.Unlock()
	for i, path := range seen {
		require.Equal(t, fmt.Sprintf("/%d", i), path)
	}
	require.Len(t, seen, len(requests))
}

func TestBatchWithFailures(t *testing.T) {
	s := newServer(t, false, echo)
	client := newTestClient(t, s, &Transport{})
	post, err := http.NewRequest(http.MethodPost, s.URL, strings.NewReader("x"))
	require.NoError(t, err)
	results := client.DoBatch(t.Context(), []*http.Request{get(t, s.URL+"/a"), post, get(t, s.URL+"/b")})
	require.Equal(t, "you asked for /a", readAll(t, results[0].Response))
	require.NoError(t, results[1].Err)
	require.Equal(t, "you asked for /b", readAll(t, results[2].Response))

	require.NoError(t, client.Close())
	results = client.DoBatch(t.Context(), []*http.Request{get(t, s.URL)})
	require.ErrorIs(t, results[0].Err, ErrClosed)
}

func TestHead(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			writer.Header().Set("Content-Length", "7")
			io.WriteString(writer, request.Method+"\n\n\n\n\n\n\n"[:7-len(request.Method)])
		})
		client := newTestClient(t, s, &Transport{})
		// GET and HEAD in turn, on the same easy handles
		for range 3 {
			require.Equal(t, "GET\n\n\n\n", fetch(t, client, s.URL))
			request, err := http.NewRequest(http.MethodHead, s.URL, nil)
			require.NoError(t, err)
			response, err := client.Do(t.Context(), request)
			require.NoError(t, err)
			require.EqualValues(t, 7, response.ContentLength)
			require.Empty(t, readAll(t, response))
		}
		require.EqualValues(t, 1, s.accepted.Load())
	})
}

func TestLargeBodies(t *testing.T) {
	sizes := []int{0, 1, 16383, 16384, 16385, 1 << 20, 16 << 20}
	forBoth(t, func(t *testing.T, overTLS bool) {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprintf("chunked=%v", chunked), func(t *testing.T) {
				s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
					var size int
					fmt.Sscanf(request.URL.Path, "/%d", &size)
					if !chunked {
						writer.Header().Set("Content-Length", fmt.Sprint(size))
					} else {
						writer.(http.Flusher).Flush()
					}
					io.WriteString(writer, strings.Repeat(string('a'+rune(size%26)), size))
				})
				client := newTestClient(t, s, &Transport{})
				var group sync.WaitGroup
				for _, size := range sizes {
					group.Go(func() {
						text := fetch(t, client, fmt.Sprintf("%s/%d", s.URL, size))
						if text != strings.Repeat(string('a'+rune(size%26)), size) {
							t.Errorf("body of %d bytes is wrong (has %d)", size, len(text))
						}
					})
				}
				group.Wait()
				require.EqualValues(t, 1, s.accepted.Load())
			})
		}
	})
}

func TestTLSVersions(t *testing.T) {
	const v11, v12, v13 = tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13
	for _, each := range []struct{ server, min, max, want uint16 }{ // want 0: they have none in common, so the handshake fails
		{v12, v12, v12, v12}, {v13, v13, v13, v13}, {v13, v12, v12, v12},
		{v13, v12, 0, v13}, {v13, 0, v12, v12}, {v13, v12, v13, v13}, {v13, v11, v12, v12}, {v12, v12, v13, v12},
		{v12, v13, v13, 0}, {v12, v13, 0, 0}, {v11, v12, 0, 0}, {v11, v12, v13, 0},
	} {
		s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
			fmt.Fprint(writer, request.TLS.Version)
		}, func(s *httptest.Server) { s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: each.server} })
		client := newTestClient(t, s, &Transport{MinTLSVersion: each.min, MaxTLSVersion: each.max})
		if each.want == 0 {
			_, err := client.Do(t.Context(), get(t, s.URL))
			require.ErrorIs(t, err, curl.CurlError(curl.E_SSL_CONNECT_ERROR), "%+v", each)
			continue
		}
		require.Equal(t, fmt.Sprint(each.want), fetch(t, client, s.URL), "%+v", each)
	}
}

func TestTLSVersionThatTheServerRefuses(t *testing.T) {
	s := newServer(t, true, echo, func(s *httptest.Server) {
		s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	})
	client := newTestClient(t, s, &Transport{MinTLSVersion: tls.VersionTLS13, MaxTLSVersion: tls.VersionTLS13})
	_, err := client.Do(t.Context(), get(t, s.URL))
	require.ErrorIs(t, err, curl.CurlError(curl.E_SSL_CONNECT_ERROR))
}

func TestCertificatesAreVerified(t *testing.T) {
	s := newServer(t, true, echo)
	client := newTestClient(t, nil, &Transport{})
	_, err := client.Do(t.Context(), get(t, s.URL))
	var code curl.CurlError
	require.ErrorAs(t, err, &code)
	require.Equal(t, curl.CurlError(curl.E_SSL_CACERT), code)
	require.Contains(t, err.Error(), "certificate")
}

func TestConnectionRefused(t *testing.T) {
	address := noListener(t)
	client := newTestClient(t, nil, &Transport{})
	_, err := client.Do(t.Context(), get(t, "http://user:secret@"+address+"/x"))
	require.ErrorIs(t, err, curl.CurlError(curl.E_COULDNT_CONNECT))
	var failed *Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "GET", failed.Op)
	require.Equal(t, "http://"+address+"/x", failed.URL)
	require.False(t, failed.Timeout())
	require.Contains(t, failed.Detail, address[:strings.Index(address, ":")])
	require.NotContains(t, err.Error(), "secret")
}

func TestServerThatClosesEachConnection(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		writer.Header().Set("Connection", "close")
		echo(writer, request)
	})
	client := newTestClient(t, s, &Transport{})
	for i := range 3 {
		response, err := client.Do(t.Context(), get(t, fmt.Sprintf("%s/%d", s.URL, i)))
		require.NoError(t, err)
		require.True(t, response.Close)
		require.Equal(t, fmt.Sprintf("you asked for /%d", i), readAll(t, response))
	}
	require.EqualValues(t, 3, s.accepted.Load())
	require.EqualValues(t, 3, client.Stats().ConnectionsOpened)
}

func TestErrorReadsWell(t *testing.T) {
	err := &Error{Op: "GET", URL: "https://example.com/", Detail: "in 3 ms", Err: ErrStalled}
	require.Equal(t, "curlpipe: GET https://example.com/: nothing or only a drip was received or sent for StallTimeout, the connection was closed (in 3 ms)", err.Error())
	require.ErrorIs(t, err, ErrStalled)
	var network net.Error
	require.True(t, errors.As(error(err), &network))
	require.True(t, network.Timeout())
}
