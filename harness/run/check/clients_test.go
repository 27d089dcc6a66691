package check_test

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// interposer compiles the library to preload.
func interposer(t *testing.T) string {
	t.Helper()
	sources, err := filepath.Glob("../interposer/*.c")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "libinterposer.so")
	out, err := exec.Command("cc", append(sources, "-shared", "-fPIC", "-o", path, "-ldl")...).CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

// checked examines a command. Missing settings have the command line's
// defaults.
func checked(t *testing.T, preload string, setup check.Setup, command ...string) *check.Observation {
	t.Helper()
	// Debian's own libcurl and python, not those of curlpipe's tests.
	t.Setenv("LD_LIBRARY_PATH", "")
	setup.Command, setup.Interposer, setup.Connections, setup.Requests = command, preload, 1, 1
	setup.Limit = cmp.Or(setup.Limit, time.Minute)
	o, err := check.Examine(context.Background(), setup)
	require.NoError(t, err)
	return o
}

// of returns the finding on an invariant.
func of(t *testing.T, o *check.Observation, id string) judge.Finding {
	t.Helper()
	for _, f := range check.Findings(o) {
		if f.ID == id {
			return f
		}
	}
	require.Fail(t, "no such invariant", id)
	return judge.Finding{}
}

const python = "/usr/bin/python3" // Debian's, which has PycURL

const httpClient = `
import http.client, ssl, sys
host = sys.argv[1].split("//")[1]
c = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=sys.argv[2]))
for i in range(3):
    c.request("POST" if i == 1 else "GET", "/%d" % i, body=b"x" * 10, headers={"X-Request-Id": "r%d" % i})
    assert c.getresponse().read() == b"r%d\n" % i
c.close()
`

const pycurl = `
import pycurl, sys, io
c = pycurl.Curl()
for i in range(3):
    c.setopt(c.URL, sys.argv[1] + "/%d" % i)
    c.setopt(c.CAINFO, sys.argv[2])
    c.setopt(c.WRITEDATA, io.BytesIO())
    c.perform()
c.close()
`

// impatient resets the connection in the middle of a request.
const impatient = `
import socket, ssl, struct, sys
host, port = sys.argv[1].split("//")[1].split(":")
tcp = socket.create_connection((host, int(port)))
s = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(tcp, server_hostname=host)
s.sendall(b"GET /1 HTTP/1.1\r\nHost: here\r\n\r\nGET /2 HT")
s.recv(1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
`

// hasty closes the connection with unread bytes, and in the middle of a
// request.
const hasty = `
import select, socket, sys
host, port = sys.argv[1].split("//")[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(b"GET /1 HTTP/1.1\r\nHost: here\r\n\r\nGET /2 HT")
select.select([s], [], [])
s.close()
`

// mixed writes one request inside another.
const mixed = `
import socket, sys
host, port = sys.argv[1].split("//")[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(b"GET /1 HTTP/1.1\r\nHost: here\r\nX-GET /2 HTTP/1.1\r\nHost: here\r\n\r\n")
while s.recv(100): pass
`

// filler makes requests so large that pipelined ones fill all buffers.
var filler = "X-Filler: " + strings.Repeat("x", 2000)

