package curlpipe

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"
)

// TestProxyTakesNothingFromTheEnvironment requires that the environment sets
// neither a proxy nor exceptions.
func TestProxyTakesNothingFromTheEnvironment(t *testing.T) {
	var tunnels, wrong atomic.Int64
	other := newConnectProxy(t, &wrong)
	s := newServer(t, false, echo)
	for _, variable := range []string{"no_proxy", "NO_PROXY", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"} {
		value := other.String()
		if strings.EqualFold(variable, "no_proxy") {
			value = "*"
		}
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, value)
			tunnels.Store(0)
			fetchMany(t, newTestTransport(t, s, &Transport{Proxy: http.ProxyURL(newConnectProxy(t, &tunnels))}), s.URL, 1)
			require.EqualValues(t, 1, tunnels.Load())
			fetchMany(t, newTestTransport(t, s, &Transport{}), s.URL, 1)
			require.EqualValues(t, 1, tunnels.Load())
			require.Zero(t, wrong.Load())
		})
	}
}

// TestProxyOverTLS requires that the certificate of an https proxy is verified
// with the transport's authorities, unless verification is off.
func TestProxyOverTLS(t *testing.T) {
	var tunnels atomic.Int64
	proxy := httptest.NewUnstartedServer(connectProxy(&tunnels))
	proxy.Config.ErrorLog = quiet()
	proxy.StartTLS()
	defer proxy.Close()
	named := proxyURL(t, proxy)
	misnamed := *named
	misnamed.Host = net.JoinHostPort("localhost", named.Port())
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	forBoth(t, func(t *testing.T, overTLS bool) { // httptest's servers have one certificate
		s := newServer(t, overTLS, echo)
		for name, each := range map[string]struct {
			transport *Transport
			works     bool
		}{
			"no authority":          {&Transport{Proxy: http.ProxyURL(named)}, false},
			"RootCAs":               {&Transport{Proxy: http.ProxyURL(named), RootCAs: authority}, true},
			"RootCAs, another name": {&Transport{Proxy: http.ProxyURL(&misnamed), RootCAs: authority}, false},
			"no verification":       {&Transport{Proxy: http.ProxyURL(&misnamed), InsecureSkipVerify: true}, true},
			"no common cipher":      {&Transport{Proxy: http.ProxyURL(named), RootCAs: authority, Ciphers: "AES128-SHA", MinTLSVersion: 0x303, MaxTLSVersion: 0x303}, false},
		} {
			t.Run(name, func(t *testing.T) {
				tunnels.Store(0)
				transport := newTestTransport(t, nil, each.transport)
				response, err := transport.RoundTrip(get(t, s.URL+"/x"))
				if !each.works {
					require.Error(t, err)
					require.Zero(t, tunnels.Load(), "who the proxy is was not proved, and it was used")
					return
				}
				require.NoError(t, err)
				require.Equal(t, "you asked for /x", readAll(t, response))
				require.EqualValues(t, 1, tunnels.Load())
			})
		}
	})
}

// TestOnlyHTTP requires that libcurl goes to no other scheme, even if it is
// made to follow redirects.
func TestOnlyHTTP(t *testing.T) {
	s := newServer(t, false, func(writer http.ResponseWriter, request *http.Request) {
		target, _ := url.QueryUnescape(request.URL.RawQuery)
		writer.Header().Set("Location", target)
		writer.WriteHeader(http.StatusFound)
	})
	client := newTestClient(t, s, &Transport{Configure: func(easy *curl.CURL) error {
		return easy.Setopt(curl.OPT_FOLLOWLOCATION, true)
	}})
	for _, target := range []string{s.URL, "http://127.0.0.1:1/", "file:///etc/hostname", "ftp://127.0.0.1:1/x", "dict://127.0.0.1:1/x", "gopher://127.0.0.1:1/", "scp://127.0.0.1:1/", "telnet://127.0.0.1:1", "smtp://127.0.0.1:1"} {
		response, err := client.Do(t.Context(), get(t, s.URL+"?"+url.QueryEscape(target)))
		require.NoError(t, err, target)
		require.Equal(t, http.StatusFound, response.StatusCode)
	}
	require.EqualValues(t, 1, s.accepted.Load())
}
