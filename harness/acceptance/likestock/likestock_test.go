// Package likestock_test compares the patched libcurl with stock where stock does
// the right thing: what a program that does not pipeline over HTTP/1.1 gets from
// the patched library is what it gets from stock.
package likestock_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// compare runs a test with one C program and both libraries. The test requires
// the same outcome of both. Arguments of scripts/build-libcurl may choose another
// source than the default one.
func compare(t *testing.T, source string, test func(t *testing.T, library, made string), arguments ...string) {
	t.Helper()
	stock := program.Libcurl(t, append([]string{"--variant", "stock", "--features", "full"}, arguments...)...)
	patched := program.Libcurl(t, append([]string{"--variant", "patched", "--features", "full"}, arguments...)...)
	made := program.Compile(t, stock, []string{source})
	t.Run("stock", func(t *testing.T) { test(t, stock, made) })
	t.Run("patched", func(t *testing.T) { test(t, patched, made) })
}

// listen listens on loopback until the test has ended, and calls a function for each
// connection.
func listen(t *testing.T, serve func(net.Conn)) net.Listener {
	t.Helper()
	return listenTLS(t, nil, serve)
}

// listenTLS does the same over TLS, if there is a configuration.
func listenTLS(t *testing.T, config *tls.Config, serve func(net.Conn)) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(connection)
		}
	}()
	return listener
}
