package likestock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// TestTotalConnections requires that each handle that waits because of
// CURLMOPT_MAX_TOTAL_CONNECTIONS gets its connection.
func TestTotalConnections(t *testing.T) {
	compare(t, "testdata/total.c", func(t *testing.T, library, made string) {
		for _, driver := range drivers {
			said, err := program.Command(library, made, driver).CombinedOutput()
			require.NoError(t, err, "%s: %s", driver, said)
			require.Equal(t, "3\n", string(said), "handles that are done, with %s", driver)
		}
	})
}
