package framing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// tunnel is a response to CONNECT, and the outcome of the request that was to
// go through the tunnel.
type tunnel struct {
	name, response string
	opens          bool
}

const connected = "HTTP/1.1 200 Connected\r\n"

var tunnels = []tunnel{
	{name: "plain", response: connected + "\r\n", opens: true},
	{name: "with a length", response: connected + five + "\r\n", opens: true},
	{name: "with a length of nothing", response: connected + "Content-Length: 0\r\n\r\n", opens: true},
	{name: "with two lengths", response: connected + five + "Content-Length: 50\r\n\r\n", opens: true},
	{name: "with a coding", response: connected + coded + "\r\n", opens: true},
	{name: "with length and coding", response: connected + five + coded + "\r\n", opens: true},
	{name: "refused", response: "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"},
	{name: "refused, with another status line", response: "HTTP/1.1 403 Forbidden\r\n" + connected + "\r\n"},
	{name: "refused, with a length that is no number", response: "HTTP/1.1 403 Forbidden\r\nContent-Length: 5x\r\n" + hello},
	{name: "refused, with two lengths", response: "HTTP/1.1 403 Forbidden\r\n" + five + "Content-Length: 50\r\n" + hello},
}

// TestTunnel tries responses to CONNECT. Without a tunnel, the request must not
// be sent to the proxy.
func TestTunnel(t *testing.T) {
	patched := program.Libcurl(t, "--variant", "patched")
	made := compile(t, patched)
	var tried []exchange
	for _, one := range tunnels {
		behind := 0
		if one.opens {
			behind = 1
		}
		for _, socket := range []bool{false, true} {
			for _, mode := range []string{"alone", "turn"} {
				tried = append(tried, exchange{
					socket: socket, mode: mode, method: "TUNNEL",
					behind: behind, hostile: 1, response: one.response,
				})
			}
		}
	}
	for i, got := range play(t, made, patched, tried) {
		one := tunnels[i/4]
		first := got.requests[0]
		require.Equal(t, 1, got.connections, "%s: %s", one.name, tried[i])
		if one.opens {
			require.Zero(t, first.code, "%s: %s", one.name, tried[i])
			require.Equal(t, own(1), first.body, "%s: %s", one.name, tried[i])
			requireOwn(t, tried[i], got)
			continue
		}
		require.Equal(t, 56, first.code, "%s: %s", one.name, tried[i]) // CURLE_RECV_ERROR
		require.Empty(t, first.body, "%s: %s", one.name, tried[i])
	}
}

// TestCut ends a body without length with its connection.
func TestCut(t *testing.T) {
	patched := program.Libcurl(t, "--variant", "patched")
	stock := program.Libcurl(t, "--variant", "stock")
	made := compile(t, patched)
	response := line + "X-One: a\r\n" + hello
	ending := func(mode string, tls bool, end, behind int) exchange {
		return exchange{tls: tls, mode: mode, behind: behind, hostile: 1, end: end, response: response}
	}
	for _, socket := range []bool{false, true} {
		tried := []exchange{
			ending("shared", false, endClose, behind),
			ending("shared", true, endClose, behind),
			ending("shared", true, endCut, behind),
			ending("alone", true, endCut, 1),
		}
		for i := range tried {
			tried[i].socket = socket
		}
		got := play(t, made, patched, tried)
		last("hello").require(t, "closed", tried[0], got[0], nil)
		last("hello").require(t, "with close_notify", tried[1], got[1], nil)
		badBody.require(t, "without close_notify", tried[2], got[2], nil)
		asStock.require(t, "without close_notify", tried[3], got[3], &play(t, made, stock, tried[3:])[0])
	}
}
