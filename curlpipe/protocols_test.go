package curlpipe

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// protocolsOf makes a set of HTTP/1 (1), HTTP/2 (2) and HTTP/2 without TLS (4).
func protocolsOf(bits int) *http.Protocols {
	set := new(http.Protocols)
	set.SetHTTP1(bits&1 != 0)
	set.SetHTTP2(bits&2 != 0)
	set.SetUnencryptedHTTP2(bits&4 != 0)
	return set
}

// TestProtocols goes through all sets of protocols of the client and of the server, over
// TLS and without. A libcurl without HTTP/2 has to refuse the sets that need it.
func TestProtocols(t *testing.T) {
	for offered := 1; offered < 8; offered++ {
		for _, overTLS := range []bool{false, true} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
				_, _ = io.WriteString(writer, request.Proto)
			}))
			server.Config.ErrorLog = quiet()
			server.Config.Protocols = protocolsOf(offered)
			if overTLS {
				server.EnableHTTP2 = server.Config.Protocols.HTTP2()
				server.StartTLS()
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			config := &tls.Config{}
			if overTLS {
				config.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			}
			for wanted := range 8 {
				seen := make(map[string]string)
				theirs := &http.Transport{TLSClientConfig: config.Clone(), Protocols: protocolsOf(wanted)}
				ours, err := FromHTTPTransport(theirs)
				require.NoError(t, err)
				for which, roundTripper := range map[string]http.RoundTripper{"net/http": theirs, "curlpipe": ours} {
					response, err := roundTripper.RoundTrip(get(t, server.URL))
					if err == nil { // the second uses the same connection and the same easy handle
						readAll(t, response)
						response, err = roundTripper.RoundTrip(get(t, server.URL))
					}
					switch {
					case errors.Is(err, ErrUnsupportedByLibcurl):
						require.ErrorContains(t, err, "Protocols without HTTP1")
						seen[which] = "no HTTP/2"
					case err != nil:
						seen[which] = "error"
					default:
						seen[which] = response.Proto + " " + readAll(t, response)
					}
				}
				theirs.CloseIdleConnections()
				require.NoError(t, ours.Close())
				if !multiplexes(t) && wanted&1 == 0 && wanted != 0 {
					seen["net/http"] = "no HTTP/2"
				}
				if !multiplexes(t) && overTLS && offered&3 == 3 && wanted&3 == 3 {
					seen["net/http"] = "HTTP/1.1 HTTP/1.1" // pipelined
				}
				if !multiplexes(t) && overTLS && offered&3 == 2 && wanted&3 == 3 {
					seen["net/http"] = "error"
				}
				require.Equal(t, seen["net/http"], seen["curlpipe"], "client %v, server %v, TLS %t", protocolsOf(wanted), protocolsOf(offered), overTLS)
			}
		}
	}
}

// TestGODEBUGDisablesHTTP2 requires that FromHTTPTransport follows http2client.
func TestGODEBUGDisablesHTTP2(t *testing.T) {
	for setting, disabled := range map[string]bool{
		"": false, "http2client=0": true, "http2client=1": false, "http2server=0": false,
		"http2client=0,http2client=1": false, "x=1,http2client=0": true,
	} {
		t.Setenv("GODEBUG", setting)
		for _, theirs := range []*http.Transport{{ForceAttemptHTTP2: true}, {Protocols: protocolsOf(3)}} {
			ours, err := FromHTTPTransport(theirs)
			require.NoError(t, err)
			require.Equal(t, !disabled, ours.spoken().http2, setting)
			require.True(t, ours.spoken().http1, setting)
		}
	}
}
