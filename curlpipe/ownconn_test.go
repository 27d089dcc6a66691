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
	for name, each := range map[string]struct {
		serve func(net.Conn)
		wrap  func(net.Conn) net.Conn
		is    error
	}{
		"read, before the response":     {func(net.Conn) {}, wrap(func(c *failingConn) { c.read = broken }), broken},
		"read, in the body":             {part, wrap(func(c *failingConn) { c.read = broken }), broken},
		"write":                         {silent(func(net.Conn) {}), wrap(func(c *failingConn) { c.write = broken }), broken},
		"deadline, before the response": {silent(func(net.Conn) {}), late, os.ErrDeadlineExceeded},
		"deadline, in the body":         {silent(part), late, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return each.wrap(connection), nil
			}}) {
				err := failureOf(t, roundTripper, get(t, "http://"+rawConns(t, nil, each.serve)))
				require.ErrorIs(t, err, each.is, which)
				var network net.Error
				require.Equal(t, each.is == os.ErrDeadlineExceeded, errors.As(err, &network) && network.Timeout(), "%s: %v", which, err)
			}
		})
	}
}

// TestDeadlineAtRest requires that a connection whose deadline has passed is not used
// again.
func TestDeadlineAtRest(t *testing.T) {
	s := newServer(t, false, echo)
	for which, roundTripper := range likeHTTPTransport(t, &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			err = connection.SetDeadline(time.Now().Add(50 * time.Millisecond))
		}
		return struct{ net.Conn }{connection}, err
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
