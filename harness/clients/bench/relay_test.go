package bench

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_, _ = io.Copy(connection, connection)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestRelayDelaysEachWayAndLosesNothing(t *testing.T) {
	relay, err := StartRelay(echo(t), 40*time.Millisecond)
	require.NoError(t, err)
	defer relay.Close()
	connection, err := net.Dial("tcp", relay.Address())
	require.NoError(t, err)
	defer connection.Close()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	begin := time.Now()
	go func() {
		_, _ = connection.Write(sent)
		_ = connection.(*net.TCPConn).CloseWrite()
	}()
	received, err := io.ReadAll(connection)
	require.NoError(t, err)
	require.True(t, bytes.Equal(sent, received))
	// no byte can return earlier, however fast the machine is
	require.GreaterOrEqual(t, time.Since(begin), 40*time.Millisecond)
	require.EqualValues(t, 1, relay.Connections.Load())
}

func TestRelayClosesWithConnectionsOpen(t *testing.T) {
	relay, err := StartRelay(echo(t), 0)
	require.NoError(t, err)
	connection, err := net.Dial("tcp", relay.Address())
	require.NoError(t, err)
	defer connection.Close()
	_, err = connection.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(connection, make([]byte, 1))
	require.NoError(t, err)
	relay.Close()
	_, err = connection.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestRecordsAreCountedHoweverTheyArrive(t *testing.T) {
	stream := []byte{23, 3, 3, 0, 2, 'a', 'b', 23, 3, 3, 0, 0, 23, 3, 3, 1, 0}
	stream = append(stream, make([]byte, 256)...)
	for size := 1; size <= len(stream); size++ {
		var total atomic.Int64
		counter := recordCounter{total: &total}
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			counter.count(rest[:n])
			rest = rest[n:]
		}
		require.EqualValues(t, 3, total.Load(), "in pieces of %d", size)
	}
}
