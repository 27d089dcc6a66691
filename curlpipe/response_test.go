package curlpipe

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

func TestResponses(t *testing.T) {
	for name, each := range map[string]struct {
		answer string
		check  func(t *testing.T, response *http.Response, body string)
	}{
		"plain": {
			"HTTP/1.1 200 OK\r\nX-Two: a\r\nx-two:  b \r\nContent-Length: 3\r\n\r\nabc",
			func(t *testing.T, response *http.Response, body string) {
				require.Equal(t, "200 OK", response.Status)
				require.Equal(t, []string{"a", "b"}, response.Header["X-Two"])
				require.EqualValues(t, 3, response.ContentLength)
				require.False(t, response.Close)
				require.Equal(t, "abc", body)
			},
		},
		"no reason phrase": {
			"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
			func(t *testing.T, response *http.Response, body string) {
				require.Equal(t, 404, response.StatusCode)
				require.Equal(t, "404", response.Status)
				require.Equal(t, http.NoBody, response.Body)
			},
		},
		"no content": {
			"HTTP/1.1 204 No Content\r\n\r\n",
			func(t *testing.T, response *http.Response, body string) {
				require.EqualValues(t, 0, response.ContentLength)
			},
		},
		"chunked with trailer": {
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n",
			func(t *testing.T, response *http.Response, body string) {
				require.Equal(t, "abcde", body)
				require.EqualValues(t, -1, response.ContentLength)
				require.Equal(t, []string{"chunked"}, response.TransferEncoding)
				require.Empty(t, response.Header["Transfer-Encoding"])
				require.Equal(t, http.Header{"X-Sum": {"9"}}, response.Trailer)
			},
		},
		"interim responses": {
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz",
			func(t *testing.T, response *http.Response, body string) {
				require.Equal(t, 200, response.StatusCode)
				require.Empty(t, response.Header["Link"])
				require.Equal(t, "z", body)
			},
		},
		"folded field line": {
			"HTTP/1.1 200 OK\r\nX-Long: a\r\n\t b\r\nContent-Length: 0\r\n\r\n",
			func(t *testing.T, response *http.Response, body string) {
				require.Equal(t, []string{"a b"}, response.Header["X-Long"])
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := newRawServer(t, each.answer, false)
			client := newTestClient(t, nil, &Transport{})
			for range 2 { // the second request follows the first on its connection
				response, err := client.Do(t.Context(), get(t, url))
				require.NoError(t, err)
				each.check(t, response, readAll(t, response))
			}
			require.EqualValues(t, 1, client.Stats().ConnectionsOpened)
		})
	}
}

// TestLengthOfNoBody requires that both transports say the same about the length of
// a body that is not there.
func TestLengthOfNoBody(t *testing.T) {
	for _, status := range []string{"204 No Content", "304 Not Modified", "200 OK"} {
		for _, field := range []string{"", "Content-Length: 500\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if status == "200 OK" && method == http.MethodGet {
					continue
				}
				url := newRawServer(t, "HTTP/1.1 "+status+"\r\n"+field+"\r\n", false)
				seen := make(map[string]string)
				for which, roundTripper := range bothTransports(t, nil) {
					request := get(t, url)
					request.Method = method
					response, err := roundTripper.RoundTrip(request)
					require.NoError(t, err, which)
					require.Empty(t, readAll(t, response))
					seen[which] = fmt.Sprint(response.Status, response.ContentLength, response.TransferEncoding, response.Header)
				}
				require.Equal(t, seen["net/http"], seen["curlpipe"], "%s %s %q", method, status, field)
			}
		}
	}
}

