package curlpipe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sections are seeds: typical header sections, and worse ones.
var sections = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
	"HTTP/1.1 404\r\nX: \r\n\r\n",
	"HTTP/2 204 \r\nx-a: 1\r\nx-a: 2\r\n\r\n",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, x\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nX-Long: a\r\n\t b\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"HTTP/1.1 999 \r\n: nothing\r\n\r\n",
	"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
}

// FuzzNewResponse reads header and trailer sections of any kind. Where net/http
// reads a response as well, it has the same status and the same fields.
func FuzzNewResponse(f *testing.F) {
	for _, section := range sections {
		f.Add(section, "X-Sum: 1\r\n\r\n")
	}
	request, err := http.NewRequest(http.MethodGet, "http://example.com/", nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, section, trailer string) {
		header, _, _ := strings.Cut(section, "\r\n\r\n")
		header += "\r\n\r\n"
		ours, err := newResponse(request, &call{asked: request, header: header, trailer: trailer})
		if err != nil {
			require.ErrorIs(t, err, ErrMalformedResponse)
			return
		}
		require.GreaterOrEqual(t, ours.StatusCode, 100)
		require.LessOrEqual(t, ours.StatusCode, 999)
		theirs, err := http.ReadResponse(bufio.NewReader(strings.NewReader(header)), request)
		if err != nil || ours.ProtoMajor != 1 {
			return
		}
		defer theirs.Body.Close()
		require.Equal(t, theirs.StatusCode, ours.StatusCode)
		require.Equal(t, theirs.Proto, ours.Proto)
		if strings.ContainsAny(strings.ReplaceAll(header, "\r\n", ""), "\r\n") || strings.Contains(header, "\n ") || strings.Contains(header, "\n\t") {
			return // readers differ about where these lines end or continue
		}
		for name, values := range theirs.Header {
			switch name {
			case "Connection", "Content-Length", "Transfer-Encoding", "Trailer":
				continue // each reader removes some of them
			}
			require.Equal(t, values, ours.Header[name], name)
		}
	})
}

// FuzzServer has a server answer with any bytes and then close. Whatever the
// bytes are, the request ends, and a request to another server gets its own
// response.
func FuzzServer(f *testing.F) {
	for _, section := range sections {
		f.Add([]byte(section))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	f.Cleanup(func() { listener.Close() })
	var answer atomic.Pointer[[]byte]
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				if _, err := http.ReadRequest(bufio.NewReader(connection)); err == nil {
					_, _ = connection.Write(*answer.Load())
				}
			}()
		}
	}()
	honest := newServer(f, false, echo)
	other := strings.Replace(honest.URL, "127.0.0.1", "localhost", 1)
	var number atomic.Int64
	f.Fuzz(func(t *testing.T, bytes []byte) {
		answer.Store(&bytes)
		// only an announced body that never arrives takes that long
		transport := &Transport{StallTimeout: time.Minute, MaxResponseHeaderBytes: 1 << 16}
		defer transport.Close()
		if response, err := transport.RoundTrip(get(t, "http://"+listener.Addr().String())); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		path := fmt.Sprintf("/%d", number.Add(1))
		response, err := transport.RoundTrip(get(t, other+path))
		require.NoError(t, err)
		require.Equal(t, "you asked for "+path, readAll(t, response))
	})
}
