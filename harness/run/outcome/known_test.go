package outcome

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

func TestKnownFailuresExist(t *testing.T) {
	for key := range known {
		_, err := scenario.Match(key[0])
		require.NoError(t, err, "a known failure of a scenario that is gone")
	}
}

func TestParseKnown(t *testing.T) {
	reasons, err := parseKnown([]byte(`[{"scenario":"reported","driver":"socket","library":"patched","reason":"why"}]`))
	require.NoError(t, err)
	require.Equal(t, map[[4]string]string{{"reported", "socket", "patched", ""}: "why"}, reasons)
	_, err = parseKnown([]byte(`[{"scenario":"reported","driver":"socket","library":"patched"}]`))
	require.ErrorContains(t, err, "too little")
	_, err = parseKnown([]byte(`{`))
	require.ErrorContains(t, err, "reading the known failures")
}
