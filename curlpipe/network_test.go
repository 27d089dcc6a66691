package curlpipe

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// splice carries bytes both ways until one side ends.
func splice(left net.Conn, right net.Conn) {
	var group sync.WaitGroup
	group.Go(func() { _, _ = io.Copy(left, right); _ = left.Close() })
	group.Go(func() { _, _ = io.Copy(right, left); _ = right.Close() })
	group.Wait()
}

// connectProxy is a proxy with one user. It counts tunnels, and requests in the
// absolute form.
func connectProxy(tunnels *atomic.Int64) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
			http.Error(writer, "who are you", http.StatusProxyAuthRequired)
			return
		}
		if request.Method != http.MethodConnect {
			tunnels.Add(1)
			if request.URL.Scheme != "http" || request.Header.Get("Proxy-Connection") != "" {
				http.Error(writer, "not in the absolute form, or for a proxy of old", http.StatusBadRequest)
				return
			}
			(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(writer, request)
			return
		}
		server, err := net.Dial("tcp", request.Host)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		client, _, err := http.NewResponseController(writer).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
		splice(client, server)
	}
}

// proxyURL returns the URL of a running proxy, with its credentials.
func proxyURL(t *testing.T, proxy *httptest.Server) *url.URL {
	t.Helper()
	address, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	address.User = url.UserPassword("me", "secret")
	return address
}

// newConnectProxy starts a connectProxy.
func newConnectProxy(t *testing.T, tunnels *atomic.Int64) *url.URL {
	t.Helper()
	proxy := httptest.NewServer(connectProxy(tunnels))
	t.Cleanup(proxy.Close)
	return proxyURL(t, proxy)
}

// newSOCKSProxy starts a proxy with the necessary part of SOCKS5 [RFC 1928]: no
// authentication, CONNECT, IPv4.
func newSOCKSProxy(t *testing.T, tunnels *atomic.Int64) *url.URL {
	t.Helper()
	proxy := newServedServer(t, func(_ int64, client net.Conn, _ *bufio.Reader) {
		head := make([]byte, 2)
		if _, err := io.ReadFull(client, head); err != nil || head[0] != 5 {
			return
		}
		_, _ = io.CopyN(io.Discard, client, int64(head[1]))
		_, _ = client.Write([]byte{5, 0})
		request := make([]byte, 10)
		if _, err := io.ReadFull(client, request); err != nil || request[3] != 1 {
			return
		}
		address := net.TCPAddr{IP: request[4:8], Port: int(request[8])<<8 | int(request[9])}
		server, err := net.Dial("tcp", address.String())
		if err != nil {
			return
		}
		tunnels.Add(1)
		_, _ = client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		splice(client, server)
	})
	return &url.URL{Scheme: "socks5", Host: proxy.address()}
}

// fetchMany gets n targets from a server at once, and requires that each gets
// its own answer.
func fetchMany(t *testing.T, transport *Transport, base string, count int) {
	t.Helper()
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() {
			path := fmt.Sprintf("/%d", i)
			response, err := transport.RoundTrip(get(t, base+path))
			if err != nil {
				t.Error(err)
				return
			}
			text, err := io.ReadAll(response.Body)
			response.Body.Close()
			if want := "you asked for " + path; err != nil || string(text) != want {
				t.Errorf("%q, %v instead of %q", text, err, want)
			}
		})
	}
	group.Wait()
}

func TestProxies(t *testing.T) {
	for name, start := range map[string]func(*testing.T, *atomic.Int64) *url.URL{
		"connect": newConnectProxy, "socks5": newSOCKSProxy,
	} {
		t.Run(name, func(t *testing.T) {
			forBoth(t, func(t *testing.T, overTLS bool) {
				var tunnels atomic.Int64
				s := newServer(t, overTLS, echo)
				transport := newTestTransport(t, s, &Transport{Proxy: http.ProxyURL(start(t, &tunnels))})
				fetchMany(t, transport, s.URL, 100)
				require.EqualValues(t, 1, transport.Stats().ConnectionsOpened)
				if name == "connect" && !overTLS { // it gets the requests, not a tunnel
					require.EqualValues(t, 100, tunnels.Load())
					return
				}
				require.EqualValues(t, 1, tunnels.Load())
				require.EqualValues(t, 1, s.accepted.Load())
			})
		})
	}
}

func TestProxyThatRefuses(t *testing.T) {
	var tunnels atomic.Int64
	proxy := newConnectProxy(t, &tunnels)
	proxy.User = url.UserPassword("me", "wrong")
	s := newServer(t, true, echo)
	client := newTestClient(t, s, &Transport{Proxy: http.ProxyURL(proxy)})
	_, err := client.Do(t.Context(), get(t, s.URL))
	require.ErrorContains(t, err, "407")
	require.NotContains(t, err.Error(), "wrong")
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(echo)}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close() })
	transport := newTestTransport(t, nil, &Transport{UnixSocket: path})
	fetchMany(t, transport, "http://any.example", 100)
	require.EqualValues(t, 1, transport.Stats().ConnectionsOpened)
}

func TestResolveAndLocalAddress(t *testing.T) {
	if other, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skipf("n/a: loopback has one address here: %v", err)
	} else {
		other.Close()
	}
	var from atomic.Value
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		from.Store(request.RemoteAddr)
		echo(writer, request)
	})
	u, err := url.Parse(s.URL)
	require.NoError(t, err)
	transport := newTestTransport(t, s, &Transport{
		Resolve:      []string{"nowhere.example:" + u.Port() + ":127.0.0.1"},
		LocalAddress: "127.0.0.2",
	})
	fetchMany(t, transport, "http://nowhere.example:"+u.Port(), 10)
	require.True(t, strings.HasPrefix(from.Load().(string), "127.0.0.2:"), from.Load())
}

