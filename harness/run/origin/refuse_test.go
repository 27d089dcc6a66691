package origin_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

// inside is r1 within r0: after the first part of r0, r1 took the connection,
// and then the rest of r0 followed.
func inside() string {
	first := request(http.MethodGet, "r0", 9, "X-Padding: "+plan.Padding("r0", 900))
	return first[:500] + request(http.MethodGet, "r1", 9, "X-Padding: "+plan.Padding("r1", 900)) + first[500:]
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	fields := func(lines ...string) string {
		return "GET /r0?body=9 HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	line := func(first string) string {
		return first + "\r\nHost: x\r\nX-Request-Id: r0\r\n\r\n"
	}
	for name, each := range map[string]struct{ text, problem, id string }{
		"one inside another":  {inside(), "2 Host fields", "r0"},
		"another's padding":   {fields("Host: x", "X-Request-Id: r0", "X-Padding: r0.r0.r1.r0."), "padding that is not its own", "r0"},
		"no Host":             {fields("X-Request-Id: r0"), "0 Host fields", "r0"},
		"two Host fields":     {fields("Host: x", "host: x", "X-Request-Id: r0"), "2 Host fields", "r0"},
		"no id":               {fields("Host: x"), "0 X-Request-Id fields", ""},
		"two ids":             {fields("Host: x", "X-Request-Id: r0", "X-Request-Id: r0"), "2 X-Request-Id fields", "r0"},
		"no colon":            {fields("Host: x", "X-Request-Id: r0", "r0.r0.r0"), `a line that is no header field: "r0.r0.r0"`, "r0"},
		"no name":             {fields("Host: x", ": r0"), `a line that is no header field: ": r0"`, ""},
		"a blank in the name": {fields("Host: x", "GET /r1: x"), `a line that is no header field: "GET /r1: x"`, ""},
		"a line that goes on": {fields("Host: x", "X-Padding: r0.", " r0."), `a line that is no header field: " r0."`, ""},
		"garbage":             {"\x16\x03\x01\x02\r\n\r\n", `no request line of HTTP/1.1: "\x16\x03\x01\x02"`, ""},
		"the rest of another": {"r0.r0.r0.\r\n\r\n", `no request line of HTTP/1.1: "r0.r0.r0."`, ""},
		"an older version":    {line("GET / HTTP/1.0"), `no request line of HTTP/1.1: "GET / HTTP/1.0"`, "r0"},
		"two blanks":          {line("GET  / HTTP/1.1"), `no request line of HTTP/1.1: "GET  / HTTP/1.1"`, "r0"},
		"another method":      {line("GGET / HTTP/1.1"), `an unexpected method: "GGET / HTTP/1.1"`, "r0"},
		"no target":           {line("GET r0 HTTP/1.1"), `a target that is none: "r0"`, "r0"},
		"a size in words":     {line("GET /?body=ten HTTP/1.1"), `a body of "ten" bytes`, "r0"},
		"a size below 0":      {line("GET /?body=-1 HTTP/1.1"), `a body of "-1" bytes`, "r0"},
		"what is long is cut": {line(strings.Repeat("r0.", 30)), `no request line of HTTP/1.1: "` + strings.Repeat("r0.", 20) + `…"`, "r0"},
		"bare line feeds":     {"GET\nHost: x\nX-Request-Id: r0\n\n", `no request line of HTTP/1.1: "GET"`, "r0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, origin.Config{Requests: 1})
			c := connect(t, s)
			c.send(each.text)
			response, body := c.response(http.MethodGet)
			require.Equal(t, http.StatusBadRequest, response.StatusCode)
			require.True(t, response.Close, "Connection: close")
			require.Equal(t, each.problem+"\n", body)
			c.ended()

			log := logOf(s)
			require.Len(t, log.Connections, 1)
			require.Len(t, log.Connections[0].Requests, 1, "what follows cannot be understood")
			seen := log.Connections[0].Requests[0]
			require.Equal(t, each.problem, seen.Problem)
			require.Equal(t, each.id, seen.ID)
			require.False(t, seen.Answered)
			require.Positive(t, seen.Length)
			require.False(t, seen.Arrived.IsZero())
			end := log.Connections[0].End
			require.Equal(t, "the request makes no sense: "+each.problem, end.Error)
			require.False(t, end.ByClient, "the origin ended it")
			require.False(t, end.Early)
		})
	}
}

func TestARequestInsideAnotherOverTLS(t *testing.T) {
	for _, version := range []string{plan.TLS12, plan.TLS13} {
		s := start(t, origin.Config{TLS: version, Requests: 3})
		c := connect(t, s)
		c.ask("r2")
		c.send(inside())
		response, _ := c.response(http.MethodGet)
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
		c.ended()

		seen := logOf(s).Connections[0].Requests
		require.Len(t, seen, 2)
		require.Empty(t, seen[0].Problem)
		require.True(t, seen[0].Answered)
		require.Equal(t, "2 Host fields", seen[1].Problem)
		require.Equal(t, seen[0].Length, seen[1].Offset)
	}
}

func TestALineWithoutEndIsNotReadForEver(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	_, _ = io.Copy(c.stream, io.LimitReader(endless{}, 64<<20)) // fails when the origin refuses more
	c.ended()
	end := logOf(s).Connections[0].End
	require.Contains(t, end.Error, "a line of a request is longer than 1048576 bytes")
	require.Greater(t, end.PartialBytes, int64(1<<20))
	require.False(t, end.ByClient)
	require.False(t, end.Early)
}

// endless is a line that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
