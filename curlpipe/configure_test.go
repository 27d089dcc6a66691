package curlpipe

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/cshim"
)

// configured are the options of doc.go's table, each with a value that would
// break something if it took effect, and with the expected result of a request
// to /x, or to path. An empty result means the normal answer to an unchanged
// request.
var configured = []struct {
	name   string
	option int
	value  any
	path   string
	fails  string
}{
	{"URL", curl.OPT_URL, "http://127.0.0.1:1/", "", ""},
	{"PORT", curl.OPT_PORT, 1, "", ""},
	{"HTTPHEADER", curl.OPT_HTTPHEADER, []string{"X-Y: z"}, "", ""},
	{"USERAGENT", curl.OPT_USERAGENT, "another", "", ""},
	{"CUSTOMREQUEST", curl.OPT_CUSTOMREQUEST, "DELETE", "", ""},
	{"NOBODY", curl.OPT_NOBODY, true, "", ""},
	{"POST", curl.OPT_POST, true, "", ""},
	{"POSTFIELDS", curl.OPT_POSTFIELDS, "x=y", "", ""},
	{"UPLOAD", curl.OPT_UPLOAD, true, "", ""},
	{"PROXY", curl.OPT_PROXY, "http://127.0.0.1:1", "", ""},
	{"HTTPPROXYTUNNEL", curl.OPT_HTTPPROXYTUNNEL, true, "", ""},
	{"RESOLVE", curl.OPT_RESOLVE, []string{"*:80:127.0.0.9"}, "", ""},
	{"CONNECT_TO", 10243, []string{"::127.0.0.1:1"}, "", ""},
	{"UNIX_SOCKET_PATH", 10231, "/nowhere", "", ""},
	{"INTERFACE", curl.OPT_INTERFACE, "127.0.0.1", "", "Failed binding local connection end"},
	{"LOCALPORT", curl.OPT_LOCALPORT, 40000, "", "Failed binding local connection end"},
	{"HTTP_VERSION", curl.OPT_HTTP_VERSION, curl.HTTP_VERSION_1_0, "", ""},
	{"PIPEWAIT", optPipeWait, false, "", ""},
	{"PROTOCOLS", optProtocols, 1 << 2, "", ""},
	{"REDIR_PROTOCOLS", optRedirProtocols, 1 << 2, "", ""},
	{"NOSIGNAL", curl.OPT_NOSIGNAL, false, "", ""},
	{"HEADER", curl.OPT_HEADER, true, "", ""},
	{"CONNECT_ONLY", curl.OPT_CONNECT_ONLY, true, "", ""},
	{"IGNORE_CONTENT_LENGTH", curl.OPT_IGNORE_CONTENT_LENGTH, true, "", ""},
	{"HTTP_TRANSFER_DECODING", 157, true, "/chunked", ""},
	{"HTTP_CONTENT_DECODING", 158, true, "", ""},
	{"FOLLOWLOCATION", curl.OPT_FOLLOWLOCATION, true, "/elsewhere", ""},
	{"COOKIEFILE", curl.OPT_COOKIEFILE, "", "", ""},
}

// documented are the options of that table, in its order.
func documented(t *testing.T) (names []string) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "// # Configure\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "// # ")
	for _, row := range regexp.MustCompile(`(?m)^//\t(.{1,34})`).FindAllStringSubmatch(table, -1) {
		names = append(names, regexp.MustCompile(`\b[A-Z][A-Z_]{2,}\b`).FindAllString(row[1], -1)...)
	}
	return names
}

// The table in doc.go describes what happens to options that Configure sets.
func TestOptionsThroughConfigure(t *testing.T) {
	other := newServer(t, false, echo)
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/elsewhere":
			http.Redirect(writer, request, other.URL, http.StatusFound)
		case "/chunked":
			writer.(http.Flusher).Flush()
		}
		fmt.Fprintf(writer, "%s %s %s %v", request.Method, request.URL, request.Proto, request.Header)
	})
	plain := newTestTransport(t, s, &Transport{})
	names := []string{"PRIVATE"} // TestFieldsThatAreRefused covers it
	for _, each := range configured {
		names = append(names, each.name)
		t.Run(each.name, func(t *testing.T) {
			target := s.URL + "/x"
			if each.path != "" {
				target = s.URL + each.path
			}
			var list *cshim.List // go-curl frees none of the lists that it makes
			if lines, ok := each.value.([]string); ok {
				var err error
				list, err = cshim.NewList(lines)
				require.NoError(t, err)
				t.Cleanup(list.Free)
			}
			transport := newTestTransport(t, s, &Transport{Configure: func(easy *curl.CURL) error {
				if list != nil {
					if code := list.Set(easy.GetHandle(), each.option); code != 0 {
						return curl.CurlError(code)
					}
					return nil
				}
				err := easy.Setopt(each.option, each.value)
				if err == curl.CurlError(curl.E_UNKNOWN_TELNET_OPTION) {
					return nil // CURLE_UNKNOWN_OPTION under its older name: this libcurl lacks the option
				}
				return err
			}})
			for range 2 {
				response, err := transport.RoundTrip(get(t, target))
				var body []byte
				if err == nil {
					body, err = io.ReadAll(response.Body)
					response.Body.Close()
				}
				if each.fails != "" {
					require.ErrorContains(t, err, each.fails)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, readAll(t, open(t.Context(), t, plain, target)), string(body))
			}
		})
	}
	require.ElementsMatch(t, names, documented(t))
}