func TestSessionReuseAndKeyLog(t *testing.T) {
	s := newServer(t, true, echo, func(s *httptest.Server) {
		s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	})
	// up to TLS 1.2, the session exists when the handshake is complete
	for _, disabled := range []bool{false, true} {
		keys := filepath.Join(t.TempDir(), "keys")
		transport := newTestTransport(t, s, &Transport{DisableSessionReuse: disabled, KeyLogFile: keys})
		for range 3 {
			request := get(t, s.URL+"/x")
			request.Close = true
			response, err := transport.RoundTrip(request)
			require.NoError(t, err)
			require.Equal(t, "you asked for /x", readAll(t, response))
		}
		stats := transport.Stats()
		require.EqualValues(t, 3, stats.ConnectionsOpened)
		require.EqualValues(t, 3, stats.Handshakes+stats.Resumptions)
		if disabled {
			require.Zero(t, stats.Resumptions)
		} else if !systemLibcurl() { // Debian's 7.88.1 has been seen to make a new session each time
			require.EqualValues(t, 2, stats.Resumptions)
		}
		text, err := os.ReadFile(keys)
		require.NoError(t, err)
		require.Equal(t, 3, bytes.Count(text, []byte("CLIENT_RANDOM ")), "%s", text)
	}
}

func TestNoKeyLogFromTheEnvironment(t *testing.T) {
	// libcurl reads it when it starts, so this tests what initLibcurl did
	require.NoError(t, initLibcurl())
	s := newServer(t, true, echo)
	file := filepath.Join(t.TempDir(), "keys")
	t.Setenv(keyLogVariable, file)
	transport := newTestTransport(t, s, &Transport{})
	fetchMany(t, transport, s.URL, 1)
	require.NoFileExists(t, file)
}

func TestClientCertificate(t *testing.T) {
	folder := t.TempDir()
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS()
	defer pair.Close()
	certificate := pair.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	file := filepath.Join(folder, "client.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	require.NoError(t, os.WriteFile(file, text, 0o600))

	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(writer, "%d", len(request.TLS.PeerCertificates))
	}, func(s *httptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert} })
	require.Equal(t, "0", fetch(t, newTestClient(t, s, &Transport{}), s.URL))
	require.Equal(t, "1", fetch(t, newTestClient(t, s, &Transport{ClientCertFile: file}), s.URL))
}

// TestPipeliningOff requires that requests are sent one after the other,
// whatever libcurl supports.
func TestPipeliningOff(t *testing.T) {
	var now, most atomic.Int64
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		echo(writer, request)
	})
	transport := newTestTransport(t, s, &Transport{Pipelining: Off, MaxConnsPerHost: 2})
	fetchMany(t, transport, s.URL, 100)
	require.LessOrEqual(t, most.Load(), int64(2))
	require.LessOrEqual(t, s.accepted.Load(), int64(2))
	require.Equal(t, ModeInTurn, transport.Stats().Mode)
}

func TestCloseIdleConnections(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, echo)
		busy, gate := newGateServer(t, false)
		transport := newTestTransport(t, s, &Transport{})
		fetchMany(t, transport, s.URL, 10)
		// two servers on one host would share its one connection
		other := strings.Replace(busy.URL, "127.0.0.1", "localhost", 1)
		waiting := make(chan error, 1)
		go func() {
			response, err := transport.RoundTrip(get(t, other+"/wait"))
			if err == nil {
				_, err = io.Copy(io.Discard, response.Body)
			}
			waiting <- err
		}()
		<-gate.arrived
		transport.CloseIdleConnections()
		fetchMany(t, transport, s.URL, 10)
		require.EqualValues(t, 2, s.accepted.Load(), "a new connection in the place of the idle one")
		gate.open()
		require.NoError(t, <-waiting)
		require.EqualValues(t, 1, busy.accepted.Load(), "the other was in use")
		require.Zero(t, transport.Stats().Retries)
	})
}

func TestJournal(t *testing.T) {
	var text lockedBuffer
	s := newServer(t, true, echo)
	transport := &Transport{Logger: slog.New(slog.NewTextHandler(&text, nil))}
	client := newTestClient(t, s, transport)
	fetch(t, client, s.URL)
	require.NoError(t, client.Close())
	for _, line := range []string{"connection opened", "TLS handshake made", "connection closed by the client"} {
		require.Contains(t, text.String(), `msg="curlpipe: `+line+`" count=1`)
	}
}

// lockedBuffer is a buffer that a logger may write to at any time.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// TestConnectsAgain requires that libcurl 7.88 is refused where a connected
// socket cannot be connected again.
func TestConnectsAgain(t *testing.T) {
	for _, test := range []struct {
		version, system string
		again, refused  bool
	}{
		{"7.53.1-doing.1", "darwin", false, false},
		{"7.87.0", "freebsd", false, false},
		{"7.88.0", "linux", true, false},
		{"7.88.1", "linux", true, false},
		{"7.88.1", "darwin", false, true},
		{"8.0.0", "linux", false, false},
		{"8.0.0", "freebsd", false, false},
	} {
		lib, err := parseLibrary("libcurl/" + test.version + " OpenSSL/3.0.1")
		require.NoError(t, err)
		again, err := lib.connectsAgain(test.system)
		require.Equal(t, test.again, again, "%+v", test)
		if !test.refused {
			require.NoError(t, err, "%+v", test)
			continue
		}
		require.ErrorIs(t, err, ErrUnsupportedByLibcurl)
		require.ErrorContains(t, err, "libcurl/7.88.1 connects a socket that is connected, which darwin refuses")
	}
}
