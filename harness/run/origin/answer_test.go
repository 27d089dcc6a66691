package origin_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

func TestAnswersNetHTTP(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version, Requests: 5})
		transport := &http.Transport{}
		if version != plan.PlainText {
			transport.TLSClientConfig = trust(t, s)
		}
		for i, size := range []int{0, 3, 700, 20000, 1 << 20} {
			id := fmt.Sprintf("r%d", i)
			question, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/%s?body=%d", s.URL(), id, size), nil)
			require.NoError(t, err)
			question.Header.Set(plan.RequestIDField, id)
			response, err := transport.RoundTrip(question)
			require.NoError(t, err)
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, response.StatusCode)
			require.Equal(t, id, response.Header.Get(plan.RequestIDField))
			require.EqualValues(t, size, response.ContentLength)
			require.Equal(t, plan.Body(id, size), body)
		}
		transport.CloseIdleConnections()

		log := logOf(s)
		require.Len(t, log.Connections, 1)
		require.Len(t, log.Connections[0].Requests, 5)
		require.Zero(t, log.EarlyEnds())
	})
}

func TestLogOfAnHonestRun(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version, Requests: 2})
		c := connect(t, s)
		c.ask("r0")
		c.ask("r1")
		c.close()
		log := logOf(s)
		require.Len(t, log.Connections, 1)
		seen := log.Connections[0]
		require.Equal(t, 1, seen.Number)
		require.Zero(t, seen.Stalls)
		require.Len(t, seen.Requests, 2)
		first, second := seen.Requests[0], seen.Requests[1]
		require.Equal(t, "r0", first.ID)
		require.Equal(t, http.MethodGet, first.Method)
		require.Equal(t, "/r0?body=700", first.Target)
		require.True(t, first.Answered)
		require.Empty(t, first.Problem)
		require.Zero(t, first.Offset)
		require.EqualValues(t, len(get("r0", 700)), first.Length)
		require.Equal(t, "r1", second.ID)
		require.Equal(t, first.Length, second.Offset)
		require.False(t, second.Arrived.Before(first.Arrived))
		require.False(t, seen.End.Time.Before(second.Arrived))
		if version == plan.PlainText {
			require.Empty(t, seen.TLS)
			require.Zero(t, seen.Handshake)
		} else {
			require.Equal(t, "TLS "+version, seen.TLS)
			require.Positive(t, seen.Handshake)
		}
	})
}

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		const n = 50
		s := start(t, origin.Config{TLS: version, Requests: n})
		c := connect(t, s)
		var all strings.Builder
		for i := range n {
			all.WriteString(get(fmt.Sprintf("r%d", i), 10*i))
		}
		c.send(all.String())
		for i := range n {
			c.own(fmt.Sprintf("r%d", i), 10*i)
		}
		c.close()
		log := logOf(s)
		require.Len(t, log.Connections, 1)
		require.Len(t, log.Connections[0].Requests, n)
		for i, r := range log.Connections[0].Requests {
			require.Equal(t, fmt.Sprintf("r%d", i), r.ID)
		}
	})
}

func TestRequestsMayArriveInPieces(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	for _, b := range get("r0", 700) {
		c.send(string(b))
	}
	c.own("r0", 700)
}

func TestLargePaddingIsRead(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	c.send(request(http.MethodGet, "r0", 7, "X-Padding: "+plan.Padding("r0", 200000)))
	c.own("r0", 7)
	c.close()
	require.Greater(t, logOf(s).Connections[0].Requests[0].Length, int64(200000))
}

func TestHeadIsAnsweredWithoutBody(t *testing.T) {
	s := start(t, origin.Config{Requests: 2})
	c := connect(t, s)
	c.send(request(http.MethodHead, "r0", 700) + get("r1", 10))
	response, body := c.response(http.MethodHead)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.EqualValues(t, 700, response.ContentLength)
	require.Equal(t, "r0", response.Header.Get("X-Request-Id"))
	require.Empty(t, body)
	c.own("r1", 10)
	c.close()
	require.Equal(t, http.MethodHead, logOf(s).Connections[0].Requests[0].Method)
}

func TestRawIsSentByteForByte(t *testing.T) {
	s := start(t, origin.Config{Requests: 1, Origin: scenario.Origin{Answers: map[int]scenario.Answer{
		0: {Raw: "\r\nHTTP/1.1 2000\r\n{id}Content-Length: +{length}\r\n\x00\r\n{size};{body}", Close: true},
	}}})
	c := connect(t, s)
	c.send("GET /r0000?body=12 HTTP/1.1\r\nHost: a\r\n" + plan.RequestIDField + ": r0000\r\n\r\n")
	got, err := io.ReadAll(c.tcp)
	require.NoError(t, err)
	require.Equal(t, "\r\nHTTP/1.1 2000\r\n"+plan.RequestIDField+": r0000\r\nContent-Length: +12\r\n\x00\r\nc;"+
		string(plan.Body("r0000", 12)), string(got))
}

func TestWithoutASizeTheBodyIsEmpty(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	c.send("GET /r0 HTTP/1.1\r\nHost: x\r\nX-Request-Id: r0\r\n\r\n")
	c.own("r0", 0)
}

// Go's TLS cannot send these messages. The request is answered, and the log
// says that this was not as planned.
func TestAnEventTakesOpenSSL(t *testing.T) {
	s := start(t, origin.Config{TLS: plan.TLS12, Requests: 1, Origin: scenario.Origin{
		Answers: map[int]scenario.Answer{0: {Event: scenario.HelloRequest}},
	}})
	requestsTo(t, s, "r0")
	seen := logOf(s).Connections[0].Requests
	require.Len(t, seen, 1)
	require.True(t, seen[0].Answered)
	require.False(t, seen[0].AsPlanned)
}

func TestLogTellsWhenEachResponseWasWritten(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version})
		c := connect(t, s)
		c.ask("r0001")
		c.close()
		r := logOf(s).Connections[0].Requests[0]
		require.False(t, r.AnswerBegan.Before(r.Arrived))
		require.False(t, r.AnswerEnded.Before(r.AnswerBegan))
	})
}
