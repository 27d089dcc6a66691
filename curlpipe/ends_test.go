package curlpipe

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// TestResponseThatIsCut requires that a response whose header section has
// arrived is returned. Its body has the part that arrived, and then fails, even
// if all of it and the end of the connection arrive at once. Without a header
// section there is an error.
func TestResponseThatIsCut(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, each := range map[string]struct {
		answer string
		body   string
		fails  bool // no response
	}{
		"no byte":                  {answer: "", fails: true},
		"in the status line":       {answer: "HTTP/1.1 2", fails: true},
		"in the header section":    {answer: ok + "Content-Length: 9\r\n", fails: true},
		"after an interim section": {answer: "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", fails: true},
		"before the body":          {answer: ok + "Content-Length: 9\r\n\r\n"},
		"in the body":              {answer: ok + "Content-Length: 9\r\n\r\npart", body: "part"},
		"one byte early":           {answer: ok + "Content-Length: 5\r\n\r\npart", body: "part"},
		"after 40 kB":              {answer: ok + "Content-Length: 50000\r\n\r\n" + strings.Repeat("x", 40000), body: strings.Repeat("x", 40000)},
		"before a chunk":           {answer: ok + "Transfer-Encoding: chunked\r\n\r\n"},
		"in a chunk's size":        {answer: ok + "Transfer-Encoding: chunked\r\n\r\n4"},
		"in a chunk":               {answer: ok + "Transfer-Encoding: chunked\r\n\r\n6\r\npart", body: "part"},
		"behind a chunk":           {answer: ok + "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", body: "part"},
		"in the last chunk":        {answer: ok + "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n", body: "part"},
		"after an interim, body":   {answer: "HTTP/1.1 103 Early Hints\r\n\r\n" + ok + "Content-Length: 9\r\n\r\npart", body: "part"},
	} {
		t.Run(name, func(t *testing.T) {
			target := newRawServer(t, each.answer, true)
			for name, make := range map[string]http.RoundTripper{
				"net/http": &http.Transport{DisableKeepAlives: true},
				"curlpipe": newTestTransport(t, nil, &Transport{MaxRetries: -1}),
			} {
				response, err := make.RoundTrip(get(t, target))
				if each.fails {
					require.Error(t, err)
					if name == "curlpipe" { // net/http calls an incomplete status line malformed
						require.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), "%v", err)
						require.NotErrorIs(t, err, ErrMalformedResponse)
					}
					continue
				}
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, response.StatusCode)
				text, err := io.ReadAll(response.Body)
				require.Error(t, err)
				if name == "curlpipe" { // net/http returns another error in one of these cases
					require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				}
				require.Equal(t, each.body, string(text))
				require.NoError(t, response.Body.Close())
			}
		})
	}
}

// TestNoByteOfAResponse requires io.EOF from a server that closes instead of
// answering.
func TestNoByteOfAResponse(t *testing.T) {
	target := newRawServer(t, "", true)
	for name, roundTripper := range map[string]http.RoundTripper{
		"net/http": &http.Transport{DisableKeepAlives: true},
		"curlpipe": newTestTransport(t, nil, &Transport{MaxRetries: -1}),
	} {
		_, err := roundTripper.RoundTrip(get(t, target))
		require.ErrorIs(t, err, io.EOF, name)
		require.NotErrorIs(t, err, io.ErrUnexpectedEOF, name)
	}
}

func TestResponseThatIsCutIsAnErrorOfClient(t *testing.T) {
	client := newTestClient(t, nil, &Transport{})
	_, err := client.Do(t.Context(), get(t, newRawServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", true)))
	require.ErrorIs(t, err, curl.CurlError(curl.E_PARTIAL_FILE), "Client has whole responses only")
}

// TestCodingInAnyCase requires that the names of codings are compared without
// case [RFC 9110 §8.4.1].
func TestCodingInAnyCase(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			writer.Header().Set("Content-Encoding", request.URL.Path[1:])
			coder := gzip.NewWriter(writer)
			_, _ = io.WriteString(coder, "text")
			_ = coder.Close()
		})
		for name, make := range yardsticks {
			roundTripper := make(t, s)
			for coding, undone := range map[string]bool{"gzip": true, "GZIP": true, "gZip": true, "x-gzip": false, "gzip2": false} {
				response, err := roundTripper.RoundTrip(get(t, s.URL+"/"+coding))
				require.NoError(t, err)
				text := readAll(t, response)
				require.Equal(t, undone, text == "text", "%s, %s", name, coding)
				require.Equal(t, undone, response.Uncompressed)
			}
		}
	})
}

// TestCodedBodyIsClosedWhileItIsRead requires that Close ends a Read, and that
// no other coincidence of the two is an error.
func TestCodedBodyIsClosedWhileItIsRead(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		goOn := make(chan struct{})
		s := newServer(t, overTLS, func(writer http.ResponseWriter, request *http.Request) {
			writer.Header().Set("Content-Encoding", "gzip")
			coder := gzip.NewWriter(writer)
			for i := range 10 {
				fmt.Fprintf(coder, "line %d\n", i)
				_ = coder.Flush()
				_ = http.NewResponseController(writer).Flush()
			}
			select {
			case <-goOn:
			case <-request.Context().Done():
			}
		})
		defer close(goOn)
		transport := newTestTransport(t, s, &Transport{MaxAbandonedTime: 1})
		for _, before := range []int{0, 1, 70} { // bytes that are read before Close is called
			response := open(t.Context(), t, transport, s.URL)
			_, err := io.ReadFull(response.Body, make([]byte, before))
			require.NoError(t, err)
			var group sync.WaitGroup
			for range 2 {
				group.Go(func() {
					_, err := io.Copy(io.Discard, response.Body)
					if err == nil {
						t.Error("the body has an end, which never came")
					}
				})
			}
			group.Go(func() { _ = response.Body.Close() })
			group.Wait()
			_, err = response.Body.Read(make([]byte, 1))
			require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
		}
	})
}

// TestCodedBodyThatIsNot requires that every Read of the body fails.
func TestCodedBodyThatIsNot(t *testing.T) {
	var whole bytes.Buffer
	coder := gzip.NewWriter(&whole)
	_, _ = io.WriteString(coder, "text")
	_ = coder.Close()
	for name, content := range map[string]string{
		"plain": "this is plain text", "cut": whole.String()[:whole.Len()-6], "sum": whole.String()[:whole.Len()-8] + "12345678",
	} {
		t.Run(name, func(t *testing.T) {
			transport := newTestTransport(t, nil, &Transport{})
			answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
			response := open(t.Context(), t, transport, newRawServer(t, answer, false))
			_, err := io.ReadAll(response.Body)
			require.Error(t, err)
			_, again := response.Body.Read(make([]byte, 1))
			require.Equal(t, err, again)
		})
	}
}
