// Package capture records the packets of a run on loopback and keeps them, with
// the secrets of TLS, as pcapng.
//
// It stands beside the origin: a [Recorder] listens with AF_PACKET during the
// run, and [Write] writes its packets into a file that Wireshark and tshark open
// and decrypt. Package flow says what the packets mean.
package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/flow"
)

// ErrNotPermitted is what Start's error wraps when the process may not read
// packets: it lacks CAP_NET_RAW.
var ErrNotPermitted = errors.New("packets cannot be captured without CAP_NET_RAW")

// DefaultLimit bounds a capture, in bytes of packets.
const DefaultLimit = 256 << 20

// Bounds, in bytes: of a packet as it is kept, and of those that wait in the
// kernel.
const (
	mostPacket = 128 << 10
	queue      = 64 << 20
)

// Capture is what was recorded.
type Capture struct {
	// Packets in the order in which they were sent.
	Packets []flow.Packet
	// Lost is the number of packets that the kernel dropped because its buffer was full.
	Lost int
	// Beyond is how many were left out because the limit was reached.
	Beyond int
}

// Recorder is a running capture. It has to be stopped with Stop.
type Recorder struct {
	conn  *packet.Conn
	limit int
	taken Capture
	done  chan error
	size  int
}

// Start records the TCP packets from and to a port on the loopback interface,
// up to limit bytes. The error wraps ErrNotPermitted if the process lacks the
// permission.
func Start(port uint16, limit int) (*Recorder, error) {
	filter, err := bpf.Assemble(filterOf(port))
	if err != nil {
		return nil, fmt.Errorf("making a filter for port %d: %w", port, err)
	}
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		return nil, fmt.Errorf("finding the loopback interface: %w", err)
	}
	conn, err := packet.Listen(loopback, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("%w: run as root, or give it to the program: setcap cap_net_raw+ep", ErrNotPermitted)
	}
	if err != nil {
		return nil, fmt.Errorf("listening to packets on loopback: %w", err)
	}
	if err := prepare(conn); err != nil {
		conn.Close()
		return nil, err
	}
	r := &Recorder{conn: conn, limit: limit, done: make(chan error, 1)}
	go func() { r.done <- r.read() }()
	return r, nil
}

// filterOf keeps the TCP packets of a port. On loopback each packet passes
// twice, as outgoing and as incoming; only the incoming counts. The numbers in
// the comments are the targets of the jumps.
func filterOf(port uint16) []bpf.Instruction {
	const (
		ipv4Protocol, ipv4Header = 23, 14
		ipv6Protocol, ipv6TCP    = 20, 54
	)
	isPort := func(skip uint8) bpf.Instruction {
		return bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipTrue: skip}
	}
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 16}, // 18
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_IPV6, SkipTrue: 8},   // 12
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 13}, // 18
		bpf.LoadAbsolute{Off: ipv4Protocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 11}, // 18
		bpf.LoadMemShift{Off: ipv4Header},
		bpf.LoadIndirect{Off: ipv4Header, Size: 2},
		isPort(9), // 19
		bpf.LoadIndirect{Off: ipv4Header + 2, Size: 2},
		bpf.Jump{Skip: 5}, // 17
		bpf.LoadAbsolute{Off: ipv6Protocol, Size: 1},                           // 12
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 4}, // 18
		bpf.LoadAbsolute{Off: ipv6TCP, Size: 2},
		isPort(3), // 19
		bpf.LoadAbsolute{Off: ipv6TCP + 2, Size: 2},
		isPort(1),                        // 17, leads to 19
		bpf.RetConstant{Val: 0},          // 18: drop
		bpf.RetConstant{Val: mostPacket}, // 19: keep
	}
}

// prepare gives the socket a long queue, and makes the kernel record the times.
func prepare(conn *packet.Conn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("preparing the capture: %w", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queue) != nil { // needs CAP_NET_ADMIN
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, queue)
		}
		failed = errors.Join(failed, unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	})
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("preparing the capture: %w", err)
	}
	return nil
}

// read reads packets until the deadline that Stop sets, and then those that are
// still queued.
func (r *Recorder) read() error {
	raw, err := r.conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("reading packets: %w", err)
	}
	buffer, control := make([]byte, mostPacket), make([]byte, 256)
	var failed error
	take := func(fd uintptr) bool {
		var n, controlLength int
		n, controlLength, _, _, failed = unix.Recvmsg(int(fd), buffer, control, unix.MSG_TRUNC|unix.MSG_DONTWAIT)
		if errors.Is(failed, unix.EAGAIN) {
			return false
		}
		if failed == nil {
			r.keep(buffer[:min(n, len(buffer))], n, timeOf(control[:controlLength]))
		}
		return true
	}
	for {
		if err := raw.Read(take); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil || failed != nil && !errors.Is(failed, unix.EINTR) {
			return fmt.Errorf("reading packets: %w", errors.Join(err, failed))
		}
	}
	for more := true; more; {
		if err := raw.Control(func(fd uintptr) { more = take(fd) }); err != nil {
			return fmt.Errorf("reading packets: %w", err)
		}
		if more && failed != nil && !errors.Is(failed, unix.EINTR) {
			return fmt.Errorf("reading packets: %w", failed)
		}
	}
	return nil
}

func (r *Recorder) keep(data []byte, length int, at time.Time) {
	if r.size+len(data) > r.limit {
		r.taken.Beyond++
		return
	}
	r.size += len(data)
	r.taken.Packets = append(r.taken.Packets, flow.Packet{Time: at, Data: bytes.Clone(data), Length: length})
}

// timeOf returns when the kernel saw a packet.
func timeOf(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range messages {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
				seconds, nanoseconds := binary.NativeEndian.Uint64(m.Data), binary.NativeEndian.Uint64(m.Data[8:])
				return time.Unix(int64(seconds), int64(nanoseconds))
			}
		}
	}
	return time.Now()
}

// Stop ends the recording and returns all packets that were sent before.
func (r *Recorder) Stop() (*Capture, error) {
	err := r.conn.SetReadDeadline(time.Unix(1, 0))
	if err == nil {
		err = <-r.done
	}
	if statistics, failed := r.conn.Stats(); failed == nil {
		r.taken.Lost = int(statistics.Drops)
	}
	return &r.taken, errors.Join(err, r.conn.Close())
}
