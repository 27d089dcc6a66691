package curlpipe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"
)

// What the zero values of Options stand for.
const (
	DefaultMaxConnsPerHost   = 1
	DefaultMaxPipelineDepth  = 100
	DefaultMaxHeaderBytes    = 1 << 20
	DefaultMaxResponseBytes  = 64 << 20
	DefaultMaxAbandonedBytes = 16 << 20
)

// Options say how a client behaves. The zero value is useful.
type Options struct {
	// MaxConnsPerHost is the most connections to one host at a time; 0 means
	// DefaultMaxConnsPerHost.
	MaxConnsPerHost int

	// MaxPipelineDepth is the most requests that are in flight on one
	// connection; others wait in the client. 0 means DefaultMaxPipelineDepth.
	// Each request in flight costs an easy handle, about 50 kB of memory.
	MaxPipelineDepth int

	// CAFile is a file with the certificate authorities to trust, in PEM. Empty
	// means the system's: $SSL_CERT_FILE, or the file where the common
	// distributions keep them. Certificates are always verified.
	CAFile string

	// MinTLSVersion and MaxTLSVersion are tls.VersionTLS10 … tls.VersionTLS13;
	// 0 leaves the choice to libcurl and OpenSSL. Up to libcurl 7.53.1 only one
	// exact version can be asked for (both the same), or TLS 1.3 as minimum.
	MinTLSVersion, MaxTLSVersion uint16

	// AllowUnpatched takes a pipelining libcurl without this project's patches,
	// with the risks that ErrUnpatchedLibcurl tells.
	AllowUnpatched bool

	// StallTimeout, if not 0, fails everything in flight with ErrStalled, and
	// closes the connections, when for this long no request has ended and no
	// byte has moved on any connection, in either direction. It is noticed
	// within a quarter of the time more. It bounds as well how long an
	// abandoned request may hold up others, and how long a connect may take.
	StallTimeout time.Duration

	// MaxHeaderBytes is the largest header section of a response that is kept; a
	// larger one fails with ErrResponseTooLarge. 0 means DefaultMaxHeaderBytes.
	MaxHeaderBytes int64

	// MaxResponseBytes is the largest response, header and body together, that
	// is kept; a larger one fails with ErrResponseTooLarge. 0 means
	// DefaultMaxResponseBytes.
	MaxResponseBytes int64

	// MaxAbandonedBytes is how much of a response that nobody wants any more
	// (abandoned, or too large) is read to save the connection. Beyond it the
	// connection is closed. 0 means DefaultMaxAbandonedBytes.
	MaxAbandonedBytes int64
}

// withDefaults checks the options and fills in what is 0.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.MaxConnsPerHost < 0:
		return o, fmt.Errorf("curlpipe: MaxConnsPerHost is %d: give 1 or more, or 0 for %d", o.MaxConnsPerHost, DefaultMaxConnsPerHost)
	case o.MaxPipelineDepth < 0:
		return o, fmt.Errorf("curlpipe: MaxPipelineDepth is %d: give 1 or more, or 0 for %d", o.MaxPipelineDepth, DefaultMaxPipelineDepth)
	case o.StallTimeout < 0:
		return o, fmt.Errorf("curlpipe: StallTimeout is %v: give a positive time, or 0 for none", o.StallTimeout)
	case o.MaxHeaderBytes < 0:
		return o, fmt.Errorf("curlpipe: MaxHeaderBytes is %d: give 1 or more, or 0 for %d", o.MaxHeaderBytes, int64(DefaultMaxHeaderBytes))
	case o.MaxResponseBytes < 0:
		return o, fmt.Errorf("curlpipe: MaxResponseBytes is %d: give 1 or more, or 0 for %d", o.MaxResponseBytes, int64(DefaultMaxResponseBytes))
	case o.MaxAbandonedBytes < 0:
		return o, fmt.Errorf("curlpipe: MaxAbandonedBytes is %d: give 1 or more, or 0 for %d", o.MaxAbandonedBytes, int64(DefaultMaxAbandonedBytes))
	}
	setDefault(&o.MaxConnsPerHost, DefaultMaxConnsPerHost)
	setDefault(&o.MaxPipelineDepth, DefaultMaxPipelineDepth)
	setDefault(&o.MaxHeaderBytes, DefaultMaxHeaderBytes)
	setDefault(&o.MaxResponseBytes, DefaultMaxResponseBytes)
	setDefault(&o.MaxAbandonedBytes, DefaultMaxAbandonedBytes)
	if o.CAFile == "" {
		o.CAFile = systemCAFile()
	} else if _, err := os.Stat(o.CAFile); err != nil {
		return o, fmt.Errorf("curlpipe: CAFile: %w", err)
	}
	return o, nil
}

func setDefault[T int | int64](option *T, value T) {
	if *option == 0 {
		*option = value
	}
}

// systemCAFile finds the system's certificate authorities, in the places where
// crypto/x509 looks for them. Empty: leave it to libcurl.
func systemCAFile() string {
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		return file
	}
	for _, file := range []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
		"/etc/ssl/cert.pem",                                 // Alpine
	} {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// Values of CURLOPT_SSLVERSION that go-curl does not name (curl.h).
const (
	sslVersionDefault  = 0
	sslVersionTLS10    = 4
	sslVersionTLS13    = 7
	sslVersionMaxShift = 16      // CURL_SSLVERSION_MAX_TLSv1_x, from 7.54.0
	firstMaxTLSVersion = 0x73600 // 7.54.0
	firstTLS13         = 0x73400 // 7.52.0
)

// sslVersion turns MinTLSVersion and MaxTLSVersion into CURLOPT_SSLVERSION.
func (o Options) sslVersion(lib library) (int, error) {
	lowest, err := sslVersionOf(o.MinTLSVersion)
	if err != nil {
		return 0, err
	}
	highest, err := sslVersionOf(o.MaxTLSVersion)
	if err != nil {
		return 0, err
	}
	switch {
	case highest != sslVersionDefault && lowest > highest:
		return 0, errors.New("curlpipe: MinTLSVersion is above MaxTLSVersion")
	case lib.number < firstTLS13 && (lowest == sslVersionTLS13 || highest == sslVersionTLS13):
		return 0, fmt.Errorf("%w: %s cannot be held to TLS 1.3: use libcurl 7.52.0 or later", ErrUnsupportedByLibcurl, lib.version)
	case lib.number >= firstMaxTLSVersion:
		return lowest | highest<<sslVersionMaxShift, nil
	case lowest == sslVersionDefault && highest == sslVersionDefault:
		return sslVersionDefault, nil
	case lowest == highest, lowest == sslVersionTLS13:
		// before 7.54.0 a version stands for exactly that one
		return lowest, nil
	}
	return 0, fmt.Errorf("%w: %s cannot limit TLS to a range of versions: set MinTLSVersion and MaxTLSVersion to the same, or to 0, or use libcurl 7.54.0 or later", ErrUnsupportedByLibcurl, lib.version)
}

func sslVersionOf(version uint16) (int, error) {
	switch {
	case version == 0:
		return sslVersionDefault, nil
	case version >= tls.VersionTLS10 && version <= tls.VersionTLS13:
		return sslVersionTLS10 + int(version-tls.VersionTLS10), nil
	}
	return 0, fmt.Errorf("curlpipe: TLS version %#04x: give tls.VersionTLS10 to tls.VersionTLS13, or 0", version)
}
