package curlpipe

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Frame types, flags and error codes [RFC 9113 §6 and §7].
const (
	frameData         = 0x0
	frameHeaders      = 0x1
	framePriority     = 0x2
	frameReset        = 0x3
	frameSettings     = 0x4
	framePushPromise  = 0x5
	framePing         = 0x6
	frameGoAway       = 0x7
	frameWindowUpdate = 0x8
	frameContinuation = 0x9
	frameUnknown      = 0xfa

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8

	codeNone           = 0x0
	codeRefused        = 0x7
	codeCancel         = 0x8
	codeHTTP11Required = 0xd
	lastCode           = codeHTTP11Required
)

const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// rawHTTP2Server speaks HTTP/2 frame by frame, and can send any bytes.
type rawHTTP2Server struct {
	address string
	serve   func(*rawHTTP2)

	mutex       sync.Mutex
	connections int
	streams     int // requests seen
	resets      map[uint32]uint32
	wait        chan struct{} // one for each request seen
}

// rawHTTP2 is one of its connections.
type rawHTTP2 struct {
	*tls.Conn
	server *rawHTTP2Server
	number int // from 0
	tcp    *net.TCPConn
	out    *gathering
	in     *bufio.Reader
	write  sync.Mutex
}

// newRawHTTP2Server starts a server. It calls serve for each connection after
// the exchange of the prefaces.
func newRawHTTP2Server(t testing.TB, serve func(*rawHTTP2)) *rawHTTP2Server {
	t.Helper()
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS() // for its certificate
	config := &tls.Config{Certificates: certificates.TLS.Certificates, NextProtos: []string{"h2"}}
	certificates.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &rawHTTP2Server{
		address: listener.Addr().String(),
		serve:   serve,
		resets:  make(map[uint32]uint32),
		wait:    make(chan struct{}, 10_000),
	}
	var open sync.Map
	t.Cleanup(func() {
		_ = listener.Close()
		open.Range(func(connection, _ any) bool { return connection.(net.Conn).Close() != nil || true })
	})
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(connection, nil)
			go s.begin(connection.(*net.TCPConn), config)
		}
	}()
	return s
}

func (s *rawHTTP2Server) begin(tcp *net.TCPConn, config *tls.Config) {
	out := &gathering{Conn: tcp}
	c := &rawHTTP2{Conn: tls.Server(out, config), server: s, tcp: tcp, out: out}
	defer tcp.Close()
	if c.Handshake() != nil {
		return
	}
	s.mutex.Lock()
	c.number = s.connections
	s.connections++
	s.mutex.Unlock()
	c.in = bufio.NewReader(c.Conn)
	preface := make([]byte, len(clientPreface))
	if _, err := io.ReadFull(c.in, preface); err != nil {
		return
	}
	c.frame(frameSettings, 0, 0)
	s.serve(c)
}

// seen returns how many requests and connections the server has had.
func (s *rawHTTP2Server) seen() (streams, connections int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.streams, s.connections
}

// each calls answer for each request until the connection ends, and otherwise
// does what an honest server does. It does not decode the request's fields: the
// tests know the order of the requests.
func (c *rawHTTP2) each(answer func(stream uint32)) {
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(c.in, head); err != nil {
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(c.in, payload); err != nil {
			return
		}
		stream := binary.BigEndian.Uint32(head[5:])
		switch ack := head[4]&flagAck != 0; head[3] {
		case frameSettings:
			if !ack {
				c.frame(frameSettings, flagAck, 0)
			}
		case framePing:
			if !ack {
				c.frame(framePing, flagAck, 0, payload...)
			}
		case frameReset:
			c.server.mutex.Lock()
			c.server.resets[stream] = binary.BigEndian.Uint32(payload)
			c.server.mutex.Unlock()
		case frameHeaders:
			c.server.mutex.Lock()
			c.server.streams++
			c.server.mutex.Unlock()
			answer(stream)
			c.server.wait <- struct{}{}
		}
	}
}

// frame writes any frame, valid or not.
func (c *rawHTTP2) frame(kind, flags byte, stream uint32, payload ...byte) {
	c.raw(append(frameHead(len(payload), kind, flags, stream), payload...))
}

func frameHead(length int, kind, flags byte, stream uint32) []byte {
	head := []byte{byte(length >> 16), byte(length >> 8), byte(length), kind, flags}
	return binary.BigEndian.AppendUint32(head, stream)
}

// raw writes bytes. It ignores a client that has left.
func (c *rawHTTP2) raw(bytes []byte) {
	c.write.Lock()
	defer c.write.Unlock()
	_, _ = c.Write(bytes)
}

// headers begins a response with these fields, given as names and values.
func (c *rawHTTP2) headers(stream uint32, flags byte, fields ...string) {
	c.frame(frameHeaders, flags|flagEndHeaders, stream, fieldBlock(fields...)...)
}

// longLine begins a response with one long field line, in as many frames as it
// needs.
func (c *rawHTTP2) longLine(stream uint32, flags byte, length int) {
	const most = 1 << 14
	block := fieldBlock(":status", "200", "x-long", strings.Repeat("x", length))
	for kind := byte(frameHeaders); len(block) > most; kind = frameContinuation {
		c.frame(kind, flags, stream, block[:most]...)
		flags, block = 0, block[most:]
	}
	c.frame(frameContinuation, flagEndHeaders, stream, block...)
}

// fieldBlock encodes the fields as literals without indexing [RFC 7541 §6.2.2].
func fieldBlock(fields ...string) (block []byte) {
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0)
		block = appendString(block, fields[i])
		block = appendString(block, fields[i+1])
	}
	return block
}

func appendString(block []byte, text string) []byte {
	if len(text) < 127 {
		return append(append(block, byte(len(text))), text...)
	}
	block = append(block, 127) // RFC 7541, section 5.1
	for rest := len(text) - 127; ; rest >>= 7 {
		if rest < 128 {
			return append(append(block, byte(rest)), text...)
		}
		block = append(block, byte(rest)|128)
	}
}

// code encodes an error code, stream identifier or window for a frame.
func code(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }

// goAway announces that streams above last are not processed.
func (c *rawHTTP2) goAway(last, errorCode uint32) {
	c.frame(frameGoAway, 0, 0, append(code(last), code(errorCode)...)...)
}

// The response to a stream, in two halves.
const secondHalf = "|and the second half"

func firstHalf(stream uint32) string { return fmt.Sprintf("stream %d, the first half", stream) }

// begin sends the first half of a response, with or without its length.
func (c *rawHTTP2) begin(stream uint32, announced bool) {
	fields := []string{":status", "200", "stream", fmt.Sprint(stream)}
	if announced {
		fields = append(fields, "content-length", fmt.Sprint(len(firstHalf(stream)+secondHalf)))
	}
	c.headers(stream, 0, fields...)
	c.data(stream, 0, firstHalf(stream))
}

func (c *rawHTTP2) finish(stream uint32) {
	c.data(stream, flagEndStream, secondHalf)
}

// good sends an honest response.
func (c *rawHTTP2) good(stream uint32) {
	c.begin(stream, false)
	c.finish(stream)
}

// together sends in one piece what send writes.
func (c *rawHTTP2) together(send func()) {
	c.out.keep = true
	send()
	_ = c.tcp.SetWriteDeadline(time.Time{}) // which CloseWrite has set
	_ = c.out.send(0)
}

// data sends a part of a response's body.
func (c *rawHTTP2) data(stream uint32, flags byte, text string) {
	c.frame(frameData, flags, stream, []byte(text)...)
}
