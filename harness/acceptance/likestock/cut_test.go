package likestock_test

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// cuts are the beginnings of responses, each of which is followed by the end of the
// connection.
func cuts() []string {
	var all []string
	for _, whole := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n \r\nX-A: b\r\n\r\nhello",
		"HTTP/1.1 200 OK\nContent-Length: 5\n\t\n  \nX-A: b\n\nhello",
		"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.0 404 Not Found\r\nConnection: close\r\n \r\nContent-Length: 5\r\n\t \r\n\r\nhello",
	} {
		for end := range len(whole) + 1 {
			all = append(all, whole[:end])
		}
	}
	return all
}

// TestCutResponses requires that a response that is cut anywhere ends as with stock:
// within a line that continues a field, too, which the series looks at before it takes
// the field.
func TestCutResponses(t *testing.T) {
	all := cuts()
	port := serveCuts(t, all)
	ends := map[string]string{}
	compare(t, "testdata/cut.c", func(t *testing.T, library, made string) {
		said, err := program.Command(library, made, port, strconv.Itoa(len(all))).Output()
		require.NoError(t, err)
		ends[t.Name()] = string(said)
	})
	stock := strings.Split(ends[t.Name()+"/stock"], "\n")
	patched := strings.Split(ends[t.Name()+"/patched"], "\n")
	require.Len(t, stock, len(all)+1)
	require.Len(t, patched, len(all)+1)
	require.Contains(t, stock, "18 200 5", "a length and no body")
	for i, cut := range all {
		require.Equal(t, stock[i], patched[i], "%q", cut)
	}
}

// serveCuts answers a request for /N with the Nth of all texts and closes its
// connection.
func serveCuts(t *testing.T, all []string) (port string) {
	t.Helper()
	listener := listen(t, func(connection net.Conn) {
		request, err := http.ReadRequest(bufio.NewReader(connection))
		if err == nil {
			number, _ := strconv.Atoi(strings.TrimPrefix(request.URL.Path, "/"))
			_, _ = connection.Write([]byte(all[number]))
		}
		connection.Close()
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}
