package capture_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/show/capture"
)

// record captures what talk does over one connection, and returns the port.
func record(t *testing.T, address string, talk func(client, origin *net.TCPConn)) ([]flow.Packet, uint16) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	defer listener.Close()
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	recorder, err := capture.Start(port, capture.DefaultLimit)
	if err != nil {
		require.ErrorIs(t, err, capture.ErrNotPermitted)
		t.Skip(err)
	}
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	origin, err := listener.Accept()
	require.NoError(t, err)
	defer origin.Close()
	talk(client.(*net.TCPConn), origin.(*net.TCPConn))
	taken, err := recorder.Stop()
	require.NoError(t, err)
	require.Zero(t, taken.Lost)
	return taken.Packets, port
}

// awaitUnread waits until bytes have arrived, and reads none.
func awaitUnread(t *testing.T, socket *net.TCPConn) {
	t.Helper()
	raw, err := socket.SyscallConn()
	require.NoError(t, err)
	var failed error
	require.NoError(t, raw.Read(func(fd uintptr) bool {
		_, _, failed = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK)
		return failed != unix.EAGAIN
	}))
	require.NoError(t, failed)
}

// awaitEnd waits until the FIN or the RST of the other side has arrived.
func awaitEnd(socket *net.TCPConn) { _, _ = io.Copy(io.Discard, socket) }

// exchange sends 1000 bytes one way and 2500 the other.
func exchange(t *testing.T, client, origin *net.TCPConn) {
	t.Helper()
	_, err := client.Write(make([]byte, 1000))
	require.NoError(t, err)
	_, err = io.ReadFull(origin, make([]byte, 1000))
	require.NoError(t, err)
	_, err = origin.Write(make([]byte, 2500))
	require.NoError(t, err)
	_, err = io.ReadFull(client, make([]byte, 2500))
	require.NoError(t, err)
}

func TestWhoEndedTheConnectionFirst(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		for name, each := range map[string]struct {
			end  func(client, origin *net.TCPConn)
			by   flow.Side
			kind string
			sent int64
		}{
			"the client by RST": {func(client, origin *net.TCPConn) {
				_ = client.SetLinger(0)
				client.Close()
				awaitEnd(origin)
			}, flow.Client, "RST", 1000},
			"the client by FIN": {func(client, origin *net.TCPConn) {
				client.Close()
				awaitEnd(origin)
			}, flow.Client, "FIN", 1000},
			"the origin by FIN": {func(client, origin *net.TCPConn) {
				origin.Close()
				awaitEnd(client)
			}, flow.Origin, "FIN", 2500},
			"the client with data unread": {func(client, origin *net.TCPConn) {
				_, _ = origin.Write(make([]byte, 10))
				awaitUnread(t, client)
				client.Close()
				awaitEnd(origin)
			}, flow.Client, "RST", 1000},
		} {
			t.Run(address+" "+name, func(t *testing.T) {
				packets, port := record(t, address, func(client, origin *net.TCPConn) {
					exchange(t, client, origin)
					each.end(client, origin)
				})
				connections := flow.Connections(packets, port)
				require.Len(t, connections, 1)
				c := connections[0]
				require.Equal(t, 1, c.SYNs)
				require.True(t, c.Established)
				require.EqualValues(t, 1000, c.FromClient)
				require.GreaterOrEqual(t, c.FromOrigin, int64(2500))
				first := c.EndedFirst()
				require.NotNil(t, first)
				require.Equal(t, each.by, first.By)
				require.Equal(t, each.sent, first.AfterByte)
				require.Equal(t, each.kind == "RST", first == c.RST)
			})
		}
	}
}

func TestFileIsReadBack(t *testing.T) {
	packets, port := record(t, "127.0.0.1:0", func(client, origin *net.TCPConn) { exchange(t, client, origin) })
	path := filepath.Join(t.TempDir(), "capture.pcapng")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, capture.Write(file, packets, nil))
	require.NoError(t, file.Close())
	read, err := capture.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, read, len(packets))
	for i := range read {
		require.True(t, packets[i].Time.Equal(read[i].Time), "to the nanosecond")
		require.Equal(t, packets[i].Data, read[i].Data)
	}
	require.Equal(t, flow.Connections(packets, port)[0].FromOrigin, flow.Connections(read, port)[0].FromOrigin)

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content[:len(content)-50], 0o600))
	cut, err := capture.ReadFile(path)
	require.ErrorContains(t, err, "is cut off or no pcapng, after")
	require.NotEmpty(t, cut)
	require.Less(t, len(cut), len(packets))

	require.NoError(t, os.WriteFile(path, []byte("no packets"), 0o600))
	_, err = capture.ReadFile(path)
	require.ErrorContains(t, err, "no pcapng, after 0 packets")
}

func TestCaptureIsBounded(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	recorder, err := capture.Start(uint16(listener.Addr().(*net.TCPAddr).Port), 100)
	if err != nil {
		require.ErrorIs(t, err, capture.ErrNotPermitted)
		t.Skip(err)
	}
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	client.Close()
	origin, err := listener.Accept()
	require.NoError(t, err)
	defer origin.Close()
	awaitEnd(origin.(*net.TCPConn))
	taken, err := recorder.Stop()
	require.NoError(t, err)
	require.Len(t, taken.Packets, 1)
	require.GreaterOrEqual(t, taken.Beyond, 2)
}

// The test binary is started again without the capability.
func TestWithoutTheCapabilityOneLineSaysSo(t *testing.T) {
	if os.Getenv("CAPTURE_TEST_UNABLE") != "" {
		_, err := capture.Start(80, capture.DefaultLimit)
		require.ErrorIs(t, err, capture.ErrNotPermitted)
		require.NotContains(t, err.Error(), "\n")
		return
	}
	executable, err := os.Executable()
	require.NoError(t, err)
	command := exec.Command(executable, "-test.run=^"+t.Name()+"$", "-test.v")
	if os.Geteuid() == 0 {
		command = exec.Command("setpriv", append([]string{"--bounding-set=-net_raw", "--inh-caps=-net_raw"}, command.Args...)...)
	}
	command.Env = append(os.Environ(), "CAPTURE_TEST_UNABLE=1")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, strings.TrimSpace(string(out)), "--- PASS")
}
