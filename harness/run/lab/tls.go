package lab

import (
	"fmt"
	"strings"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// chooseTLS puts the scenario over the version of TLS that is asked for. The
// error says why there is no such run.
func (s *Setup) chooseTLS() error {
	if s.TLS != "" {
		other, err := s.Scenario.WithTLS(s.TLS)
		if err != nil {
			other.Client.TLS = s.TLS
			s.Scenario = &other
			return err
		}
		s.Scenario = &other
	}
	version := s.Library.Manifest.OpenSSL.Version
	if s.Scenario.Client.TLS == plan.TLS13 && beforeTLS13(version) {
		return fmt.Errorf("OpenSSL %s has no TLS 1.3", version)
	}
	return nil
}

// beforeTLS13 reports whether that release of OpenSSL is older than 1.1.1, the
// first that has TLS 1.3.
func beforeTLS13(version string) bool {
	for _, series := range []string{"0.", "1.0.", "1.1.0"} {
		if strings.HasPrefix(version, series) {
			return true
		}
	}
	return false
}