// TestSectionsBeyondLibcurl requires that a header section over libcurl's own limits,
// which differ from release to release, arrives or fails with an error that names
// the limit.
func TestSectionsBeyondLibcurl(t *testing.T) {
	for name, each := range map[string]struct {
		fields string
		limit  string // that the error names
	}{
		"line of 150 kB":    {"X-Long: " + strings.Repeat("x", 150_000) + "\r\n", "100 kB|102400"},
		"section of 400 kB": {strings.Repeat("X-Long: "+strings.Repeat("x", 9_000)+"\r\n", 44), "307200"},
	} {
		t.Run(name, func(t *testing.T) {
			url := newRawServer(t, "HTTP/1.1 200 OK\r\n"+each.fields+"Content-Length: 0\r\n\r\n", false)
			response, err := newTestTransport(t, nil, &Transport{}).RoundTrip(get(t, url))
			if err == nil {
				require.Len(t, strings.Join(response.Header["X-Long"], ""), strings.Count(each.fields, "x"))
				return
			}
			require.ErrorIs(t, err, ErrResponseTooLarge)
			require.Regexp(t, each.limit, err.Error())
		})
	}
}

func TestBodyUntilTheConnectionCloses(t *testing.T) {
	url := newRawServer(t, "HTTP/1.0 200 OK\r\n\r\nall of it", true)
	client := newTestClient(t, nil, &Transport{})
	response, err := client.Do(t.Context(), get(t, url))
	require.NoError(t, err)
	require.True(t, response.Close)
	require.EqualValues(t, -1, response.ContentLength)
	require.Equal(t, "all of it", readAll(t, response))
}

func TestBadResponses(t *testing.T) {
	for name, each := range map[string]struct {
		answer string
		err    error
	}{
		"not HTTP":               {"hello\r\n\r\n", ErrMalformedResponse},
		"nothing":                {"", curl.CurlError(curl.E_GOT_NOTHING)},
		"body cut short":         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", curl.CurlError(curl.E_PARTIAL_FILE)},
		"field line w/o colon":   {"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n", ErrMalformedResponse},
		"space before the colon": {"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", ErrMalformedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			url := newRawServer(t, each.answer, true)
			client := newTestClient(t, nil, &Transport{})
			_, err := client.Do(t.Context(), get(t, url))
			require.ErrorIs(t, err, each.err)
			require.EqualValues(t, 1, client.Stats().Failed)
		})
	}
}

func TestReadAfterClose(t *testing.T) {
	client := newTestClient(t, newServer(t, false, echo), &Transport{})
	response, err := client.Do(t.Context(), get(t, newServer(t, false, echo).URL))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	_, err = io.ReadAll(response.Body)
	require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
	_, err = io.Copy(io.Discard, response.Body)
	require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
}

// FuzzParseFields compares our parser of header sections with net/textproto's.
func FuzzParseFields(f *testing.F) {
	f.Add("A: b\r\nC: d\r\n c\r\nA: e\r\n\r\n")
	f.Add("A:\r\nB : c\r\n")
	f.Add(" x\r\n")
	f.Fuzz(func(t *testing.T, section string) {
		ours, err := parseFields(section)
		theirs, theirErr := textproto.NewReader(bufio.NewReader(strings.NewReader(section + "\r\n\r\n"))).ReadMIMEHeader()
		if err != nil || theirErr != nil || strings.Contains("\n"+section, "\n\n") || strings.Contains("\n"+section, "\n\r\n") {
			return // they end at an empty line, which libcurl does not deliver here
		}
		require.Equal(t, oneSpace(theirs), oneSpace(ours))
	})
}

// oneSpace replaces each run of white space in a header section by one space: a
// fold may become one space or more (RFC 9112, section 5.2). It removes white
// space after a name, which net/textproto keeps as part of the name.
func oneSpace[header ~map[string][]string](fields header) string {
	for name, values := range fields {
		if bare := textproto.CanonicalMIMEHeaderKey(strings.TrimRight(name, " \t")); bare != name {
			delete(fields, name)
			fields[bare] = append(fields[bare], values...)
		}
		for i := range values {
			values[i] = strings.Join(strings.Fields(values[i]), " ")
		}
	}
	return fmt.Sprintf("%q", map[string][]string(fields))
}
