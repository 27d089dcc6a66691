package check_test

import (
	"flag"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

var writers = flag.Int("writers", 1, "how often each way to repeat a blocked write is tried")

// writer compiles the client that repeats a blocked write in several ways.
func writer(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writer")
	out, err := exec.Command("cc", "-Wall", "-Wextra", "-Werror", "-o", path, "testdata/writer.c", "-lssl", "-lcrypto").CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func TestEachWayToRepeatABlockedWrite(t *testing.T) {
	preload, client := interposer(t), writer(t)
	for way, each := range map[string]struct {
		verdict judge.Verdict
		breach  events.Breach
		says    string
	}{
		"same":      {judge.Pass, "", "all of "},
		"ex":        {judge.Pass, "", "all of "},
		"moving":    {judge.Pass, "", "all of "},
		"partial":   {judge.Pass, "", "all of "},
		"ownbio":    {judge.Pass, "", "all of "},
		"blocking":  {judge.NotApplicable, "", "writes to a blocking socket"},
		"other":     {judge.Fail, events.OtherBytes, "data can be lost or mixed up"},
		"shorter":   {judge.Fail, events.Shorter, "the first: shorter: "},
		"longer":    {judge.Fail, events.Longer, "SSL_write(3) does not allow it, today's OpenSSL puts up with it"},
		"moved":     {judge.Fail, events.Moved, "without SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER"},
		"handshake": {judge.Fail, events.InHandshake, "nothing is lost"},
	} {
		t.Run(way, func(t *testing.T) {
			for range *writers {
				o := checked(t, preload, check.Setup{Stall: true}, "sh", "-c", script, "sh", client, way, "{url}")
				f := of(t, o, "write-retry")
				require.Equal(t, each.verdict, f.Verdict, "%s; %s", f.Actual, o.Failure)
				require.Contains(t, f.Actual, each.says)
				require.NotContains(t, f.Actual, "\n")
				if each.breach == "" {
					require.Empty(t, o.Events.BadRetries)
					continue
				}
				require.Equal(t, each.breach, o.Events.BadRetries[0].Breach())
			}
		})
	}
}

// script gives a program the host and the port of a URL.
const script = `hostport=${3#*//}; exec "$1" "$2" "${hostport%:*}" "${hostport##*:}"`

// A stall that blocked nothing has shown nothing.
func TestAStallThatBlocksNothingIsInconclusive(t *testing.T) {
	o := checked(t, interposer(t), check.Setup{Stall: true}, "curl", "-s", "{url}/1")
	require.Positive(t, o.TLSWrites)
	f := of(t, o, "write-retry")
	require.Equal(t, judge.Inconclusive, f.Verdict, f.Actual)
	require.Contains(t, f.Actual, "a request body of 100 KB or more")
}
