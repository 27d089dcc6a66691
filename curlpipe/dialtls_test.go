package curlpipe

//lint:file-ignore SA1019 deprecated fields do what they do with net/http

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDialTLSContext uses connections with the caller's own TLS. A program sees
// the same with both transports.
func TestDialTLSContext(t *testing.T) {
	s := newServer(t, true, func(writer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(writer, "%s %s %s %s", request.Method, request.Proto, request.TLS.ServerName, request.Host)
	})
	refused := errors.New("not to that one")
	config := func() *tls.Config {
		return &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}
	}
	var dialed atomic.Int64
	dial := func(change func(*tls.Config)) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, address string) (net.Conn, error) {
			dialed.Add(1)
			if network != "tcp" || address != "shop.test:443" {
				return nil, errors.New("asked for " + network + " " + address)
			}
			connection, err := net.Dial("tcp", s.Listener.Addr().String())
			c := config()
			change(c)
			return tls.Client(connection, c), err // the handshake is still to be made
		}
	}
	for name, each := range map[string]struct {
		transport *http.Transport
		is        error
		fails     string
		ours      bool // net/http is not asked
	}{
		"DialTLSContext": {transport: &http.Transport{DialTLSContext: dial(func(*tls.Config) {})}},
		"DialTLS": {transport: &http.Transport{DialTLS: func(network, address string) (net.Conn, error) {
			return dial(func(*tls.Config) {})(context.Background(), network, address)
		}}},
		"one that is done": {transport: &http.Transport{DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := dial(func(*tls.Config) {})(ctx, network, address)
			return connection, errors.Join(err, connection.(*tls.Conn).Handshake())
		}}},
		"before DialContext": {transport: &http.Transport{
			DialTLSContext: dial(func(*tls.Config) {}),
			DialContext:    func(context.Context, string, string) (net.Conn, error) { return nil, refused },
		}},
		"VerifyConnection": {
			transport: &http.Transport{DialTLSContext: dial(func(c *tls.Config) {
				c.VerifyConnection = func(tls.ConnectionState) error { return refused }
			})}, is: refused, fails: refused.Error(),
		},
		"an error": {
			transport: &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, refused }},
			is:        refused, fails: refused.Error(),
		},
		"a certificate": {
			transport: &http.Transport{DialTLSContext: dial(func(c *tls.Config) { c.ServerName = "other.test" })},
			fails:     "tls: failed to verify certificate: x509: certificate is valid for",
		},
		"neither": {
			transport: &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }},
			fails:     "DialTLSContext returned neither a connection nor an error", ours: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, each.transport) {
				if each.ours && which != "curlpipe" {
					continue
				}
				before := dialed.Load()
				for range 2 {
					response, err := roundTripper.RoundTrip(get(t, "https://shop.test/x"))
					if each.fails != "" {
						require.ErrorContains(t, err, each.fails, which)
						if each.is != nil {
							require.ErrorIs(t, err, each.is, which)
						}
						continue
					}
					require.NoError(t, err, which)
					require.Equal(t, "GET HTTP/1.1 example.com shop.test", readAll(t, response), which)
					require.Equal(t, "example.com", response.TLS.ServerName, which)
					require.NotEmpty(t, response.TLS.VerifiedChains, which)
					require.EqualValues(t, tls.VersionTLS13, response.TLS.Version, which)
				}
				if each.fails == "" {
					require.EqualValues(t, 1, dialed.Load()-before, "%s: it is kept", which)
				}
			}
		})
	}
}

// TestDialTLSContextIsForHTTPSWithoutAProxy requires that it is used for
// nothing else.
func TestDialTLSContextIsForHTTPSWithoutAProxy(t *testing.T) {
	refused := errors.New("not through that one")
	plain := newServer(t, false, echo)
	theirs := &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return nil, refused }}
	for which, roundTripper := range likeHTTPTransport(t, theirs) {
		response, err := roundTripper.RoundTrip(get(t, plain.URL+"/x"))
		require.NoError(t, err, which)
		require.Nil(t, response.TLS)
		require.Equal(t, "you asked for /x", readAll(t, response))
		_, err = roundTripper.RoundTrip(get(t, "https://shop.test/x"))
		require.ErrorIs(t, err, refused, which)
	}
}

