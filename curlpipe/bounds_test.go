package curlpipe

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestProxiesThatSayNothing requires that a silent proxy delays only the requests
// that wait for it, and for no longer than ConnectTimeout.
func TestProxiesThatSayNothing(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"http":      func(c net.Conn) { _, _ = io.WriteString(c, "H") },
		"http-drip": func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\n", "x") },
		"http-long": func(c net.Conn) { drip(c, "HTTP/1.1 200 OK\r\nX: ", strings.Repeat("x", 64<<10)) },
		"socks5":    func(net.Conn) {},
		"socks5h":   func(c net.Conn) { _, _ = c.Write([]byte{5}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
				if strings.HasPrefix(name, "http") {
					_, _ = http.ReadRequest(requests)
				}
				answer(connection)
				_, _ = io.Copy(io.Discard, requests)
			})
			proxy, err := url.Parse(s.url)
			require.NoError(t, err)
			proxy.Scheme, _, _ = strings.Cut(name, "-")
			transport := newTestTransport(t, nil, &Transport{Proxy: http.ProxyURL(proxy), ConnectTimeout: 300 * time.Millisecond})
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, err = transport.RoundTrip(get(t, "https://127.0.0.1:1/").WithContext(ctx))
			require.Error(t, err)
			_, err = transport.RoundTrip(get(t, "https://127.0.0.1:1/"))
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
		s := newServedServer(t, func(_ int64, _ net.Conn, requests *bufio.Reader) {
			_, _ = io.Copy(io.Discard, requests)
		})
		proxy, err := url.Parse(s.url)
		require.NoError(t, err)
		transport := newTestTransport(t, nil, &Transport{Proxy: http.ProxyURL(proxy)})
		ended := make(chan error, 1)
		go func() {
			_, err := transport.RoundTrip(get(t, "https://127.0.0.1:1/"))
			ended <- err
		}()
		until(t, func() bool { return s.accepted.Load() == 1 }, "the proxy is asked")
		require.NoError(t, transport.Close())
		require.ErrorIs(t, <-ended, ErrClosed)
	})
}

// drip writes a beginning, and then a piece every few milliseconds.
func drip(to net.Conn, beginning, more string) {
	_, err := io.WriteString(to, beginning)
	for err == nil {
		time.Sleep(5 * time.Millisecond)
		_, err = io.WriteString(to, more)
	}
}

// TestTLSThatSaysNothing requires that ConnectTimeout limits the handshake,
// too.
func TestTLSThatSaysNothing(t *testing.T) {
	s := newServedServer(t, func(_ int64, _ net.Conn, requests *bufio.Reader) {
		_, _ = io.Copy(io.Discard, requests)
	})
	transport := newTestTransport(t, nil, &Transport{ConnectTimeout: 200 * time.Millisecond})
	_, err := transport.RoundTrip(get(t, strings.Replace(s.url, "http", "https", 1)))
	require.ErrorIs(t, err, ErrConnectTimeout)
}

// TestInterimWithoutEnd requires that interim responses count towards
// MaxResponseHeaderBytes.
func TestInterimWithoutEnd(t *testing.T) {
	s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		readTarget(requests)
		var err error
		for err == nil {
			_, err = io.WriteString(connection, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
		}
	})
	transport := newTestTransport(t, nil, &Transport{MaxResponseHeaderBytes: 64 << 10})
	_, err := transport.RoundTrip(get(t, s.url))
	require.ErrorIs(t, err, ErrResponseTooLarge)
}

// TestDroppedBytesAreCountedOffTheWire requires that the framing of a body
// counts, too.
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
			s := newServedServer(t, func(number int64, connection net.Conn, requests *bufio.Reader) {
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

// ResponseHeaderTimeout does not limit the body, also if Client returns it with the
// header section.
func TestResponseHeaderTimeoutLeavesTheBodyOut(t *testing.T) {
	const limit = 300 * time.Millisecond
	s := newServedServer(t, func(_ int64, connection net.Conn, requests *bufio.Reader) {
		for readTarget(requests) != "" {
			_, _ = io.WriteString(connection, okLine+"\r\nContent-Length: 1\r\n\r\n")
			time.Sleep(2 * limit)
			_, _ = io.WriteString(connection, "x")
		}
	})
	client := newTestClient(t, nil, &Transport{ResponseHeaderTimeout: limit})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	response, err := client.Do(ctx, get(t, s.url))
	require.NoError(t, err)
	require.Equal(t, "x", readAll(t, response))
}
