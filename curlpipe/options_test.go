package curlpipe

import (
	"crypto/tls"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseLibrary(t *testing.T) {
	for version, want := range map[string]library{
		"libcurl/7.53.1-doing.3 OpenSSL/3.0.19": {"libcurl/7.53.1-doing.3", 0x073501, true},
		"libcurl/7.53.1-stock OpenSSL/3.0.19":   {"libcurl/7.53.1-stock", 0x073501, false},
		"libcurl/7.47.1 OpenSSL/1.0.1m":         {"libcurl/7.47.1", 0x072f01, false},
		"libcurl/7.61.1-DEV":                    {"libcurl/7.61.1-DEV", 0x073d01, false},
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

func TestLibraryCheck(t *testing.T) {
	for version, want := range map[string]error{
		"libcurl/7.53.1-doing.1": nil,
		"libcurl/7.30.0-doing.9": nil,
		"libcurl/7.61.1-doing.2": nil,
		"libcurl/7.53.1":         ErrUnpatchedLibcurl,
		"libcurl/7.53.1-stock":   ErrUnpatchedLibcurl,
		"libcurl/7.53.1-undoing": ErrUnpatchedLibcurl,
		"libcurl/7.29.0":         ErrNoPipelining,
		"libcurl/7.62.0":         ErrNoPipelining,
		"libcurl/7.88.1":         ErrNoPipelining,
		"libcurl/8.14.1":         ErrNoPipelining,
	} {
		t.Run(version, func(t *testing.T) {
			lib, err := parseLibrary(version)
			require.NoError(t, err)
			if want == nil {
				require.NoError(t, lib.check(false))
				return
			}
			_, err = newClient(Options{}, lib)
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, version)
			require.Equal(t, want == ErrNoPipelining, lib.check(true) != nil, "AllowUnpatched is about the patch alone")
		})
	}
}

func TestSSLVersion(t *testing.T) {
	const (
		v10 = tls.VersionTLS10
		v12 = tls.VersionTLS12
		v13 = tls.VersionTLS13
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
		{0x073501, v12, 0, 0, "range of versions"},
		{0x073501, 0, v12, 0, "range of versions"},
		{0x073501, v12, v13, 0, "range of versions"},
		{0x072f01, v13, v13, 0, "7.52.0 or later"},
		{0x073600, v12, 0, 6, ""},
		{0x073600, v12, v13, 6 | 7<<16, ""},
		{0x073600, 0, v12, 6 << 16, ""},
		{0x073600, v13, v12, 0, "above"},
		{0x073501, 0x0300, 0, 0, "0x0300"},
		{0x073501, 0, 0x0305, 0, "0x0305"},
	} {
		got, err := Options{MinTLSVersion: each.min, MaxTLSVersion: each.max}.sslVersion(library{number: each.number})
		if each.err != "" {
			require.ErrorContains(t, err, each.err, "%+v", each)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, each.want, got, "%+v", each)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for word, options := range map[string]Options{
		"MaxConnsPerHost":   {MaxConnsPerHost: -1},
		"MaxPipelineDepth":  {MaxPipelineDepth: -1},
		"StallTimeout":      {StallTimeout: -1},
		"MaxHeaderBytes":    {MaxHeaderBytes: -1},
		"MaxResponseBytes":  {MaxResponseBytes: -1},
		"MaxAbandonedBytes": {MaxAbandonedBytes: -1},
		"CAFile":            {CAFile: filepath.Join(t.TempDir(), "missing.pem")},
		"TLS version":       {MinTLSVersion: 1},
	} {
		_, err := New(options)
		require.ErrorContains(t, err, word)
	}
}

func TestDefaults(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "/some/where.pem")
	options, err := Options{}.withDefaults()
	require.NoError(t, err)
	require.Equal(t, Options{
		MaxConnsPerHost: 1, MaxPipelineDepth: 100, CAFile: "/some/where.pem",
		MaxHeaderBytes: 1 << 20, MaxResponseBytes: 64 << 20, MaxAbandonedBytes: 16 << 20,
	}, options)
}