// TestDialTLSContextPipelines requires pipelining if libcurl supports it.
func TestDialTLSContextPipelines(t *testing.T) {
	needsPipelining(t)
	s, g := newGateServer(t, true)
	transport := newTestTransport(t, s, &Transport{DialTLSContext: func(_ context.Context, _, address string) (net.Conn, error) {
		return tls.Dial("tcp", address, s.Client().Transport.(*http.Transport).TLSClientConfig)
	}})
	readAll(t, open(t.Context(), t, transport, s.URL+"/first"))
	var group sync.WaitGroup
	for i, path := range []string{"/wait", "/1", "/2", "/3", "/4"} {
		group.Go(func() {
			response, err := transport.RoundTrip(get(t, s.URL+path))
			if err != nil {
				t.Error(err)
				return
			}
			if text := readAll(t, response); text != "you asked for "+path {
				t.Errorf("%s was answered with %q", path, text)
			}
		})
		if i == 0 {
			<-g.arrived // the others are sent behind it
		}
	}
	until(t, func() bool { return transport.Stats().InFlight == 5 }, "all are on the connection")
	g.open()
	group.Wait()
	require.EqualValues(t, 1, s.accepted.Load())
}

// TestDialTLSContextThatSpeaksHTTP2 requires that the connection is refused if this
// transport does not speak HTTP/2.
func TestDialTLSContextThatSpeaksHTTP2(t *testing.T) {
	s := newRawHTTP2Server(t, func(c *rawHTTP2) { c.each(c.good) })
	transport := newTestTransport(t, nil, &Transport{DialTLSContext: dialUnverified, Pipelining: Off})
	_, err := transport.RoundTrip(get(t, s.url()))
	require.ErrorContains(t, err, "leave h2 out of NextProtos")
	transport = newTestTransport(t, nil, &Transport{DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dialUnverified(ctx, network, address)
		return speaksOther{connection}, err
	}})
	_, err = transport.RoundTrip(get(t, s.url()))
	require.ErrorContains(t, err, "leave spdy/3 out of NextProtos")
}

// speaksOther has agreed on a protocol that is not HTTP.
type speaksOther struct{ net.Conn }

func (speaksOther) ConnectionState() tls.ConnectionState {
	return tls.ConnectionState{NegotiatedProtocol: "spdy/3"}
}

// TestRelayedConnectionThatIsCut requires that a body that ends with its
// connection is not complete if the connection failed, although libcurl's end
// of the relay does not see that.
func TestRelayedConnectionThatIsCut(t *testing.T) {
	for name, cut := range map[string]error{"reset": errors.New("reset"), "end": nil} {
		t.Run(name, func(t *testing.T) {
			transport := newTestTransport(t, nil, &Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe()
				go func() {
					defer ours.Close()
					if readTarget(bufio.NewReader(ours)) == "" {
						return
					}
					_, _ = io.WriteString(ours, "HTTP/1.1 200 OK\r\n\r\npart")
				}()
				return &cutConn{Conn: theirs, err: cut}, nil
			}})
			response, err := transport.RoundTrip(get(t, "http://shop.test/"))
			require.NoError(t, err)
			text, err := io.ReadAll(response.Body)
			require.Equal(t, "part", string(text))
			require.Equal(t, cut == nil, err == nil, "%v", err)
			require.NoError(t, response.Body.Close())
		})
	}
}

// cutConn ends with an error.
type cutConn struct {
	net.Conn
	err error
}

func (c *cutConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if err == io.EOF && c.err != nil {
		err = c.err
	}
	return n, err
}
