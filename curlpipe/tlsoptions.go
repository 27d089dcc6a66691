package curlpipe

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	curl "github.com/andelf/go-curl"
)

// addTLS adds the options of TLS.
func (t *Transport) addTLS(o *easyOptions, lib library) error {
	if err := t.checkAuthorities(); err != nil {
		return err
	}
	if err := t.addPeer(o, lib); err != nil {
		return err
	}
	o.add("SSL_SESSIONID_CACHE", curl.OPT_SSL_SESSIONID_CACHE, !t.DisableSessionReuse)
	if err := t.addClientCertificate(o); err != nil {
		return err
	}
	if t.ServerName != "" {
		if err := lib.atLeast(firstConnectTo, "ServerName"); err != nil {
			return err
		}
	}
	if t.PinnedPublicKey != "" {
		if err := lib.atLeast(firstPinnedKey, "PinnedPublicKey"); err != nil {
			return err
		}
		o.add("PINNEDPUBLICKEY", optPinnedPublicKey, t.PinnedPublicKey)
	}
	if t.TLS13Ciphers != "" {
		if err := lib.atLeast(firstTLS13Ciphers, "TLS13Ciphers"); err != nil {
			return err
		}
		o.add("TLS13_CIPHERS", optTLS13Ciphers, t.TLS13Ciphers)
	}
	return nil
}

// addPeer adds the options that verify the server; see proxyTLS for an https
// proxy.
func (t *Transport) addPeer(o *easyOptions, lib library) error {
	version, _, err := t.sslVersion(lib)
	if err != nil {
		return err
	}
	verifyHost := 2
	if t.InsecureSkipVerify {
		verifyHost = 0
	}
	o.add("SSLVERSION", curl.OPT_SSLVERSION, version)
	o.add("SSL_VERIFYPEER", curl.OPT_SSL_VERIFYPEER, !t.InsecureSkipVerify)
	o.add("SSL_VERIFYHOST", curl.OPT_SSL_VERIFYHOST, verifyHost)
	o.addString("SSL_CIPHER_LIST", curl.OPT_SSL_CIPHER_LIST, t.Ciphers)
	switch {
	case t.RootCAs != nil:
		o.contents = append(o.contents, fileContent{"RootCAs", bytes.Clone(t.RootCAs), map[string]int{"CAINFO": curl.OPT_CAINFO}})
	case t.CAFile != "":
		o.add("CAINFO", curl.OPT_CAINFO, t.CAFile)
	case t.CAPath == "":
		o.addString("CAINFO", curl.OPT_CAINFO, systemCAFile())
	}
	o.addString("CAPATH", curl.OPT_CAPATH, t.CAPath)
	return nil
}

// checkAuthorities checks the certificate authorities to trust.
func (t *Transport) checkAuthorities() error {
	switch {
	case t.CAFile != "" && t.RootCAs != nil:
		return errors.New("curlpipe: CAFile and RootCAs are both set: give one")
	case t.RootCAs != nil && !x509.NewCertPool().AppendCertsFromPEM(t.RootCAs):
		return errors.New("curlpipe: RootCAs: no certificate in PEM in it")
	}
	for field, path := range map[string]string{"CAFile": t.CAFile, "CAPath": t.CAPath} {
		if path == "" {
			continue
		}
		if err := readable(field, path); err != nil {
			return err
		}
	}
	return nil
}

func (t *Transport) addClientCertificate(o *easyOptions) error {
	if t.certificate != nil {
		o.contents = append(o.contents, fileContent{"TLSClientConfig.Certificates", t.certificate,
			map[string]int{"SSLCERT": curl.OPT_SSLCERT, "SSLKEY": curl.OPT_SSLKEY}})
		return nil
	}
	if t.ClientCertFile == "" {
		if t.ClientKeyFile != "" {
			return errors.New("curlpipe: ClientKeyFile is set without ClientCertFile: give both")
		}
		return nil
	}
	key := t.ClientKeyFile
	if key == "" {
		key = t.ClientCertFile
	}
	if err := readable("ClientCertFile", t.ClientCertFile); err != nil {
		return err
	}
	if err := readable("ClientKeyFile", key); err != nil {
		return err
	}
	o.add("SSLCERT", curl.OPT_SSLCERT, t.ClientCertFile)
	o.add("SSLKEY", curl.OPT_SSLKEY, key)
	o.addString("KEYPASSWD", optKeyPassword, t.ClientKeyPassword)
	return nil
}

// readable refuses a path that cannot be opened. libcurl would report that only
// with the first connection.
func readable(field, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("curlpipe: %s: %w", field, err)
	}
	return file.Close()
}

// systemCAFile finds the system's certificate authorities, in the places where
// crypto/x509 looks for them. If it returns an empty name, libcurl has to find
// them.
func systemCAFile() string {
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		return file
	}
	for _, file := range []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
		"/etc/ssl/cert.pem",                                 // Alpine, macOS, FreeBSD
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

	// 7.56.1 and 7.57.0 refuse every CURL_SSLVERSION_MAX_TLSv1_x.
	firstWithoutMaxTLSVersion = 0x73801
	lastWithoutMaxTLSVersion  = 0x73900
)

// sslVersion turns MinTLSVersion and MaxTLSVersion into CURLOPT_SSLVERSION.
// beyond means that this libcurl has no option for the range, and that OpenSSL
// has to be given it.
func (t *Transport) sslVersion(lib library) (version int, beyond bool, err error) {
	lowest, err := sslVersionOf(t.MinTLSVersion)
	if err != nil {
		return 0, false, err
	}
	highest, err := sslVersionOf(t.MaxTLSVersion)
	if err != nil {
		return 0, false, err
	}
	switch {
	case highest != sslVersionDefault && lowest > highest:
		return 0, false, errors.New("curlpipe: MinTLSVersion is above MaxTLSVersion")
	case lib.number < firstTLS13 && (lowest == sslVersionTLS13 || highest == sslVersionTLS13):
		return 0, false, fmt.Errorf("%w: %s cannot be limited to TLS 1.3: use libcurl 7.52.0 or later", ErrUnsupportedByLibcurl, lib.version)
	case lib.takesRange(highest):
		return lowest | highest<<sslVersionMaxShift, false, nil
	case lowest == sslVersionTLS13, lowest == highest && lib.number < firstMaxTLSVersion:
		// there is no higher version; before 7.54.0 the value means exactly
		// that version
		return lowest, false, nil
	}
	return sslVersionDefault, true, nil
}

// takesRange reports whether CURLOPT_SSLVERSION takes a minimum beside this maximum.
func (lib library) takesRange(highest int) bool {
	refuses := lib.number >= firstWithoutMaxTLSVersion && lib.number <= lastWithoutMaxTLSVersion
	return lib.number >= firstMaxTLSVersion && (highest == sslVersionDefault || !refuses)
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
