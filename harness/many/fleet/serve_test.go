package fleet

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// bound limits the waiting for what the server does in its own time.
const bound = time.Minute

// start starts a server and returns its URL.
func start(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	output, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, "127.0.0.1:0", "127.0.0.1:0", out) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	var address Address
	require.NoError(t, json.NewDecoder(output).Decode(&address))
	return address.Server
}

// parameters are the parameters of a run whose requests the test makes itself.
func parameters() Parameters {
	return Parameters{
		Client: "test", Library: "none", Variant: "none", TLS: plan.TLS12, Clients: 1, Requests: 1000, Patience: 1, Shards: 1,
	}
}

// served is a run of one shard in progress.
type served struct {
	t        *testing.T
	server   string
	greeting greeting
	trust    *tls.Config
}

func serve(t *testing.T, f Parameters) *served {
	t.Helper()
	s := &served{t: t, server: start(t)}
	present, err := attend(t.Context(), s.server, beginning{Parameters: f, Shard: 1}, nil)
	require.NoError(t, err)
	t.Cleanup(present.leave)
	s.greeting = present.greeting
	authorities := x509.NewCertPool()
	require.True(t, authorities.AppendCertsFromPEM(s.greeting.Authority))
	s.trust = &tls.Config{RootCAs: authorities, ServerName: "127.0.0.1"}
	return s
}

// count ends the run and returns the server's counts.
func (s *served) count() Counted {
	s.t.Helper()
	counted, err := ask[Counted](s.t.Context(), s.server, pathEnd, ending{Run: s.greeting.Run, Shard: 1})
	require.NoError(s.t, err)
	return counted
}

func (s *served) connect() *tls.Conn {
	s.t.Helper()
	stream, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.greeting.Port)), s.trust)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { stream.Close() })
	return stream
}

func (s *served) ask(stream *tls.Conn, reader *bufio.Reader, id string) {
	s.t.Helper()
	_, err := io.WriteString(stream, "GET /"+id+" HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(s.t, err)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(s.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	require.True(s.t, strings.HasPrefix(string(body), id+"\n"), "%q", body)
}

func TestServeCounts(t *testing.T) {
	s := serve(t, parameters())
	first, second := s.connect(), s.connect()
	for _, id := range []string{"c0-r0", "c0-r1"} {
		s.ask(first, bufio.NewReader(first), id)
	}
	s.ask(second, bufio.NewReader(second), "c1-r0")

	// A response is counted when it is written: its client may be faster.
	require.Eventually(t, func() bool {
		p, err := ask[progress](t.Context(), s.server, pathProgress, struct{}{})
		return err == nil && p.Answered == 3
	}, bound, time.Millisecond)
	c := s.count()
	require.EqualValues(t, 2, c.Connections)
	require.EqualValues(t, 2, c.PeakConnections)
	require.EqualValues(t, 2, c.Handshakes)
	require.EqualValues(t, 3, c.Responses)
	require.Zero(t, c.Resets)
	require.Zero(t, c.Stalls)
	require.NotEmpty(t, c.Samples)
	last := c.Samples[len(c.Samples)-1]
	require.EqualValues(t, 2, last.Handshakes)
	require.Equal(t, c.CPUSeconds, last.CPUSeconds)
	require.Equal(t, c.Seconds, last.Seconds)
}

// A connection that its client resets is a reset; one that the server itself
// closes at the end of the run is none.
func TestServerCountsResets(t *testing.T) {
	f := parameters()
	server, err := startServer("127.0.0.1:0", &f, []string{"127.0.0.1"})
	require.NoError(t, err)
	connect := func() *net.TCPConn {
		stream, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(server.port())))
		require.NoError(t, err)
		t.Cleanup(func() { stream.Close() })
		return stream.(*net.TCPConn)
	}
	connect()
	lost := connect()
	require.NoError(t, lost.SetLinger(0))
	require.NoError(t, lost.Close()) // a RST
	reset := func() bool { return server.resets.Load() == 1 }
	require.Eventually(t, reset, bound, time.Millisecond)
	server.stop()
	require.EqualValues(t, 1, server.count().Resets)
}

// The server stops reading until the client is stuck: the client has more to
// send than the buffers between the two can hold.
func TestServeStalls(t *testing.T) {
	f := parameters()
	f.StallEvery = 1
	s := serve(t, f)
	stream := s.connect()
	require.NoError(t, stream.NetConn().(*net.TCPConn).SetWriteBuffer(4096))
	reader := bufio.NewReader(stream)
	s.ask(stream, reader, "c0-r0")
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(stream, "GET /c0-r1 HTTP/1.1\r\nHost: x\r\n\r\nGET /c0-r2 HTTP/1.1\r\nX-Padding: "+
			strings.Repeat("x", 1<<20)+"\r\n\r\n")
		sent <- err
	}()
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	stream.Close()
	<-sent // however it ended
	c := s.count()
	require.Positive(t, c.Stalls)
	require.Positive(t, c.StuckStalls)
}

func TestServeSpeaksTheVersionOfTheForm(t *testing.T) {
	for name, version := range versions {
		f := parameters()
		f.TLS = name
		require.Equal(t, version, serve(t, f).connect().ConnectionState().Version)
	}
}

func TestServeRefusesAnAddress(t *testing.T) {
	err := Serve(context.Background(), "127.0.0.1:0", "127.0.0.1:x", io.Discard)
	require.ErrorContains(t, err, "on 127.0.0.1:x: ")
	_, err = (&meeting{address: "127.0.0.1:x"}).begin(t.Context(), "127.0.0.1", beginning{parameters(), 1})
	require.ErrorContains(t, err, "on 127.0.0.1:x: ")
}

func TestServeRefusesWhatIsNotAShards(t *testing.T) {
	server := start(t)
	for says, text := range map[string]string{
		"that is not the JSON of a fleet's shard: invalid character":  "x",
		"that is not the JSON of a fleet's shard: http: request body": `{"parameters":{"client":"` + strings.Repeat("x", largestMessage),
		"a fleet needs at least one client":                           `{}`,
	} {
		response, err := http.Post(server+pathBegin, "application/json", strings.NewReader(text))
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		require.NoError(t, err)
		require.Contains(t, string(body), says)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusConflict}, response.StatusCode)
	}
}
