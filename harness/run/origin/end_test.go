package origin_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
)

func TestAnOrderlyCloseWhenDoneIsNotEarly(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version, Requests: 2})
		c := connect(t, s)
		c.ask("r0")
		c.ask("r1")
		c.close()
		log := logOf(s)
		end := log.Connections[0].End
		require.True(t, end.ByClient)
		require.False(t, end.Early)
		require.False(t, end.Reset)
		require.Zero(t, end.PartialBytes)
		require.Empty(t, end.Error)
		require.Zero(t, log.EarlyEnds())
	})
}

func TestACloseBeforeEverythingIsAnsweredIsEarly(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version, Requests: 2})
		c := connect(t, s)
		c.ask("r0")
		c.close()
		log := logOf(s)
		end := log.Connections[0].End
		require.True(t, end.ByClient)
		require.True(t, end.Early)
		require.False(t, end.Reset)
		require.Equal(t, 1, log.EarlyEnds())
	})
}

func TestAResetIsSeen(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version, Requests: 2})
		c := connect(t, s)
		c.ask("r0")
		c.reset()
		log := logOf(s)
		end := log.Connections[0].End
		require.True(t, end.ByClient)
		require.True(t, end.Reset)
		require.True(t, end.Early)
		require.NotEmpty(t, end.Error)
		require.Equal(t, 1, log.EarlyEnds())
	})
}

func TestAResetWhenDoneIsNotEarly(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	c.ask("r0")
	c.reset()
	end := logOf(s).Connections[0].End
	require.True(t, end.Reset)
	require.False(t, end.Early)
}

// The origin may be busy with a connection, and notice its end late.
func TestAResetBeforeAnotherConnectionIsEarlyHoweverLateItIsNoticed(t *testing.T) {
	s := start(t, origin.Config{Requests: 2})
	first := connect(t, s)
	first.ask("r0")
	second := connect(t, s)
	second.ask("r1")
	second.close()
	first.reset()
	log := logOf(s)
	require.True(t, log.Connections[0].End.Early)
	require.False(t, log.Connections[1].End.Early)
	require.Equal(t, 1, log.EarlyEnds())
}

func TestACloseInTheMiddleOfARequest(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{TLS: version, Requests: 1})
		c := connect(t, s)
		c.ask("r0")
		part := get("r1", 700)[:77]
		c.send(part)
		c.close()
		seen := logOf(s).Connections[0]
		require.Len(t, seen.Requests, 1, "a part is no request")
		require.EqualValues(t, len(part), seen.End.PartialBytes)
		require.True(t, seen.End.ByClient)
		require.True(t, seen.End.Early, "all were answered, and yet the client was not done")
	})
}

func TestTLSThatIsCutOff(t *testing.T) {
	for name, each := range map[string]struct{ part, reason string }{
		"between records": {"", ""}, // crypto/tls takes it for a close_notify
		"within a record": {"\x17\x03\x03\x00\x64abc", "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, origin.Config{TLS: plan.TLS12, Requests: 2})
			c := connect(t, s)
			c.ask("r0")
			_, err := c.tcp.Write([]byte(each.part))
			require.NoError(t, err)
			require.NoError(t, c.tcp.CloseWrite())
			c.ended()
			end := logOf(s).Connections[0].End
			require.True(t, end.ByClient)
			require.True(t, end.Early)
			require.False(t, end.Reset)
			require.Equal(t, each.reason, end.Error)
		})
	}
}

func TestAClientThatComesBackWasNotDone(t *testing.T) {
	for name, again := range map[string]string{
		"for what it has not got yet": "r1",
		"for what it has got":         "r0",
	} {
		t.Run(name, func(t *testing.T) {
			requests := 2
			if again == "r0" {
				requests = 1
			}
			s := start(t, origin.Config{Requests: requests})
			first := connect(t, s)
			first.ask("r0")
			first.close()
			second := connect(t, s)
			second.ask(again)
			second.close()

			log := logOf(s)
			require.Len(t, log.Connections, 2)
			require.Equal(t, 1, log.Connections[0].Number)
			require.True(t, log.Connections[0].End.Early)
			require.Equal(t, 2, log.Connections[1].Number)
			require.False(t, log.Connections[1].End.Early)
			require.Equal(t, 1, log.EarlyEnds())
		})
	}
}

