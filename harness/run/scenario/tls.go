package scenario

import (
	"fmt"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// WithTLS returns the scenario over another version of TLS. It returns an error
// if the scenario depends on a feature of its own version, or uses plain HTTP.
func (s Scenario) WithTLS(version string) (Scenario, error) {
	switch {
	case version != plan.TLS12 && version != plan.TLS13:
		return s, fmt.Errorf("there is no version %q of TLS; there are: %s, %s", version, plan.TLS12, plan.TLS13)
	case version == s.Client.TLS:
		return s, nil
	case s.Client.TLS == plan.PlainText:
		return s, fmt.Errorf("scenario %s is over plain HTTP", s.ID)
	case s.FixedTLS || s.NeedsOpenSSL() || s.Client.BlockedReads > 0:
		return s, fmt.Errorf("scenario %s is about TLS %s", s.ID, s.Client.TLS)
	}
	s.Client.TLS = version
	return s, nil
}
