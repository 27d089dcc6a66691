package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

func TestWithTLS(t *testing.T) {
	for id, problems := range map[string]map[string]string{
		"reported":                 {plan.TLS12: "", plan.TLS13: ""},
		"reported-tls13":           {plan.TLS12: "scenario reported-tls13 is about TLS 1.3", plan.TLS13: ""},
		"idle-hello-request":       {plan.TLS12: "", plan.TLS13: "scenario idle-hello-request is about TLS 1.2"},
		"idle-keyupdate":           {plan.TLS12: "scenario idle-keyupdate is about TLS 1.3", plan.TLS13: ""},
		"want-write-while-reading": {plan.TLS12: "", plan.TLS13: "scenario want-write-while-reading is about TLS 1.2"},
		"plain-interleave":         {plan.TLS12: "scenario plain-interleave is over plain HTTP"},
		"honest-origin":            {"1.1": `there is no version "1.1" of TLS; there are: 1.2, 1.3`, "": `there is no version "" of TLS`},
	} {
		found, err := Match(id)
		require.NoError(t, err)
		require.Len(t, found, 1)
		for version, problem := range problems {
			before := found[0].Client.TLS
			other, err := found[0].WithTLS(version)
			require.Equal(t, before, found[0].Client.TLS, "the table stays as it is")
			if problem != "" {
				require.ErrorContains(t, err, problem)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, version, other.Client.TLS)
			require.NoError(t, other.Check())
		}
	}
}

// Every scenario is valid with every version of TLS that supports it.
func TestEveryScenarioOverEveryVersion(t *testing.T) {
	for _, s := range All() {
		possible := 0
		for _, version := range []string{plan.TLS12, plan.TLS13} {
			if other, err := s.WithTLS(version); err == nil {
				possible++
				require.NoError(t, other.Check())
			}
		}
		require.Equal(t, s.Client.TLS == plan.PlainText, possible == 0, s.ID)
	}
}
