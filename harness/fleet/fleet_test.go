package fleet

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/library"
)

// served is a server of Serve's, with this end of its streams.
type served struct {
	t        *testing.T
	input    *io.PipeWriter
	said     *json.Decoder
	greeting Greeting
	trust    *tls.Config
	ended    chan error
}

func serve(t *testing.T, stallEvery int64) *served {
	t.Helper()
	in, input := io.Pipe()
	output, out := io.Pipe()
	s := &served{t: t, input: input, said: json.NewDecoder(output), ended: make(chan error, 1)}
	go func() { s.ended <- Serve(context.Background(), "127.0.0.1:0", stallEvery, in, out) }()
	t.Cleanup(func() { input.Close() })
	var err error
	s.greeting, err = hear[Greeting](s.said)
	require.NoError(t, err)
	authorities := x509.NewCertPool()
	require.True(t, authorities.AppendCertsFromPEM(s.greeting.Authority))
	s.trust = &tls.Config{RootCAs: authorities, ServerName: "127.0.0.1"}
	return s
}

// count ends the server and returns what it has counted.
func (s *served) count() Counted {
	s.t.Helper()
	require.NoError(s.t, s.input.Close())
	counted, err := hear[Counted](s.said)
	require.NoError(s.t, err)
	require.NoError(s.t, <-s.ended)
	return counted
}

func (s *served) connect() *tls.Conn {
	s.t.Helper()
	stream, err := tls.Dial("tcp", strings.TrimPrefix(s.greeting.URL, "https://"), s.trust)
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
	s := serve(t, 0)
	first, second := s.connect(), s.connect()
	for _, id := range []string{"c0-r0", "c0-r1"} {
		s.ask(first, bufio.NewReader(first), id)
	}
	s.ask(second, bufio.NewReader(second), "c1-r0")
	require.NoError(t, first.NetConn().(*net.TCPConn).SetLinger(0))
	require.NoError(t, first.NetConn().Close()) // a RST
	third := s.connect()
	s.ask(third, bufio.NewReader(third), "c0-r2")

	c := s.count()
	require.EqualValues(t, 3, c.Connections)
	require.EqualValues(t, 3, c.Handshakes)
	require.EqualValues(t, 1, c.Resets)
	require.EqualValues(t, 4, c.Answered)
	require.Zero(t, c.Stalls)
	require.Contains(t, []int{2, 3}, c.PeakConnections, "the RST may be seen late")
	require.NotEmpty(t, c.Samples)
	last := c.Samples[len(c.Samples)-1]
	require.EqualValues(t, 3, last.Handshakes)
	require.Equal(t, c.CPUSeconds, last.CPUSeconds)
}

// The server stops reading until the client is stuck: it has more to send than
// goes into the buffers between the two.
func TestServeStalls(t *testing.T) {
	s := serve(t, 1)
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

func TestServeRefusesAnAddress(t *testing.T) {
	err := Serve(context.Background(), "127.0.0.1:x", 0, strings.NewReader(""), io.Discard)
	require.ErrorContains(t, err, "starting the fleet's server on 127.0.0.1:x: ")
}

// run is a run of 4 clients with 5 requests each, as patched has it.
func run() *Result {
	return &Result{
		Client: "c-fleet", Library: "7.53.1 patched", Clients: 4, Requests: 20, Answered: 20, BlockedWrites: 3, Seconds: 2.4,
		Counted: Counted{
			Connections: 4, Handshakes: 4, StuckStalls: 1,
			Samples: []Sample{{Seconds: 0.2, Handshakes: 1}, {Seconds: 0.9, Handshakes: 3}, {Seconds: 2.4, Handshakes: 4}},
		},
	}
}

func TestJudge(t *testing.T) {
	for name, each := range map[string]struct {
		variant string
		spoil   func(*Result)
		says    string
	}{
		"patched":                       {library.Patched, func(*Result) {}, ""},
		"patched, another connection":   {library.Patched, func(r *Result) { r.Connections++ }, "4 clients made 5 connections, 20 of 20 requests"},
		"patched, one without answer":   {library.Patched, func(r *Result) { r.Answered-- }, "4 connections, 19 of 20 requests got their own response"},
		"a packaged one":                {library.Packaged, func(r *Result) { r.Connections++ }, "5 connections"},
		"nothing was blocked":           {library.Patched, func(r *Result) { r.BlockedWrites = 0 }, "inconclusive"},
		"nobody was stuck":              {library.Stock, func(r *Result) { r.StuckStalls = 0 }, "inconclusive"},
		"stock":                         {library.Stock, func(r *Result) { r.Connections = 9 }, ""},
		"stock, with requests not made": {library.Stock, func(r *Result) { r.Answered = 3 }, ""},
		"stock without the defect":      {library.Stock, func(*Result) {}, "shows no defect"},
	} {
		r := run()
		each.spoil(r)
		err := r.Judge(each.variant, true)
		if each.says == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, each.says, name)
		}
	}
	r := run()
	r.BlockedWrites, r.StuckStalls = 0, 0
	require.NoError(t, r.Judge(library.Stock, false), "without stalls nothing is at stake")
}

