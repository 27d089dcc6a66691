package curlpipe

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"reflect"
	"runtime"
	"slices"
)

// engine returns the engine that sends the next request. It starts the transport if
// that has not happened yet. If TLSClientConfig has changed, it starts another engine,
// so that no request uses a connection that was made with another configuration. The
// engine before that ends with its last request.
func (t *Transport) engine() (*engine, error) {
	t.starting.Lock()
	defer t.starting.Unlock()
	switch {
	case t.started != nil && (t.closed || t.follows.is(t.TLSClientConfig)):
		return t.started, nil
	case t.closed:
		return nil, ErrClosed
	}
	lib, err := loadedLibrary()
	if err != nil {
		return nil, err
	}
	return t.start(lib)
}

// start starts an engine over a libcurl. After an error the engine before it stays.
func (t *Transport) start(lib library) (*engine, error) {
	settings, err := t.settings(lib)
	if err != nil {
		return nil, err
	}
	e, err := startEngine(settings)
	if err != nil {
		return nil, err
	}
	// calls keep their transport alive, so none is left when this runs
	runtime.AddCleanup(t, func(e *engine) { e.mailbox.close() }, e)
	if t.started != nil {
		t.started.mailbox.replaced()
		t.settleReplaced()
		t.replaced = append(t.replaced, t.started)
	}
	t.started, t.follows = e, seeTLS(t.TLSClientConfig)
	return e, nil
}

// engines returns the engines that may still run, the present one last.
func (t *Transport) engines() []*engine {
	all := slices.Clone(t.replaced)
	if t.started != nil {
		all = append(all, t.started)
	}
	return all
}

// settleReplaced forgets the replaced engines that have ended, but not their counts.
func (t *Transport) settleReplaced() {
	t.replaced = slices.DeleteFunc(t.replaced, func(e *engine) bool {
		select {
		case <-e.stopped:
			t.past.add(e.stats())
			return true
		default:
			return false
		}
	})
}

// tlsSeen is a TLSClientConfig as it was.
type tlsSeen struct {
	config *tls.Config // a copy
	roots  int
}

func seeTLS(config *tls.Config) tlsSeen {
	if config == nil {
		return tlsSeen{}
	}
	seen := tlsSeen{config.Clone(), sizeOf(config.RootCAs)}
	seen.config.Certificates = slices.Clone(config.Certificates) // an element may be assigned anew
	seen.config.CipherSuites = slices.Clone(config.CipherSuites)
	seen.config.NextProtos = slices.Clone(config.NextProtos)
	return seen
}

// is reports whether a configuration is still the same, as far as libcurl follows it
// or has to refuse it.
func (s tlsSeen) is(now *tls.Config) bool {
	before := s.config
	if now == nil || before == nil {
		return now == before
	}
	return before.RootCAs == now.RootCAs && s.roots == sizeOf(now.RootCAs) &&
		before.ServerName == now.ServerName &&
		before.MinVersion == now.MinVersion && before.MaxVersion == now.MaxVersion &&
		before.InsecureSkipVerify == now.InsecureSkipVerify &&
		before.SessionTicketsDisabled == now.SessionTicketsDisabled &&
		slices.Equal(before.CipherSuites, now.CipherSuites) &&
		slices.Equal(before.NextProtos, now.NextProtos) &&
		slices.EqualFunc(before.Certificates, now.Certificates, sameCertificate) &&
		len(unfollowed(now)) == 0
}

// sameCertificate compares certificates. Their keys are the same if they are.
func sameCertificate(a, b tls.Certificate) bool {
	return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
}

// sizeOf returns how many certificates a pool has, which grows with each that is added;
// 0 if this release of Go has its pools in another form, see poolPEM.
func sizeOf(pool *x509.CertPool) int {
	if pool == nil {
		return 0
	}
	if list := reflect.ValueOf(pool).Elem().FieldByName("lazyCerts"); list.Kind() == reflect.Slice {
		return list.Len()
	}
	return 0
}
