package origin_test

import (
	"bytes"
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

func TestURL(t *testing.T) {
	require.Regexp(t, `^http://127\.0\.0\.1:[1-9][0-9]*$`, start(t, origin.Config{}).URL())
	require.Regexp(t, `^https://127\.0\.0\.1:[1-9][0-9]*$`, start(t, origin.Config{TLS: plan.TLS12}).URL())
	require.Regexp(t, `^http://\[::1\]:[1-9][0-9]*$`, start(t, origin.Config{Address: "[::1]:0"}).URL())
}

func TestAuthoritySpeaksForLoopback(t *testing.T) {
	s := start(t, origin.Config{TLS: plan.TLS13})
	for _, name := range []string{"127.0.0.1", "::1"} {
		config := trust(t, s)
		config.ServerName = name
		conn, err := tls.Dial("tcp", address(s), config)
		require.NoError(t, err, name)
		require.Empty(t, conn.ConnectionState().PeerCertificates[0].DNSNames, "libcurl 7.50.0 takes no address beside a name")
		require.NoError(t, conn.Close())
	}
	require.Nil(t, start(t, origin.Config{}).Authority(), "no TLS, no authority")
}

func TestOnlyTheVersionThatIsAskedForIsSpoken(t *testing.T) {
	for version, number := range map[string]uint16{plan.TLS12: tls.VersionTLS12, plan.TLS13: tls.VersionTLS13} {
		s := start(t, origin.Config{TLS: version})
		for _, offered := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := trust(t, s)
			config.MinVersion, config.MaxVersion = offered, offered
			conn, err := tls.Dial("tcp", address(s), config)
			if offered != number {
				require.Error(t, err)
				continue
			}
			require.NoError(t, err)
			require.NoError(t, conn.Close())
		}
	}
}

func TestKeyLogHasTheSecretsOfEachConnection(t *testing.T) {
	for version, label := range map[string]string{
		plan.TLS12: "CLIENT_RANDOM", plan.TLS13: "SERVER_TRAFFIC_SECRET_0",
	} {
		var secrets bytes.Buffer
		s := start(t, origin.Config{TLS: version, KeyLog: &secrets})
		for range 2 {
			c := connect(t, s)
			c.ask("r0001")
			c.close()
		}
		logOf(s)
		require.Equal(t, 2, strings.Count(secrets.String(), label+" "), secrets.String())
	}
}

func TestStartRefuses(t *testing.T) {
	taken := address(start(t, origin.Config{}))
	for name, each := range map[string]struct {
		config  origin.Config
		reason  string
		address bool
	}{
		"a port in use":       {origin.Config{Address: taken}, "the origin cannot listen on " + taken, true},
		"no such address":     {origin.Config{Address: "127.0.0.1:nowhere"}, "the origin cannot listen on 127.0.0.1:nowhere", true},
		"no port":             {origin.Config{Address: "127.0.0.1"}, "missing port", true},
		"an option's value":   {origin.Config{Origin: scenario.Origin{MaxSegment: 1 << 20}}, "setting TCP_MAXSEG to 1048576: invalid argument", true},
		"an unknown version":  {origin.Config{TLS: "1.1"}, `unknown TLS version "1.1"`, false},
		"to stall for nobody": {origin.Config{Origin: scenario.Origin{StallConnections: 1}}, "nothing watches the client", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := origin.Start(each.config)
			require.Nil(t, s)
			require.ErrorContains(t, err, each.reason)
			require.NotContains(t, err.Error(), "\n")
			if each.address {
				require.ErrorIs(t, err, origin.ErrAddress)
			} else {
				require.NotErrorIs(t, err, origin.ErrAddress)
			}
		})
	}
}

// optionOf reads a socket option of a connection.
func optionOf(t *testing.T, conn *net.TCPConn, level, name int) int {
	t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	var value int
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) {
		value, failed = unix.GetsockoptInt(int(fd), level, name)
	}))
	require.NoError(t, failed)
	return value
}

func TestMaxSegmentReachesTheClient(t *testing.T) {
	c := connect(t, start(t, origin.Config{Origin: scenario.Origin{MaxSegment: 1400}}))
	require.LessOrEqual(t, optionOf(t, c.tcp, unix.IPPROTO_TCP, unix.TCP_MAXSEG), 1400)
	c = connect(t, start(t, origin.Config{}))
	require.Greater(t, optionOf(t, c.tcp, unix.IPPROTO_TCP, unix.TCP_MAXSEG), 1400, "the loopback's own")
}

// windowOf returns how much the client could send before the origin reads.
func windowOf(t *testing.T, conn *net.TCPConn) uint32 {
	t.Helper()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	var info *unix.TCPInfo
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) {
		info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}))
	require.NoError(t, failed)
	return info.Snd_wnd
}

func TestReceiveBufferBoundsTheWindow(t *testing.T) {
	c := connect(t, start(t, origin.Config{Origin: scenario.Origin{ReceiveBuffer: 8 << 10}}))
	require.LessOrEqual(t, windowOf(t, c.tcp), uint32(16<<10))
	c = connect(t, start(t, origin.Config{}))
	require.Greater(t, windowOf(t, c.tcp), uint32(16<<10), "the system's own")
}