func TestARequestThatMakesNoSenseCountsAsComingBack(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	first := connect(t, s)
	first.ask("r0")
	first.close()
	second := connect(t, s)
	second.send("nonsense\r\n\r\n")
	second.response("GET")
	second.ended()
	require.True(t, logOf(s).Connections[0].End.Early)
}

func TestAClientThatNeverAsks(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	c.close()
	log := logOf(s)
	require.Len(t, log.Connections, 1)
	require.NotNil(t, log.Connections[0].Requests, "JSON has an empty list, not null")
	require.Empty(t, log.Connections[0].Requests)
	require.True(t, log.Connections[0].End.Early)
}

func TestAHandshakeThatTheClientBreaksOff(t *testing.T) {
	for _, version := range []string{plan.TLS12, plan.TLS13} {
		s := start(t, origin.Config{TLS: version, Requests: 1})
		conn, err := net.Dial("tcp", address(s))
		require.NoError(t, err)
		stream := tls.Client(conn, &tls.Config{ServerName: "127.0.0.1"}) // it trusts the system's authorities
		require.Error(t, stream.Handshake())
		require.NoError(t, conn.Close())
		seen := logOf(s).Connections[0]
		require.Empty(t, seen.TLS)
		require.True(t, seen.End.ByClient)
		require.True(t, seen.End.Early)
		require.Contains(t, seen.End.Error, "bad certificate")
	}
}

func TestAHandshakeThatTheOriginRefuses(t *testing.T) {
	s := start(t, origin.Config{TLS: plan.TLS13, Requests: 1})
	conn, err := net.Dial("tcp", address(s))
	require.NoError(t, err)
	defer conn.Close()
	old := trust(t, s)
	old.MaxVersion = tls.VersionTLS12
	require.ErrorContains(t, tls.Client(conn, old).Handshake(), "protocol version")
	seen := logOf(s).Connections[0]
	require.Empty(t, seen.TLS)
	require.Contains(t, seen.End.Error, "unsupported versions")
	require.False(t, seen.End.ByClient, "the origin ended it")
	require.False(t, seen.End.Early)
}

// Stop does not wait: the origin ends the remaining connections.
func TestStopEndsWhatStays(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, *origin.Server) io.Reader{
		"a client at rest": func(t *testing.T, s *origin.Server) io.Reader {
			c := connect(t, s)
			c.ask("r0")
			return c.tcp
		},
		"a client in the middle of a request": func(t *testing.T, s *origin.Server) io.Reader {
			c := connect(t, s)
			c.ask("r0")
			c.send(get("r1", 700)[:50])
			return c.tcp
		},
		"a client that begins no handshake": func(t *testing.T, s *origin.Server) io.Reader {
			busy := connect(t, s)
			conn, err := net.Dial("tcp", address(s))
			require.NoError(t, err)
			t.Cleanup(func() { conn.Close() })
			busy.ask("r0") // by now the other one was accepted
			return conn
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, origin.Config{TLS: plan.TLS12, Requests: 2})
			conn := prepare(t, s)
			log := s.Stop(over())
			_, _ = io.Copy(io.Discard, conn) // the connection ends, as the client is told
			require.NotEmpty(t, log.Connections)
			for _, seen := range log.Connections {
				require.False(t, seen.End.ByClient)
				require.False(t, seen.End.Early)
				require.False(t, seen.End.Time.IsZero())
			}
		})
	}
}

func TestStopWaitsForClientsThatAreLeaving(t *testing.T) {
	s := start(t, origin.Config{Requests: 1})
	c := connect(t, s)
	c.ask("r0")
	stopped := make(chan *origin.Log)
	go func() { stopped <- s.Stop(context.Background()) }()
	// The origin accepts no new connections, but serves the existing ones.
	for {
		conn, err := net.Dial("tcp", address(s))
		if err != nil {
			break
		}
		conn.Close()
	}
	c.ask("r1")
	c.close()
	require.Len(t, (<-stopped).Connections[0].Requests, 2)
}

func TestStopWithoutClients(t *testing.T) {
	log := logOf(start(t, origin.Config{}))
	require.NotNil(t, log.Connections)
	require.Empty(t, log.Connections)
}