func TestClientsGetTheVerdictThatTheyDeserve(t *testing.T) {
	preload := interposer(t)
	for name, each := range map[string]struct {
		setup    check.Setup
		command  []string
		verdict  judge.Verdict
		requests int
		protocol string
		openssl  bool
		findings map[string]judge.Verdict
	}{
		"curl, kept alive": {
			command: []string{"curl", "-s", "{url}/1", "{url}/2"}, verdict: judge.Pass, requests: 2, protocol: "HTTP/1.1", openssl: true,
			findings: map[string]judge.Verdict{"write-retry": judge.NotApplicable, "own-response": judge.NotApplicable},
		},
		"curl, a connection each": {
			command: []string{"curl", "-s", "-H", "Connection: close", "{url}/1", "{url}/2"}, verdict: judge.Fail, requests: 2,
			protocol: "HTTP/1.1", openssl: true, findings: map[string]judge.Verdict{"one-connection": judge.Fail, "no-reset": judge.Pass},
		},
		"curl, HTTP/2 in parallel": {
			setup:   check.Setup{HTTP2: true},
			command: []string{"curl", "-s", "--http2", "--parallel", "{url}/1", "{url}/2", "{url}/3"}, verdict: judge.Pass,
			requests: 3, protocol: "HTTP/2.0", openssl: true,
		},
		"wget, whose TLS is not OpenSSL": {
			command: []string{"wget", "-q", "-O", "-", "--ca-certificate={ca}", "{url}/1", "{url}/2"}, verdict: judge.Pass,
			requests: 2, protocol: "HTTP/1.1",
			findings: map[string]judge.Verdict{"write-retry": judge.NotApplicable},
		},
		"h2load, which pipelines": {
			command: []string{"h2load", "--h1", "-n", "60", "-c", "1", "-m", "10", "{url}/"}, verdict: judge.Pass,
			requests: 60, protocol: "HTTP/1.1", openssl: true,
		},
		"h2load, which pipelines and is made to wait": {
			setup:   check.Setup{Stall: true},
			command: []string{"h2load", "--h1", "-n", "60", "-c", "1", "-m", "60", "-H", filler, "{url}/"}, verdict: judge.Pass,
			requests: 60, protocol: "HTTP/1.1", openssl: true, findings: map[string]judge.Verdict{"write-retry": judge.Pass},
		},
		"h2load, HTTP/2": {
			setup:   check.Setup{HTTP2: true},
			command: []string{"h2load", "-n", "60", "-c", "1", "-m", "10", "{url}/"}, verdict: judge.Pass,
			requests: 60, protocol: "HTTP/2.0", openssl: true,
		},
		"ab, kept alive": {
			command: []string{"ab", "-k", "-n", "40", "-c", "1", "{url}/"}, verdict: judge.Pass, requests: 40, protocol: "HTTP/1.0", openssl: true,
		},
		"ab, a connection each": {
			command: []string{"ab", "-n", "5", "-c", "1", "{url}/"}, verdict: judge.Fail, requests: 5, protocol: "HTTP/1.0", openssl: true,
			findings: map[string]judge.Verdict{"one-connection": judge.Fail, "no-reset": judge.Pass},
		},
		"http.client": {
			command: []string{python, "-c", httpClient, "{url}", "{ca}"}, verdict: judge.Pass, requests: 3, protocol: "HTTP/1.1", openssl: true,
			findings: map[string]judge.Verdict{"sent-once": judge.Pass, "not-pipelined": judge.Pass},
		},
		"PycURL": {
			command: []string{python, "-c", pycurl, "{url}", "{ca}"}, verdict: judge.Pass, requests: 3, protocol: "HTTP/1.1",
		},
		"a client that resets": {
			command: []string{python, "-c", impatient, "{url}", "{ca}"}, verdict: judge.Fail, requests: 1, protocol: "HTTP/1.1", openssl: true,
			findings: map[string]judge.Verdict{"no-reset": judge.Fail, "one-connection": judge.Pass},
		},
		"a client that mixes requests up": {
			setup:   check.Setup{Plain: true},
			command: []string{python, "-c", mixed, "{url}"}, verdict: judge.Fail, requests: 1,
			findings: map[string]judge.Verdict{"wire-order": judge.Fail},
		},
		"a client that ignores the URL": {
			command: []string{"true", "{url}"}, verdict: judge.Fail,
			findings: map[string]judge.Verdict{"exercised": judge.Fail, "one-connection": judge.NotApplicable},
		},
		"a client that exits early": {
			command: []string{"curl", "-s", "--cacert", "/dev/null", "{url}/"}, verdict: judge.Fail, openssl: false,
			findings: map[string]judge.Verdict{"all-answered": judge.Fail},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(each.command[0]); err != nil {
				t.Skip(err, "; scripts/setup --tests installs it")
			}
			o := checked(t, preload, each.setup, each.command...)
			findings := check.Findings(o)
			require.Equal(t, each.verdict, judge.Sum(findings), "%+v", findings)
			requests := 0
			for i, c := range o.Origin.Connections {
				requests += len(c.Requests)
				if each.protocol != "" {
					require.Equal(t, each.protocol, o.Protocols[i])
				}
			}
			require.Equal(t, each.requests, requests)
			if each.openssl {
				require.Positive(t, o.TLSWrites)
			}
			for id, verdict := range each.findings {
				require.Equal(t, verdict, of(t, o, id).Verdict, "%s: %s", id, of(t, o, id).Actual)
			}
		})
	}
}

func TestWhatWasLeftUnreadIsSeen(t *testing.T) {
	o := checked(t, interposer(t), check.Setup{Plain: true}, python, "-c", hasty, "{url}")
	require.EqualValues(t, 1, o.Events.UnreadCloses)
	require.Positive(t, o.Events.UnreadBytes)
	f := of(t, o, "no-reset")
	require.Equal(t, judge.Fail, f.Verdict)
	require.Contains(t, f.Actual, fmt.Sprintf("; 1 sockets were closed with %d bytes unread in all", o.Events.UnreadBytes))
}

func TestAClientThatHangsIsEnded(t *testing.T) {
	o := checked(t, "", check.Setup{Limit: 100 * time.Millisecond}, "sh", "-c", "sleep 1000 & sleep 1000", "{url}")
	require.Equal(t, "the client did not end within 100ms and was killed", o.Failure)
	require.Equal(t, judge.Fail, judge.Sum(check.Findings(o)))
}

func TestAClientThatIsNotThere(t *testing.T) {
	_, err := check.Examine(context.Background(), check.Setup{Command: []string{"/nowhere/client"}, Limit: time.Minute})
	require.ErrorContains(t, err, "starting the client")
	require.False(t, strings.Contains(err.Error(), "\n"))
}
