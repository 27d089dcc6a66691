package curlpipe

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// followed are the fields of tls.Config that are not refused, and whether they have an
// equivalent in libcurl.
var followed = map[string]bool{
	"RootCAs": true, "Certificates": true, "ServerName": true, "MinVersion": true, "MaxVersion": true, "CipherSuites": true,
	"InsecureSkipVerify": true, "NextProtos": true, "SessionTicketsDisabled": true,
	// for servers, or without effect in current Go or here
	"PreferServerCipherSuites": false, "ClientAuth": false, "ClientCAs": false, "NameToCertificate": false, "GetCertificate": false,
	"GetConfigForClient": false, "SessionTicketKey": false, "WrapSession": false, "UnwrapSession": false,
	"EncryptedClientHelloKeys": false, "GetEncryptedClientHelloKeys": false, "DynamicRecordSizingDisabled": false,
	"ClientSessionCache": false,
}

// unfollowed returns the fields of a configuration that have no equivalent in
// libcurl.
func unfollowed(config *tls.Config) []string {
	var names []string
	value := reflect.ValueOf(config).Elem()
	for _, field := range notFollowed {
		if set := value.FieldByIndex(field.Index); !set.IsZero() {
			names = append(names, field.Name)
		}
	}
	return names
}

// notFollowed are the other fields of tls.Config.
var notFollowed = slices.DeleteFunc(reflect.VisibleFields(reflect.TypeFor[tls.Config]()), func(field reflect.StructField) bool {
	_, known := followed[field.Name]
	return known || !field.IsExported()
})

// effective returns the transport with TLSClientConfig translated to libcurl's
// terms.
func (t *Transport) effective() (*Transport, error) {
	config := t.TLSClientConfig
	t = t.copied() // the engine's copy does not keep the transport alive, see start
	t.speaks = t.spoken()
	if config == nil {
		return t, nil
	}
	t.TLSClientConfig = nil
	if names := unfollowed(config); len(names) > 0 {
		return nil, fmt.Errorf("curlpipe: TLSClientConfig: libcurl cannot follow %s: leave it out (the package's documentation says what there is instead)", strings.Join(names, ", "))
	}
	for name, both := range map[string]bool{
		"RootCAs":                         config.RootCAs != nil && (t.RootCAs != nil || t.CAFile != "" || t.CAPath != ""),
		"ServerName":                      config.ServerName != "" && t.ServerName != "",
		"MinVersion and MinTLSVersion":    config.MinVersion != 0 && t.MinTLSVersion != 0,
		"MaxVersion and MaxTLSVersion":    config.MaxVersion != 0 && t.MaxTLSVersion != 0,
		"CipherSuites and Ciphers":        config.CipherSuites != nil && t.Ciphers != "",
		"Certificates and ClientCertFile": len(config.Certificates) > 0 && t.ClientCertFile != "",
		"more than one of Certificates":   len(config.Certificates) > 1,
	} {
		if both {
			return nil, fmt.Errorf("curlpipe: TLSClientConfig: %s: set one", name)
		}
	}
	t.InsecureSkipVerify = t.InsecureSkipVerify || config.InsecureSkipVerify
	t.DisableSessionReuse = t.DisableSessionReuse || config.SessionTicketsDisabled
	t.ServerName += config.ServerName
	t.MinTLSVersion |= config.MinVersion
	t.MaxTLSVersion |= config.MaxVersion
	if config.CipherSuites != nil {
		t.Ciphers = namesOf(config.CipherSuites)
	}
	var err error
	if config.RootCAs != nil {
		t.RootCAs, err = poolPEM(config.RootCAs)
	}
	if err == nil && len(config.Certificates) == 1 {
		t.certificate, err = certificatePEM(&config.Certificates[0])
	}
	if err != nil {
		return nil, fmt.Errorf("curlpipe: TLSClientConfig: %w", err)
	}
	return t, nil
}

// namesOf returns OpenSSL's names of cipher suites up to TLS 1.2. crypto/tls
// cannot choose those of TLS 1.3 either.
func namesOf(suites []uint16) string {
	var names []string
	for _, suite := range suites {
		for name, number := range opensslSuites {
			if number == suite {
				names = append(names, name)
			}
		}
	}
	return strings.Join(names, ":")
}

// certificatePEM encodes a certificate with its chain and its key.
func certificatePEM(certificate *tls.Certificate) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("libcurl needs the private key of Certificates itself: %w", err)
	}
	var text []byte
	for _, der := range certificate.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// poolPEM writes the certificates of a pool as PEM. A pool has no method for
// that, so its fields are read if they have the known form.
func poolPEM(pool *x509.CertPool) (text []byte, err error) {
	unknown := errors.New("RootCAs: this release of Go has its pools in a form that is not known here: set Transport.RootCAs")
	defer func() {
		if recover() != nil { // of package reflect
			text, err = nil, unknown
		}
	}()
	value := reflect.ValueOf(pool).Elem()
	if system := value.FieldByName("systemPool"); system.Kind() == reflect.Bool && system.Bool() {
		return nil, errors.New("RootCAs: it is the platform's own: leave it out")
	}
	list := value.FieldByName("lazyCerts")
	for i := range list.Len() {
		field := list.Index(i).FieldByName("getCert")
		get, ok := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface().(func() (*x509.Certificate, error))
		if !ok {
			return nil, unknown
		}
		certificate, err := get()
		if err != nil {
			return nil, fmt.Errorf("RootCAs: %w", err)
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	if text == nil {
		return nil, errors.New("RootCAs: there is no certificate in it")
	}
	return text, nil
}

// forget resets a field of a configuration.
func forget(config *tls.Config, name string) {
	reflect.ValueOf(config).Elem().FieldByName(name).SetZero()
}
