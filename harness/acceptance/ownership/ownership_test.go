// Package ownership_test compares the patched libcurl with a model of who owns a
// pipelined connection, under random actions: see testdata/ownership.c.
package ownership_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/acceptance/program"
)

// seeds is how many seeds each driver tries in the short form.
const seeds = 20

// batch is how many seeds one run of the program tries.
const batch = 100

// found are seeds with which a driver has failed before.
var found = []string{
	"2376", // a handle whose turn it was to get a connection left it to one that nobody woke
	"3156", // a handle without a response ended well, because another one had retried
}

// TestOwnership runs the model with AddressSanitizer and
// UndefinedBehaviorSanitizer. CURLPIPE_SEEDS sets another number of seeds.
func TestOwnership(t *testing.T) {
	count := seeds
	if text := os.Getenv("CURLPIPE_SEEDS"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(t, err, "CURLPIPE_SEEDS is a number")
	}
	prefix := program.Libcurl(t, "--variant", "patched", "--sanitize")
	model := program.Compile(t, prefix, []string{"testdata/ownership.c", "testdata/origin.c"},
		"-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	for _, driver := range []string{"perform", "socket"} {
		t.Run(driver, func(t *testing.T) {
			for first := 1; first <= count; first += batch {
				last := min(first+batch-1, count)
				said, err := program.Command(prefix, model, driver, strconv.Itoa(first), strconv.Itoa(last)).CombinedOutput()
				require.NoError(t, err, "%s", said)
				require.Empty(t, string(said))
			}
			for _, seed := range found {
				said, err := program.Command(prefix, model, driver, seed, seed).CombinedOutput()
				require.NoError(t, err, "%s", said)
			}
		})
	}
}

// TestTheModelSeesStockFail requires that the model finds stock's defects.
func TestTheModelSeesStockFail(t *testing.T) {
	prefix := program.Libcurl(t, "--variant", "stock")
	model := program.Compile(t, prefix, []string{"testdata/ownership.c", "testdata/origin.c"})
	for _, driver := range []string{"perform", "socket"} {
		said, err := program.Command(prefix, model, driver, "1", strconv.Itoa(seeds)).CombinedOutput()
		require.Error(t, err, "stock passes with %s", driver)
		require.Contains(t, string(said), "seed ", "%v", err)
	}
}