func TestResultOfTheParts(t *testing.T) {
	c := Config{Client: "c-fleet", Clients: 2, Requests: 10, Library: &library.Library{Manifest: &library.Manifest{Version: "7.53.1", Variant: "stock"}}}
	r := c.result(&Counted{Connections: 7}, 3*time.Second, []said{
		{Answered: 6, Wrong: 1, BlockedWrites: 2, MemoryBefore: 100, MemoryIdle: 300, MemoryPeak: 900},
		{Answered: 5, Failed: 2, BlockedWrites: 3, MemoryBefore: 100, MemoryIdle: 200, MemoryPeak: 700},
	})
	require.Equal(t, &Result{
		Client: "c-fleet", Library: "7.53.1 stock", Clients: 2, Requests: 20, Counted: Counted{Connections: 7}, Seconds: 3,
		Answered: 11, Wrong: 1, Failed: 2, Unended: 6, BlockedWrites: 5, MemoryPerClient: 700, HandlesPerClient: 150,
	}, r)
}

func TestPicture(t *testing.T) {
	var b bytes.Buffer
	other := run()
	other.Library = `7.53.1 <stock> & "more"`
	other.Samples = append(other.Samples, Sample{Seconds: 7.5, Handshakes: 500})
	other.Handshakes, other.Seconds = 500, 7.5
	require.NoError(t, Picture(&b, []*Result{run(), other}))
	text := b.String()
	require.Equal(t, 2, strings.Count(text, "<polyline"))
	require.Contains(t, text, "c-fleet, 7.53.1 patched: 4 handshakes for 4 clients in 2 seconds, at most 3 in one second.")
	require.Contains(t, text, `7.53.1 &lt;stock&gt; &amp;`)
	decoder := xml.NewDecoder(&b)
	for {
		_, err := decoder.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
}

func TestTableAndJSON(t *testing.T) {
	var b strings.Builder
	require.NoError(t, Table(&b, []*Result{run()}))
	require.Regexp(t, `c-fleet +7\.53\.1 patched +4 +4 +0 +4 +3 +0 +20/20 +0 +3 `, b.String())

	b.Reset()
	require.NoError(t, Write(&b, []*Result{run()}))
	var d struct{ Runs []Result }
	require.NoError(t, json.Unmarshal([]byte(b.String()), &d))
	require.Equal(t, []Result{*run()}, d.Runs)
}

func TestCheck(t *testing.T) {
	good := Config{Clients: 2, Requests: 1, Processes: 2, Limit: time.Second}
	require.NoError(t, good.Check())
	for says, spoil := range map[string]func(*Config){
		"at least one client":                func(c *Config) { c.Clients = 0 },
		"one request of each":                func(c *Config) { c.Requests = 0 },
		"cannot be shared among 3 processes": func(c *Config) { c.Processes = 3 },
		"less than 0 requests":               func(c *Config) { c.StallEvery = -1 },
		"at least a second":                  func(c *Config) { c.Limit = 0 },
		"need 2000000100 open files":         func(c *Config) { c.Clients = 1_000_000_000 },
	} {
		c := good
		spoil(&c)
		require.ErrorContains(t, c.Check(), says)
	}
}
