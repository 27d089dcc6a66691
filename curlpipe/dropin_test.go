package curlpipe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wraps reports every error in a tree of errors.
func wraps(err error, each func(error)) {
	each(err)
	switch inner := err.(type) {
	case interface{ Unwrap() error }:
		if next := inner.Unwrap(); next != nil {
			wraps(next, each)
		}
	case interface{ Unwrap() []error }:
		for _, next := range inner.Unwrap() {
			wraps(next, each)
		}
	}
}

// found describes what a program can find out about a failure to connect.
func found(err error) string {
	var text []string
	wraps(err, func(err error) {
		switch err := err.(type) {
		case *net.OpError:
			text = append(text, err.Op)
		case *net.DNSError:
			text = append(text, fmt.Sprintf("%s not found %t timeout %t", err.Name, err.IsNotFound, err.IsTimeout))
		case syscall.Errno:
			text = append(text, err.Error())
		}
	})
	var network net.Error
	text = append(text, fmt.Sprint(errors.As(err, &network) && network.Timeout()))
	return strings.Join(text, ", ")
}

// TestFailuresToConnect requires that a program finds out the same about them with
// both transports.
func TestFailuresToConnect(t *testing.T) {
	closed := noListener(t)
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	through := func(proxy string) *http.Transport {
		parsed, err := url.Parse(proxy)
		require.NoError(t, err)
		return &http.Transport{Proxy: http.ProxyURL(parsed)}
	}
	noAnswer := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
	}}
	for name, each := range map[string]struct {
		transport *http.Transport
		url       string
		want      string // that is in what is found
	}{
		"refused":                     {&http.Transport{}, "http://" + closed, "dial, connection refused, false"},
		"no such host":                {&http.Transport{}, "http://nobody.invalid/", "nobody.invalid not found"},
		"lookup that times out":       {&http.Transport{DialContext: (&net.Dialer{Resolver: noAnswer, Timeout: 50 * time.Millisecond}).DialContext}, "http://silent.example/", "timeout true, true"},
		"proxy that is not there":     {through("http://" + closed), "http://server.example/", "proxyconnect, dial, connection refused, false"},
		"the same for https":          {through("http://" + closed), "https://server.example/", "proxyconnect, dial, connection refused, false"},
		"socks5 proxy not there":      {through("socks5://" + closed), "http://server.example/", "dial, connection refused, false"},
		"proxy whose name is unknown": {through("http://nobody.invalid:3128"), "http://server.example/", "nobody.invalid not found"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := make(map[string]string)
			for which, roundTripper := range likeHTTPTransport(t, each.transport) {
				_, err := roundTripper.RoundTrip(get(t, each.url))
				require.Error(t, err, which)
				seen[which] = found(err)
				require.Contains(t, seen[which], each.want, which)
			}
			require.Equal(t, seen["net/http"], seen["curlpipe"])
		})
	}
}

// TestSOCKSProxyLooksUpNames requires that the client does not, so that no resolver
// hears of the host.
func TestSOCKSProxyLooksUpNames(t *testing.T) {
	for _, scheme := range []string{"socks5", "socks5h"} {
		asked := make(chan string, 2)
		proxy := newServedServer(t, func(_ int64, client net.Conn, _ *bufio.Reader) {
			head := make([]byte, 2)
			if _, err := io.ReadFull(client, head); err != nil {
				return
			}
			_, _ = io.CopyN(io.Discard, client, int64(head[1]))
			_, _ = client.Write([]byte{5, 0})
			request := make([]byte, 5+len("server.example")+2)
			_, _ = io.ReadFull(client, request)
			asked <- string(request)
			_, _ = client.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0}) // host unreachable
		})
		for which, roundTripper := range likeHTTPTransport(t, &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: scheme, Host: proxy.address()})}) {
			_, err := roundTripper.RoundTrip(get(t, "http://server.example/"))
			require.ErrorContains(t, err, "host unreachable", which)
			require.Equal(t, "\x05\x01\x00\x03\x0eserver.example\x00\x50", <-asked, which)
		}
	}
}

// TestLastResponse requires that a client that does not follow a redirect gets it
// with its body.
func TestLastResponse(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, _ *http.Request) {
		writer.Header().Set("Location", "/elsewhere")
		writer.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(writer, "over there")
	})
	for which, make := range yardsticks {
		client := &http.Client{
			Transport:     make(t, s),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		response, err := client.Get(s.URL)
		require.NoError(t, err, which)
		require.Equal(t, http.StatusFound, response.StatusCode, which)
		require.Equal(t, "over there", readAll(t, response), which)
	}
}

// TestMaxIdleConnsPerHost requires that of two connections to a host one is closed
// when both are at rest.
func TestMaxIdleConnsPerHost(t *testing.T) {
	var arrived, closed atomic.Int64
	both := newChannel()
	s := newServer(t, false, func(http.ResponseWriter, *http.Request) {
		if arrived.Add(1)%2 == 0 {
			both <- struct{}{}
		} else {
			<-both
		}
	}, func(s *httptest.Server) {
		count := s.Config.ConnState
		s.Config.ConnState = func(connection net.Conn, state http.ConnState) {
			count(connection, state)
			if state == http.StateClosed {
				closed.Add(1)
			}
		}
	})
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{MaxConnsPerHost: 2, MaxIdleConnsPerHost: 1}) {
		before := closed.Load()
		ended := newErrors()
		for range 2 {
			go func() {
				request := get(t, s.URL)
				request.Method = http.MethodPost // which shares no connection
				response, err := roundTripper.RoundTrip(request)
				if err == nil {
					err = response.Body.Close()
				}
				ended <- err
			}()
		}
		for range 2 {
			require.NoError(t, <-ended, which)
		}
		until(t, func() bool { return closed.Load() == before+1 }, which+": one is closed")
	}
}

// TestClosingConnectionTakesNoMore requires that a request waits for a connection of
// its own while the only one allowed has a request that closes it.
func TestClosingConnectionTakesNoMore(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(writer, "one")
			_ = http.NewResponseController(writer).Flush()
			time.Sleep(10 * time.Millisecond) // the others see that it may be shared
		})
		for which, roundTripper := range likeHTTPTransport(t, trusting(s, &http.Transport{DisableKeepAlives: true, MaxConnsPerHost: 1})) {
			before := s.accepted.Load()
			var group sync.WaitGroup
			for range 5 {
				group.Go(func() {
					response, err := roundTripper.RoundTrip(get(t, s.URL))
					if err != nil {
						t.Errorf("%s: %v", which, err)
						return
					}
					_, err = io.ReadAll(response.Body)
					if err != nil {
						t.Errorf("%s: %v", which, err)
					}
					response.Body.Close()
				})
			}
			group.Wait()
			require.EqualValues(t, 5, s.accepted.Load()-before, which)
		}
	})
}
