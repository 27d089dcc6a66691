package check_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/events"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
)

var writers = flag.Int("writers", 1, "how often each way to repeat a blocked write is tried")

// writer compiles the client that repeats a blocked write in several ways.
func writer(t *testing.T, libraries ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writer")
	arguments := append([]string{"-Wall", "-Wextra", "-Werror", "-o", path, "testdata/writer.c"}, libraries...)
	out, err := exec.Command("cc", arguments...).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func TestEachWayToRepeatABlockedWrite(t *testing.T) {
	preload, client := interposer(t), writer(t, "-lssl", "-lcrypto")
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
		"bio":       {judge.Pass, "", "all of "},
		"bioother":  {judge.Fail, events.OtherBytes, "after BIO_write of"},
		"memory":    {judge.NotApplicable, "", "has OpenSSL write into memory"},
		"room":      {judge.NotApplicable, "", "the client waits for room before it writes"},
		"blocking":  {judge.NotApplicable, "", "writes to a blocking socket"},
		"cleared":   {judge.Pass, "", "; the client gave up 1 more without another write"},
		"forked":    {judge.Pass, "", "; the client gave up 1 more without another write"},
		"left":      {judge.Inconclusive, "", "no other write followed: the client gave up each of 1 blocked writes"},
		"shared":    {judge.Fail, events.OtherBytes, "are the same (data can be lost or mixed up)"},
		"unset":     {judge.Fail, events.Moved, "without SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER"},
		"other":     {judge.Fail, events.OtherBytes, "data can be lost or mixed up"},
		"shorter":   {judge.Fail, events.Shorter, "the first: shorter: "},
		"longer":    {judge.Fail, events.Longer, "SSL_write(3) does not allow it, today's OpenSSL accepts it"},
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

// Programs that start others close inherited descriptors, or reuse their
// numbers.
func TestAClientThatDidNotInheritThePipe(t *testing.T) {
	preload, client, file := interposer(t), writer(t, "-lssl", "-lcrypto"), filepath.Join(t.TempDir(), "file")
	for name, each := range map[string]struct {
		wrapper []string
		verdict judge.Verdict
		says    string
	}{
		"closed":              {[]string{"sh", "-c", `exec 3>&-; "$@"`, "sh"}, judge.Fail, "same bytes at another address: "},
		"another file":        {[]string{"sh", "-c", `exec 3>"$0"; "$@"`, file}, judge.Fail, "same bytes at another address: "},
		"without the preload": {[]string{"env", "-u", "LD_PRELOAD"}, judge.NotApplicable, "was started without LD_PRELOAD"},
	} {
		t.Run(name, func(t *testing.T) {
			way := "moved"
			if each.verdict == judge.NotApplicable {
				way = "same"
			}
			o := checked(t, preload, check.Setup{Stall: true}, append(each.wrapper, client, way, "{host}", "{port}")...)
			f := of(t, o, "write-retry")
			require.Equal(t, each.verdict, f.Verdict, f.Actual)
			require.Contains(t, f.Actual, each.says)
		})
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, content)
}

// A client's own BIO does not tell its socket, but writes to one.
func TestTheSocketOfABIOIsSeen(t *testing.T) {
	sockets := make(map[int]bool)
	o := checked(t, interposer(t), check.Setup{Stall: true, Tap: lab.Tap{Event: func(e events.Event) {
		if e.SSL != "" && e.Call != "SSL_free" {
			sockets[e.FD] = true
		}
	}}}, "sh", "-c", script, "sh", writer(t, "-lssl", "-lcrypto"), "ownbio", "{url}")
	require.Positive(t, o.Events.WantWrite)
	require.Zero(t, o.Events.InMemory)
	require.Len(t, sockets, 1)
	require.NotContains(t, sockets, -1)
}

// A TLS stack that the interposer cannot watch is named.
func TestOtherTLSIsNamed(t *testing.T) {
	preload, folder := interposer(t), t.TempDir()
	static := writer(t, "-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic", "-ldl", "-lpthread")
	goClient := filepath.Join(folder, "goclient")
	out, err := exec.Command("go", "build", "-o", goClient, "testdata/goclient.go").CombinedOutput()
	require.NoError(t, err, string(out))
	for name, each := range map[string]struct {
		command []string
		says    string
	}{
		"linked statically": {[]string{"sh", "-c", script, "sh", static, "same", "{url}"}, `OpenSSL[ 0-9.]*, linked statically$`},
		"Go":                {[]string{goClient, "{url}"}, `Go's crypto/tls \(go1[^)]*\)$`},
		"wget":              {[]string{"wget", "-q", "-O", "-", "--ca-certificate={ca}", "{url}/"}, `GnuTLS \(libgnutls\.so\.\d+[^)]*\)$`},
	} {
		t.Run(name, func(t *testing.T) {
			for range *writers {
				o := checked(t, preload, check.Setup{Stall: true}, each.command...)
				require.Empty(t, o.Failure)
				f := of(t, o, "write-retry")
				require.Equal(t, judge.NotApplicable, f.Verdict, f.Actual)
				require.Regexp(t, each.says, f.Actual)
			}
		})
	}
}

// script makes a script that gets the host and the port of a URL.
const script = `hostport=${3#*//}; exec "$1" "$2" "${hostport%:*}" "${hostport##*:}"`

// A stall that blocks no write is inconclusive.
func TestAStallThatBlocksNothingIsInconclusive(t *testing.T) {
	o := checked(t, interposer(t), check.Setup{Stall: true}, "curl", "-s", "{url}/1")
	require.Positive(t, o.TLSWrites)
	f := of(t, o, "write-retry")
	require.Equal(t, judge.Inconclusive, f.Verdict, f.Actual)
	require.Contains(t, f.Actual, "a request body of 100 KB or more")
}
