package likestock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// TestTotalConnections requires that each handle that waits because of
// CURLMOPT_MAX_TOTAL_CONNECTIONS gets its connection.
func TestTotalConnections(t *testing.T) {
	for _, variant := range []string{"stock", "patched"} {
		prefix := program.Libcurl(t, "--variant", variant)
		made := program.Compile(t, prefix, []string{"testdata/total.c"})
		for _, driver := range []string{"perform", "socket"} {
			said, err := program.Command(prefix, made, driver).CombinedOutput()
			require.NoError(t, err, "%s with %s: %s", variant, driver, said)
			require.Equal(t, "3\n", string(said), "handles that are done, %s with %s", variant, driver)
		}
	}
}
