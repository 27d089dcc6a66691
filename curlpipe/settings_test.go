package curlpipe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	curl "github.com/andelf/go-curl"
	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/cshim"
)

func TestParseLibrary(t *testing.T) {
	for version, want := range map[string]library{
		"libcurl/7.53.1-doing.3 OpenSSL/3.0.19":                    {"libcurl/7.53.1-doing.3", 0x073501, false, false},
		"libcurl/7.53.1-stock OpenSSL/3.0.19":                      {"libcurl/7.53.1-stock", 0x073501, false, false},
		"libcurl/7.47.1 OpenSSL/1.0.1m":                            {"libcurl/7.47.1", 0x072f01, false, false},
		"libcurl/7.61.1-DEV":                                       {"libcurl/7.61.1-DEV", 0x073d01, false, false},
		"libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13 nghttp2/1.52.0": {"libcurl/7.88.1", 0x075801, false, true},
	} {
		lib, err := parseLibrary(version)
		require.NoError(t, err)
		require.Equal(t, want, lib)
	}
	for _, version := range []string{"", "curl/7.53.1", "libcurl/seven", "libcurl/7.53"} {
		_, err := parseLibrary(version)
		require.ErrorContains(t, err, "version of libcurl", version)
	}
}

// TestLoadedLibraryTellsWhetherItIsPatched compares what the library reports
// with the stamp that this project's builds have in their version string.
func TestLoadedLibraryTellsWhetherItIsPatched(t *testing.T) {
	lib, err := loadedLibrary()
	require.NoError(t, err)
	require.Equal(t, strings.Contains(lib.version, "-doing."), lib.patched, lib.version)
}

