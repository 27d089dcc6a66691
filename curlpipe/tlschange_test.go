package curlpipe

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// tlsOf returns where a transport's TLSClientConfig is.
func tlsOf(transport http.RoundTripper) **tls.Config {
	if theirs, ok := transport.(*http.Transport); ok {
		return &theirs.TLSClientConfig
	}
	return &transport.(*Transport).TLSClientConfig
}

// TestTLSClientConfigThatChanges changes the configuration between requests that each
// need a new connection.
func TestTLSClientConfigThatChanges(t *testing.T) {
	s := newServer(t, true, echo)
	trusted := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	stranger := newIssuer(t).certificate
	for name, each := range map[string]struct {
		first         func() *tls.Config
		change        func(*tls.Config) *tls.Config
		before, after bool // whether the server is accepted
	}{
		"another is assigned":   {func() *tls.Config { return &tls.Config{} }, func(*tls.Config) *tls.Config { return &tls.Config{RootCAs: trusted} }, false, true},
		"none is assigned":      {func() *tls.Config { return &tls.Config{RootCAs: trusted} }, func(*tls.Config) *tls.Config { return nil }, true, false},
		"the first is assigned": {func() *tls.Config { return nil }, func(*tls.Config) *tls.Config { return &tls.Config{RootCAs: trusted} }, false, true},
		"a field is set": {func() *tls.Config { return &tls.Config{} }, func(config *tls.Config) *tls.Config {
			config.InsecureSkipVerify = true
			return config
		}, false, true},
		"a field is reset": {func() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }, func(config *tls.Config) *tls.Config {
			config.InsecureSkipVerify = false
			return config
		}, true, false},
		"a pool gets one more": {func() *tls.Config {
			pool := x509.NewCertPool()
			pool.AddCert(stranger)
			return &tls.Config{RootCAs: pool}
		}, func(config *tls.Config) *tls.Config {
			config.RootCAs.AddCert(s.Certificate())
			return config
		}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			for which, roundTripper := range likeHTTPTransport(t, &http.Transport{}) {
				config := tlsOf(roundTripper)
				*config = each.first()
				ask := func(accepted bool) {
					t.Helper()
					request := get(t, s.URL+"/x")
					request.Close = true
					response, err := roundTripper.RoundTrip(request)
					if !accepted {
						var refused *tls.CertificateVerificationError
						require.ErrorAs(t, err, &refused, which)
						return
					}
					require.NoError(t, err, which)
					require.Equal(t, "you asked for /x", readAll(t, response), which)
				}
				ask(each.before)
				ask(each.before)
				*config = each.change(*config)
				ask(each.after)
			}
		})
	}
}

// TestTLSClientConfigChangesWhileABodyIsRead requires that the body is read to its end,
// that no later request uses its connection, and that nothing is left of the engine
// that has been replaced, but its counts.
func TestTLSClientConfigChangesWhileABodyIsRead(t *testing.T) {
	s, h := newHeldServer(t, true)
	transport := newTestTransport(t, s, &Transport{CAFile: s.caFile})
	held := open(t.Context(), t, transport, s.URL+"/held")
	before := transport.started
	for range 3 {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		readAll(t, open(t.Context(), t, transport, s.URL+"/x"))
	}
	transport.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return nil }
	_, err := transport.RoundTrip(get(t, s.URL+"/x"))
	require.ErrorContains(t, err, "libcurl cannot follow VerifyConnection")
	transport.TLSClientConfig = nil
	readAll(t, open(t.Context(), t, transport, s.URL+"/x"))
	require.EqualValues(t, 3, s.accepted.Load(), "of the two changes, each makes a new connection")
	select {
	case <-before.stopped:
		t.Fatal("the body's engine has ended")
	default:
	}
	h.release()
	_, err = io.ReadAll(held.Body)
	require.NoError(t, err)
	require.NoError(t, held.Body.Close())
	<-before.stopped
	stats := transport.Stats()
	require.EqualValues(t, 5, stats.Answered)
	require.EqualValues(t, 3, stats.ConnectionsOpened)
	require.EqualValues(t, 2, stats.ConnectionsClosed)
	require.Zero(t, stats.InFlight)
	require.Empty(t, transport.replaced)
}

// TestEachChangeOfTLSClientConfigIsSeen requires that for every field of tls.Config that
// is followed, and that it is a client's.
func TestEachChangeOfTLSClientConfigIsSeen(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	values := map[string]any{
		"RootCAs": pool, "ServerName": "a.example", "MinVersion": uint16(tls.VersionTLS13), "MaxVersion": uint16(tls.VersionTLS13),
		"Certificates":       []tls.Certificate{{Certificate: [][]byte{{1}}, PrivateKey: key}},
		"CipherSuites":       []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		"InsecureSkipVerify": true, "NextProtos": []string{"http/1.1"}, "SessionTicketsDisabled": true,
		"VerifyConnection": func(tls.ConnectionState) error { return nil },
		"KeyLogWriter":     io.Discard,
	}
	for name, effect := range followed {
		require.True(t, !effect || values[name] != nil, name)
	}
	for name, value := range values {
		config := &tls.Config{}
		seen := seeTLS(config)
		require.True(t, seen.is(config))
		require.True(t, seen.is(&tls.Config{}), "another with the same fields")
		field := reflect.ValueOf(config).Elem().FieldByName(name)
		field.Set(reflect.ValueOf(value))
		require.False(t, seen.is(config), name)
		require.Equal(t, followed[name], seeTLS(config).is(config), name)
		if field.Kind() == reflect.Slice {
			seen = seeTLS(config)
			field.Index(0).SetZero()
			require.False(t, seen.is(config), "%s: an element", name)
		}
	}
	var none *tls.Config
	require.True(t, seeTLS(none).is(none))
	require.False(t, seeTLS(none).is(&tls.Config{}))
	require.Zero(t, testing.AllocsPerRun(100, func() { seeTLS(none).is(none) }))
}

// TestServerLearnsThatItsNameIsRefused requires that the handshake fails for the server,
// too. With TLS 1.3 OpenSSL sends the alert in plain text, which a server may not read.
// Current releases of libcurl verify only after the handshake.
func TestServerLearnsThatItsNameIsRefused(t *testing.T) {
	var mutex sync.Mutex
	var logged bytes.Buffer
	s := newServer(t, true, echo, func(s *httptest.Server) {
		s.Config.ErrorLog = log.New(writerFunc(func(line []byte) (int, error) {
			mutex.Lock()
			defer mutex.Unlock()
			return logged.Write(line)
		}), "", 0)
	})
	theirs := trusting(s, &http.Transport{})
	theirs.TLSClientConfig.ServerName = "other.example"
	for which, roundTripper := range likeHTTPTransport(t, theirs) {
		_, err := roundTripper.RoundTrip(get(t, s.URL))
		var name x509.HostnameError
		require.ErrorAs(t, err, &name, which)
		require.Equal(t, "other.example", name.Host, which)
		if _, ours := roundTripper.(*Transport); ours && verifiesLate(t) {
			continue
		}
		until(t, func() bool {
			mutex.Lock()
			defer mutex.Unlock()
			defer logged.Reset()
			return strings.Contains(logged.String(), "TLS handshake error")
		}, which+": the server knows")
	}
}

// verifiesLate reports whether libcurl may verify certificates after the handshake.
// 7.88.1 and the releases that pipeline do not.
func verifiesLate(t *testing.T) bool {
	lib, err := loadedLibrary()
	require.NoError(t, err)
	return lib.number >= 0x80000
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(line []byte) (int, error) { return w(line) }
