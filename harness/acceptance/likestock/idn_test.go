package likestock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// TestInternationalNames requires that a handle that waits for a connection to an
// international name gets one when the connection there was is closed.
func TestInternationalNames(t *testing.T) {
	const timedOut, fetched = "28\n", "0\n"
	compare(t, "testdata/idn.c", func(t *testing.T, library, made string) {
		for _, driver := range drivers {
			said, err := program.Command(library, made, driver).CombinedOutput()
			require.NoError(t, err, "%s: %s", driver, said)
			require.Equal(t, timedOut+fetched, string(said), "how both handles end, with %s", driver)
		}
	})
}
