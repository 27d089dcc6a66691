package likestock_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// clone names the variable with a clone of curl's repository.
const clone = "CURLPIPE_CURL_CLONE"

// startAnswers starts a TLS server that answers each line with "answer", and
// sends nothing else.
func startAnswers(t *testing.T) net.Listener {
	t.Helper()
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	certificates.Close()
	return listenTLS(t, &tls.Config{
		Certificates: certificates.TLS.Certificates,
		MaxVersion:   tls.VersionTLS12, // later ones send tickets on their own
	}, func(connection net.Conn) {
		defer connection.Close()
		for lines := bufio.NewScanner(connection); lines.Scan(); {
			io.WriteString(connection, "answer")
		}
	})
}

// TestAskingForTheSocketTakesNothing requires that what the application polls for
// is still there after CURLINFO_ACTIVESOCKET and CURLINFO_LASTSOCKET. From 7.49.0
// to 7.51.0 libcurl asks the TLS library whether the connection is alive.
func TestAskingForTheSocketTakesNothing(t *testing.T) {
	for _, version := range []string{"7.50.0", "7.51.0", "7.53.1"} {
		t.Run(version, func(t *testing.T) {
			var arguments []string
			if version != "7.53.1" {
				repository := os.Getenv(clone)
				if repository == "" {
					t.Skip("n/a: needs libcurl " + version + "; set " + clone + " to a clone of curl's repository")
				}
				arguments = []string{"--source", repository, "--version", version}
			}
			compare(t, "testdata/activesocket.c", func(t *testing.T, library, made string) {
				server := startAnswers(t)
				said, err := program.Command(library, made, "https://"+server.Addr().String()+"/").CombinedOutput()
				require.NoError(t, err, "%s", said)
				require.Equal(t, "0 1\n0 1 1\n0 answer\n", string(said))
			}, arguments...)
		})
	}
}
