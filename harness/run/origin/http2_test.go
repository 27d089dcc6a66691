package origin_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// multiplexing is a client that speaks HTTP/2 to an origin.
func multiplexing(t *testing.T, s *origin.Server) *http.Transport {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: trust(t, s), Protocols: new(http.Protocols), MaxConnsPerHost: 1,
		HTTP2: &http.HTTP2Config{StrictMaxConcurrentRequests: true},
	}
	transport.Protocols.SetHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// requireOwn sends a request and requires its own response.
func requireOwn(t *testing.T, client http.RoundTripper, s *origin.Server, method, id string, size int, body string) {
	request, err := http.NewRequest(method, s.URL()+"/"+id+"?body="+strconv.Itoa(size), strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set(plan.RequestIDField, id)
	request.Header.Set(plan.PaddingField, plan.Padding(id, 5000))
	response, err := client.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 2, response.ProtoMajor)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, id, response.Header.Get(plan.RequestIDField))
	got, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if method == http.MethodHead {
		require.Empty(t, got)
		return
	}
	require.Equal(t, string(plan.Body(id, size)), string(got))
}

func TestHTTP2(t *testing.T) {
	for _, version := range []string{plan.TLS12, plan.TLS13} {
		s := start(t, origin.Config{TLS: version, HTTP2: true, Requests: 22})
		client := multiplexing(t, s)
		var all sync.WaitGroup
		for _, id := range idsOf(0, 20) {
			all.Go(func() { requireOwn(t, client, s, http.MethodGet, id, 700, "") })
		}
		all.Wait()
		// larger than the windows of stream and connection, in both directions
		requireOwn(t, client, s, http.MethodPost, "r20", 8<<20, string(plan.Body("r20", 300_000)))
		requireOwn(t, client, s, http.MethodHead, "r21", 900, "")
		client.CloseIdleConnections()

		log := logOf(s)
		require.Len(t, log.Connections, 1)
		c := log.Connections[0]
		require.Equal(t, "TLS "+version, c.TLS)
		require.Len(t, c.Requests, 22)
		seen := make(map[string]bool)
		end := int64(len(http2.ClientPreface))
		for _, r := range c.Requests {
			require.Empty(t, r.Problem)
			require.True(t, r.Answered && r.AsPlanned, r.ID)
			require.GreaterOrEqual(t, r.Offset, end, "they do not overlap")
			require.Positive(t, r.Length)
			seen[r.ID], end = true, r.Offset+r.Length
		}
		require.Len(t, seen, 22)
		require.Equal(t, 300_000, c.Requests[20].BodyBytes)
		require.True(t, c.End.ByClient)
		require.False(t, c.End.Early)
	}
}

func TestHTTP2Stalls(t *testing.T) {
	w := &watcher{outcomes: []bool{true}}
	s := start(t, origin.Config{
		TLS: plan.TLS13, HTTP2: true, Requests: 10, Origin: scenario.Origin{StallConnections: 1, StallUntilLeft: 2}, Client: w,
	})
	client := multiplexing(t, s)
	for _, id := range idsOf(0, 10) {
		requireOwn(t, client, s, http.MethodGet, id, 700, "")
	}
	client.CloseIdleConnections()
	require.Equal(t, 7, logOf(s).Connections[0].Stalls, "not before the first response, not with the last two")
}

func TestHTTP2RequestsThatMakeNoSense(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"padding that is not its own": func(r *http.Request) { r.Header.Set(plan.PaddingField, "other") },
		"0 X-Request-Id fields":       func(r *http.Request) { r.Header.Del(plan.RequestIDField) },
		"a body that is not its own": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader("other")), 5
		},
	} {
		s := start(t, origin.Config{TLS: plan.TLS13, HTTP2: true, Requests: 1})
		request, err := http.NewRequest(http.MethodGet, s.URL()+"/r0?body=7", nil)
		require.NoError(t, err)
		request.Header.Set(plan.RequestIDField, "r0")
		spoil(request)
		_, err = multiplexing(t, s).RoundTrip(request)
		require.Error(t, err)
		c := logOf(s).Connections[0]
		require.Equal(t, name, c.Requests[0].Problem)
		require.Equal(t, "the request makes no sense: "+name, c.End.Error)
	}
}

// A client that does not send HTTP/2's preface is refused.
func TestHTTP2Only(t *testing.T) {
	s := start(t, origin.Config{TLS: plan.TLS13, HTTP2: true, Requests: 1})
	c := connect(t, s)
	c.send(get("r0", 7))
	c.ended()
	require.Equal(t, "what the client sent does not begin with the preface of HTTP/2", logOf(s).Connections[0].End.Error)
}

func TestHTTP2HasAnswersOfItsOwn(t *testing.T) {
	for _, config := range []origin.Config{
		{HTTP2: true},
		{HTTP2: true, TLS: plan.TLS12, Origin: scenario.Origin{Answers: map[int]scenario.Answer{0: {Chunked: true}}}},
	} {
		_, err := origin.Start(config)
		require.ErrorContains(t, err, "HTTP/2 needs TLS by Go's own library, and answers that are possible over HTTP/2")
	}
}