// TestReleasesOfTheSeries holds what the library says of releases to the groups
// of the series: their numbers, the first and the last release, their names.
func TestReleasesOfTheSeries(t *testing.T) {
	groups, err := os.ReadFile("../patches/groups")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^01 (\S+) (\S+) `).FindSubmatch(groups)
	require.NotNil(t, found)
	for _, release := range found[1:] {
		lib, err := parseLibrary("libcurl/" + string(release))
		require.NoError(t, err)
		mode, err := lib.mode(Require, true)
		require.NoError(t, err)
		require.Equal(t, ModePipelining, mode)
	}
	require.ErrorContains(t, ErrNoPipelining, fmt.Sprintf("a patched libcurl of %s to %s", found[1], found[2]))
}

func TestModeOfALibrary(t *testing.T) {
	const with2 = " nghttp2/1.52.0"
	type outcomes struct{ auto, require any } // Mode or error
	for version, want := range map[string]outcomes{
		"libcurl/7.53.1-doing.1":         {ModePipelining, ModePipelining},
		"libcurl/7.30.0-doing.9":         {ModePipelining, ModePipelining},
		"libcurl/7.61.1-doing.2" + with2: {ModePipelining, ModePipelining},
		"libcurl/7.53.1":                 {ErrUnpatchedLibcurl, ErrUnpatchedLibcurl},
		"libcurl/7.53.1-stock":           {ErrUnpatchedLibcurl, ErrUnpatchedLibcurl},
		"libcurl/7.53.1-undoing":         {ErrUnpatchedLibcurl, ErrUnpatchedLibcurl},
		"libcurl/7.29.0":                 {ModeInTurn, ErrNoPipelining},
		"libcurl/7.62.0":                 {ModeInTurn, ErrNoPipelining},
		"libcurl/7.88.1" + with2:         {ModeMultiplexing, ErrNoPipelining},
		"libcurl/8.14.1" + with2:         {ModeMultiplexing, ErrNoPipelining},
	} {
		t.Run(version, func(t *testing.T) {
			lib, err := parseLibrary(version)
			require.NoError(t, err)
			lib.patched = strings.Contains(version, "-doing.")
			for pipelining, expected := range map[Pipelining]any{Auto: want.auto, Require: want.require, Off: ModeInTurn} {
				mode, err := lib.mode(pipelining, false)
				if refusal, refused := expected.(error); refused {
					require.ErrorIs(t, err, refusal, pipelining)
					require.ErrorContains(t, err, lib.version)
					continue
				}
				require.NoError(t, err, pipelining)
				require.Equal(t, expected, mode, pipelining)
			}
			if _, err = lib.mode(Auto, true); err != nil {
				require.NotErrorIs(t, err, ErrUnpatchedLibcurl, "AllowUnpatched allows it")
			}
		})
	}
	_, err := library{}.mode(Pipelining(7), false)
	require.ErrorContains(t, err, "Pipelining is 7")
}

func TestSSLVersion(t *testing.T) {
	const (
		v10 = tls.VersionTLS10
		v12 = tls.VersionTLS12
		v13 = tls.VersionTLS13

		beyond = -1 // what libcurl can be told
	)
	for _, each := range []struct {
		number   uint32
		min, max uint16
		want     int
		err      string
	}{
		{0x073501, 0, 0, 0, ""},
		{0x073501, v12, v12, 6, ""},
		{0x073501, v10, v10, 4, ""},
		{0x073501, v13, v13, 7, ""},
		{0x073501, v13, 0, 7, ""},
		{0x073501, v12, 0, beyond, ""},
		{0x073501, 0, v12, beyond, ""},
		{0x073501, v12, v13, beyond, ""},
		{0x072f01, v13, v13, 0, "7.52.0 or later"},
		{0x073600, v12, 0, 6, ""},
		{0x073600, v12, v13, 6 | 7<<16, ""},
		{0x073600, 0, v12, 6 << 16, ""},
		{0x073600, v13, v12, 0, "above"},
		{0x073800, v12, v12, 6 | 6<<16, ""},
		{0x073801, v12, 0, 6, ""},
		{0x073801, v12, v12, beyond, ""},
		{0x073801, 0, v12, beyond, ""},
		{0x073801, v13, v13, 7, ""},
		{0x073900, v12, v13, beyond, ""},
		{0x073a00, v12, v12, 6 | 6<<16, ""},
		{0x073501, 0x0300, 0, 0, "0x0300"},
		{0x073501, 0, 0x0305, 0, "0x0305"},
	} {
		got, isBeyond, err := (&Transport{MinTLSVersion: each.min, MaxTLSVersion: each.max}).sslVersion(library{number: each.number})
		if each.err != "" {
			require.ErrorContains(t, err, each.err, "%+v", each)
			continue
		}
		require.NoError(t, err)
		if isBeyond {
			require.Zero(t, got)
			got = beyond
		}
		require.Equal(t, each.want, got, "%+v", each)
	}
}

func TestFieldsThatAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for word, transport := range map[string]*Transport{
		"MaxConnsPerHost":        {MaxConnsPerHost: -1},
		"MaxPipelineDepth":       {MaxPipelineDepth: -1},
		"StallTimeout":           {StallTimeout: -1},
		"MaxResponseHeaderBytes": {MaxResponseHeaderBytes: -1},
		"MaxResponseBytes":       {MaxResponseBytes: -1},
		"MaxAbandonedBytes":      {MaxAbandonedBytes: -1},
		"MaxAbandonedTime":       {MaxAbandonedTime: -1},
		"ReadBufferSize":         {ReadBufferSize: -1},
		"CAFile":                 {CAFile: missing},
		"CAPath":                 {CAPath: missing},
		"RootCAs are both":       {CAFile: "x", RootCAs: []byte("y")},
		"no certificate":         {RootCAs: []byte("y")},
		"ClientCertFile":         {ClientCertFile: missing},
		"without ClientCert":     {ClientKeyFile: missing},
		"KeyLogFile":             {KeyLogFile: filepath.Join(missing, "keys")},
		"TLS version":            {MinTLSVersion: 1},
		"TLS13Ciphers":           {TLS13Ciphers: "TLS_AES_128_GCM_SHA256"},
		"Configure: no":          {Configure: func(*curl.CURL) error { return errors.New("no") }},
		"go-curl refused":        {Configure: func(easy *curl.CURL) error { return easy.Setopt(curl.OPT_SSLVERSION, 1.5) }},
		"Pipelining is 9":        {Pipelining: 9},
		"own: writeFunction":     {Configure: reserved(curl.OPT_WRITEFUNCTION, func([]byte, any) bool { return true })},
		"own: headerFunction":    {Configure: reserved(curl.OPT_HEADERFUNCTION, func([]byte, any) bool { return true })},
		"own: writeData":         {Configure: reserved(curl.OPT_WRITEDATA, "x")},
		"own: PRIVATE":           {Configure: reserved(curl.OPT_PRIVATE, "x")},
	} {
		if word == "TLS13Ciphers" && systemLibcurl() {
			continue // it has them
		}
		_, err := New(transport)
		require.ErrorContains(t, err, word, word)
		require.NotContains(t, err.Error(), "\n")
		_, again := New(transport)
		require.Equal(t, err, again, "it stays refused")
	}
}

// reserved sets an option that belongs to the engine.
func reserved(option int, value any) func(*curl.CURL) error {
	return func(easy *curl.CURL) error { return easy.Setopt(option, value) }
}

func TestDefaults(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/some/where.pem")
	lib := library{number: 0x073501, patched: true}
	s, err := (&Transport{}).settings(lib)
	require.NoError(t, err)
	require.Equal(t, cshim.Limits{
		Mode: cshim.Pipelining, PipelineLength: 100, HeaderBytes: 1 << 20,
		ResponseBytes: 64 << 20, WindowBytes: 256 << 10, DroppedBytes: 16 << 20,
		Coalesce: true, WakeOne: true, CheckNames: true,
	}, s.limits)
	require.Equal(t, 1, s.retries)
	require.Equal(t, 5*time.Second, s.abandonedTime)
	require.Equal(t, 30*time.Second, s.connectTimeout)
	require.Contains(t, s.easy.list, easyOption{"CAINFO", curl.OPT_CAINFO, "/some/where.pem"})
	require.Contains(t, s.easy.list, easyOption{"SSL_VERIFYPEER", curl.OPT_SSL_VERIFYPEER, true})
	require.Contains(t, s.easy.list, easyOption{"SSL_VERIFYHOST", curl.OPT_SSL_VERIFYHOST, 2})

	s, err = (&Transport{MaxRetries: -1, ReadBufferSize: 1}).settings(lib)
	require.NoError(t, err)
	require.Zero(t, s.retries)
	require.EqualValues(t, 16<<10, s.limits.WindowBytes)
}
