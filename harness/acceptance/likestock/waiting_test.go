package likestock_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// TestWaitingHandlesGetTheirTurn requires that a handle that waits because of a limit of
// connections gets the connection that another one leaves, whatever has become of that
// one's transfer, and though a third one cannot have its own.
func TestWaitingHandlesGetTheirTurn(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	silent := listen(t, func(connection net.Conn) { _, _ = io.Copy(io.Discard, connection) })
	ftp := "ftp://" + startFTP(t).Addr().String() + "/"
	good, noFile, noFolder := ftp+"dir/hello", ftp+"dir/nofile", ftp+"nodir/hello"
	direct, proxied := server.URL, server.URL+"@http://"+silent.Addr().String()
	cases := map[string]struct {
		limits []string
		urls   []string
		codes  string
	}{
		"no file":             {[]string{"host", "total"}, []string{noFile, noFile, noFile}, "78 78 78"},
		"no folder":           {[]string{"host", "total"}, []string{noFolder, noFolder, noFolder}, "9 9 9"},
		"among good ones":     {[]string{"host", "total"}, []string{noFile, good, noFolder, good}, "78 0 9 0"},
		"HTTP waits as well":  {[]string{"total"}, []string{noFile, direct, noFile}, "78 0 78"},
		"a proxy that hangs":  {[]string{"host"}, []string{proxied, proxied, direct, direct, proxied}, "waits waits 0 0 waits"},
		"added after others":  {[]string{"host"}, []string{proxied, direct, proxied, direct, direct}, "waits 0 waits 0 0"},
		"direct before those": {[]string{"host"}, []string{direct, direct, proxied, direct, proxied}, "0 0 waits 0 waits"},
	}
	compare(t, "testdata/waiting.c", func(t *testing.T, library, made string) {
		for name, each := range cases {
			for _, limit := range each.limits {
				for _, driver := range drivers {
					done := strconv.Itoa(len(each.urls) - strings.Count(each.codes, "waits"))
					said, err := program.Command(library, made, append([]string{driver, limit, done}, each.urls...)...).CombinedOutput()
					require.NoError(t, err, "%s", said)
					require.Equal(t, each.codes, strings.Join(strings.Fields(string(said)), " "), "%s, a limit for %s, %s", name, limit, driver)
				}
			}
		}
	})
}
