package curlpipe

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// failingConn is a connection of the caller's that fails in its own way.
type failingConn struct {
	net.Conn
	read  error // after what has arrived, instead of the end
	write error
}

func (c *failingConn) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if err == io.EOF && c.read != nil {
		err = c.read
	}
	return n, err
}

func (c *failingConn) Write(from []byte) (int, error) {
	if c.write != nil {
		return 0, c.write
	}
	return c.Conn.Write(from)
}

// TestErrorOfAnOwnConnection requires that a program finds the error of a net.Conn
// of its own, and a deadline's, with both transports: before the response, and in its
// body.
func TestErrorOfAnOwnConnection(t *testing.T) {
	broken := errors.New("the modem has hung up")
	part := func(connection net.Conn) {
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
	}
	silent := func(then func(net.Conn)) func(net.Conn) {
		return func(connection net.Conn) {
			then(connection)
			_, _ = io.Copy(io.Discard, connection)
		}
	}
	wrap := func(change func(*failingConn)) func(net.Conn) net.Conn {
		return func(connection net.Conn) net.Conn {
			failing := &failingConn{Conn: connection}
			change(failing)
			return failing
		}
	}
	late := wrap(func(c *failingConn) { _ = c.SetDeadline(time.Now().Add(50 * time.Millisecond)) })
	bare := func(then func(net.Conn)) func(net.Conn) net.Conn {
		return func(connection net.Conn) net.Conn {
			then(connection)
			return connection
		}
	}
	lateBare := bare(func(c net.Conn) { _ = c.SetDeadline(time.Now().Add(50 * time.Millisecond)) })
	lateRead := bare(func(c net.Conn) { _ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)) })
	soon := bare(func(c net.Conn) { // once the transport has it
		time.AfterFunc(50*time.Millisecond, func() { _ = c.SetDeadline(time.Now().Add(time.Millisecond)) })
	})
	closed := bare(func(c net.Conn) { time.AfterFunc(50*time.Millisecond, func() { _ = c.Close() }) })
	lateWrite := bare(func(c net.Conn) { _ = c.SetWriteDeadline(time.Now().Add(-time.Second)) })
	soonWrite := bare(func(c net.Conn) { _ = c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)) })
	endless := func(request *http.Request) {
		request.Method, request.Body = http.MethodPost, io.NopCloser(zeros{})
	}
	flood := func(connection net.Conn) {
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\n\r\n")
		for {
			if _, err := connection.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	for name, each := range map[string]struct {
		serve func(net.Conn)
		wrap  func(net.Conn) net.Conn
		is    error
		asks  func(*http.Request)
	}{
		"read, before the response":     {serve: func(net.Conn) {}, wrap: wrap(func(c *failingConn) { c.read = broken }), is: broken},
		"read, in the body":             {serve: part, wrap: wrap(func(c *failingConn) { c.read = broken }), is: broken},
		"write":                         {serve: silent(func(net.Conn) {}), wrap: wrap(func(c *failingConn) { c.write = broken }), is: broken},
		"deadline, before the response": {serve: silent(func(net.Conn) {}), wrap: late, is: os.ErrDeadlineExceeded},
		"deadline, in the body":         {serve: silent(part), wrap: late, is: os.ErrDeadlineExceeded},
		"bare, before the response":     {serve: silent(func(net.Conn) {}), wrap: lateBare, is: os.ErrDeadlineExceeded},
		"bare, in the body":             {serve: silent(part), wrap: lateBare, is: os.ErrDeadlineExceeded},
		"bare, while bytes arrive":      {serve: flood, wrap: lateBare, is: os.ErrDeadlineExceeded},
		"bare, for reading":             {serve: silent(part), wrap: lateRead, is: os.ErrDeadlineExceeded},
		"bare, set later":               {serve: silent(part), wrap: soon, is: os.ErrDeadlineExceeded},
		"bare, set while bytes arrive":  {serve: flood, wrap: soon, is: os.ErrDeadlineExceeded},
		"bare, for writing":             {serve: func(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) }, wrap: lateWrite, is: os.ErrDeadlineExceeded},
		"bare, while a body is sent":    {serve: func(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) }, wrap: soonWrite, is: os.ErrDeadlineExceeded, asks: endless},
		"closed, before the response":   {serve: silent(func(net.Conn) {}), wrap: closed, is: net.ErrClosed},
		"closed, in the body":           {serve: silent(part), wrap: closed, is: net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return each.wrap(connection), nil
			}}) {
				request := get(t, "http://"+rawConns(t, nil, each.serve))
				if each.asks != nil {
					each.asks(request)
				}
				err := failureOf(t, roundTripper, request)
				if name == "write" && which == "net/http" && errors.Is(err, net.ErrClosed) {
					continue // it has closed the connection, and now and then reports that
				}
				require.ErrorIs(t, err, each.is, which)
				var network net.Error
				require.Equal(t, each.is == os.ErrDeadlineExceeded, errors.As(err, &network) && network.Timeout(), "%s: %v", which, err)
			}
		})
	}
}

// TestDeadlineAtRest requires that a connection whose deadline has passed is not used
// again, whether libcurl has its socket or not.
func TestDeadlineAtRest(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"wrapped": func(c net.Conn) net.Conn { return struct{ net.Conn }{c} },
		"bare":    func(c net.Conn) net.Conn { return c },
	} {
		t.Run(name, func(t *testing.T) { testDeadlineAtRest(t, wrap) })
	}
}

func testDeadlineAtRest(t *testing.T, wrap func(net.Conn) net.Conn) {
	s := newServer(t, false, echo)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(connection), connection.SetDeadline(time.Now().Add(50 * time.Millisecond))
	}}) {
		before := s.accepted.Load()
		for s.accepted.Load() < before+2 {
			response, err := roundTripper.RoundTrip(get(t, s.URL+"/x"))
			if err == nil { // otherwise the deadline has passed meanwhile
				require.Equal(t, "you asked for /x", readAll(t, response), which)
			}
		}
	}
}

// TestOwnConnectionIsClosed requires that a net.Conn of the caller's is closed when
// its HTTP connection ends, so that the server sees the end: when the transport closes
// it at rest, when the server closes it, and with the transport.
func TestOwnConnectionIsClosed(t *testing.T) {
	for name, end := range map[string]func(s *server, transport *Transport){
		"at rest":     func(_ *server, transport *Transport) { transport.CloseIdleConnections() },
		"by a server": func(s *server, _ *Transport) { s.CloseClientConnections() },
		"Close":       func(_ *server, transport *Transport) { _ = transport.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, false, echo)
			var own net.Conn
			transport := newTestTransport(t, nil, &Transport{DialContext: func(ctx context.Context, network, address string) (_ net.Conn, err error) {
				own, err = (&net.Dialer{}).DialContext(ctx, network, address)
				return own, err
			}})
			readAll(t, open(t.Context(), t, transport, s.URL+"/x"))
			require.NoError(t, own.SetDeadline(time.Time{}), "it is open")
			end(s, transport)
			if name != "Close" { // which returns when this is done
				until(t, func() bool { return own.SetDeadline(time.Time{}) != nil }, "it is closed")
			}
			require.ErrorIs(t, own.SetDeadline(time.Time{}), net.ErrClosed)
		})
	}
}

// zeros is a body without end.
type zeros struct{}

func (zeros) Read(into []byte) (int, error) { return len(into), nil }
