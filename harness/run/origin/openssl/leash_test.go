package openssl

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// leash is a running testdata/client.c: an OpenSSL client that never blocks.
type leash struct {
	t      *testing.T
	stdin  io.Writer
	stdout *bufio.Reader
	stderr bytes.Buffer
}

// listen makes the server listen with another receive buffer.
func (s *server) listen(receiveBuffer int) *server {
	s.listener = listen(s.t, receiveBuffer)
	return s
}

// leash starts the client, with SO_SNDBUF if that is not 0. The client reports
// when the handshake is complete.
func (s *server) leash(sendBuffer int) *leash {
	port := s.listener.Addr().(*net.TCPAddr).Port
	command := exec.Command(leashed, strconv.Itoa(port), s.authority(), s.version, strconv.Itoa(sendBuffer))
	c := &leash{t: s.t}
	stdin, err := command.StdinPipe()
	require.NoError(s.t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(s.t, err)
	c.stdin, c.stdout = stdin, bufio.NewReader(stdout)
	command.Stderr = &c.stderr
	require.NoError(s.t, command.Start())
	s.t.Cleanup(func() {
		stdin.Close()
		_ = command.Wait()
		require.Empty(s.t, c.stderr.String())
	})
	return c
}

// does gives a command and returns its result.
func (c *leash) does(order string) string {
	c.t.Helper()
	_, err := io.WriteString(c.stdin, order+"\n")
	require.NoError(c.t, err)
	return c.line()
}

// is requires a line of output.
func (c *leash) is(want string) {
	c.t.Helper()
	require.Equal(c.t, want, c.line())
}

func (c *leash) line() string {
	c.t.Helper()
	line, err := c.stdout.ReadString('\n')
	require.NoError(c.t, err, "stderr: %s", &c.stderr)
	return line[:len(line)-1]
}

// waiting returns the number of unread bytes at a socket.
func waiting(t *testing.T, tcp *net.TCPConn) int {
	raw, err := tcp.SyscallConn()
	require.NoError(t, err)
	n := 0
	var failed error
	require.NoError(t, raw.Control(func(fd uintptr) {
		n, failed = unix.IoctlGetInt(int(fd), unix.SIOCINQ)
	}))
	require.NoError(t, failed)
	return n
}
