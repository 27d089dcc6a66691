package origin_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// protocols are the TLS versions that an origin supports.
var protocols = []string{plan.PlainText, plan.TLS12, plan.TLS13}

// forEachProtocol runs a test for plain HTTP and for each version of TLS.
func forEachProtocol(t *testing.T, test func(t *testing.T, version string)) {
	for _, version := range protocols {
		name := "TLS " + version
		if version == plan.PlainText {
			name = "plain"
		}
		t.Run(name, func(t *testing.T) { test(t, version) })
	}
}

// start starts an origin, which ends with the test unless the test stops it.
func start(t *testing.T, config origin.Config) *origin.Server {
	t.Helper()
	s, err := origin.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { s.Stop(over()) })
	return s
}

// over returns a context that has ended: the origin must not wait.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// logOf stops an origin whose clients have all gone, and returns its log.
func logOf(s *origin.Server) *origin.Log { return s.Stop(context.Background()) }

// address returns host and port of an origin.
func address(s *origin.Server) string {
	_, address, _ := strings.Cut(s.URL(), "://")
	return address
}

// trust returns a client's configuration that trusts the origin.
func trust(t *testing.T, s *origin.Server) *tls.Config {
	t.Helper()
	authorities := x509.NewCertPool()
	require.True(t, authorities.AppendCertsFromPEM(s.Authority()))
	return &tls.Config{RootCAs: authorities, ServerName: "127.0.0.1"}
}

// client is a connection to an origin, byte by byte.
type client struct {
	t      *testing.T
	tcp    *net.TCPConn
	stream net.Conn // the same with plain HTTP
	reader *bufio.Reader
}

// connect makes a connection, with the TLS handshake if there is one.
func connect(t *testing.T, s *origin.Server) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address(s))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, tcp: conn.(*net.TCPConn), stream: conn}
	if s.Authority() != nil {
		stream := tls.Client(conn, trust(t, s))
		require.NoError(t, stream.Handshake())
		c.stream = stream
	}
	c.reader = bufio.NewReader(c.stream)
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c.stream, text)
	require.NoError(c.t, err)
}

// response reads one response to a request with that method, and its body.
func (c *client) response(method string) (*http.Response, string) {
	c.t.Helper()
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	require.NoError(c.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	return response, string(body)
}

// ask sends a request and requires its own response.
func (c *client) ask(id string) {
	c.t.Helper()
	c.send(get(id, 700))
	c.own(id, 700)
}

// own requires that the next response is the one to this request.
func (c *client) own(id string, size int) {
	c.t.Helper()
	response, body := c.response(http.MethodGet)
	require.Equal(c.t, http.StatusOK, response.StatusCode)
	require.Equal(c.t, id, response.Header.Get("X-Request-Id"))
	require.Equal(c.t, string(plan.Body(id, size)), body)
}

// ended requires that the origin has ended the connection.
func (c *client) ended() {
	c.t.Helper()
	_, err := c.reader.ReadByte()
	require.Error(c.t, err)
}

// close ends the connection normally, and returns when the origin has noticed.
func (c *client) close() {
	c.t.Helper()
	type halfCloser interface{ CloseWrite() error }
	require.NoError(c.t, c.stream.(halfCloser).CloseWrite())
	if c.stream != c.tcp {
		require.NoError(c.t, c.tcp.CloseWrite())
	}
	_, err := io.Copy(io.Discard, c.tcp)
	require.NoError(c.t, err)
	c.tcp.Close()
}

// reset ends the connection with a RST.
func (c *client) reset() {
	c.t.Helper()
	require.NoError(c.t, c.tcp.SetLinger(0))
	require.NoError(c.t, c.tcp.Close())
}

// request is a request as it has to be, with further header fields.
func request(method, id string, size int, fields ...string) string {
	lines := append([]string{
		fmt.Sprintf("%s /%s?body=%d HTTP/1.1", method, id, size), "Host: 127.0.0.1", "X-Request-Id: " + id,
	}, fields...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// get is a GET with some padding.
func get(id string, size int) string {
	return request(http.MethodGet, id, size, "X-Padding: "+plan.Padding(id, 100))
}
