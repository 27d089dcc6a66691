package check_test

import (
	"cmp"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/build/ctest"
	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/judge"
)

// engine compiles the origin's TLS engine.
func engine(t *testing.T) string {
	t.Helper()
	sources, err := filepath.Glob("../origin/openssl/engine/*.c")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "tls-engine")
	require.NoError(t, ctest.Compile(path, sources, "-I../origin/openssl/engine", "-lssl", "-lcrypto"))
	return path
}

// one returns the scenario with this id.
func one(t *testing.T, id string, http2 bool) *check.Scenario {
	t.Helper()
	found, err := check.Match(id, http2)
	require.NoError(t, err)
	return &found[0]
}

func TestEachScenarioSaysWhatItIs(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range check.All() {
		require.False(t, seen[s.ID], s.ID)
		seen[s.ID] = true
		require.Regexp(t, `^[a-z0-9]+(-[a-z0-9]+)*$`, s.ID)
		require.Contains(t, check.Families(), s.Family)
		require.Regexp(t, `^RFC \d{4} §[\d.]+: `, s.Rule, s.ID)
		require.Regexp(t, `\.$`, s.Summary)
		require.NotEmpty(t, s.Allows)
	}
	_, err := check.Match("nosuch", false)
	require.ErrorContains(t, err, "there are: honest-origin, ")
	_, err = check.Match("http2-*", false)
	require.EqualError(t, err, `"http2-*" is about HTTP/2: add --http2`)
	_, err = check.Match("framing-*", true)
	require.EqualError(t, err, `"framing-*" is about HTTP/1.1: leave out --http2`)
}

// In these scenarios, this machine's curl behaves correctly and a careless
// client does not.
func TestACarelessClientIsCaught(t *testing.T) {
	preload, tlsEngine := interposer(t), engine(t)
	for id, each := range map[string]struct {
		careless  judge.Verdict // empty if it depends on the kernel
		says      string
		method    string
		arguments []string // of curl
	}{
		"honest-origin":               {careless: judge.Pass},
		"late-response":               {careless: judge.Pass, says: "3 requests were answered"},
		"split-response":              {careless: judge.Pass},
		"interim-responses":           {},
		"close-announced":             {careless: judge.Fail, says: "1 requests came on that connection afterwards"},
		"excess-bytes":                {careless: judge.Fail, says: "it took it for a response"},
		"timeout-at-rest":             {careless: judge.Fail, says: "it took it for a response"},
		"head-with-body":              {method: "HEAD", careless: judge.Inconclusive, says: "prints no bodies", arguments: []string{"-I"}},
		"truncated-body":              {careless: judge.Fail, says: "a part for the whole"},
		"reset-mid-response":          {},
		"dropped":                     {careless: judge.Inconclusive, says: "prints no bodies"},
		"framing-lengths-differ":      {careless: judge.Fail, says: "it took it for a response"},
		"framing-length-and-coding":   {careless: judge.Pass},
		"idle-keyupdate":              {careless: judge.Pass},
		"idle-late-ticket":            {careless: judge.Pass},
		"idle-hello-request":          {careless: judge.Pass},
		"framing-101-unasked":         {careless: judge.Fail, says: "requests came on that connection"},
		"framing-chunk-size":          {careless: judge.Fail, says: "requests came on that connection"},
		"framing-chunk-overflow":      {careless: judge.Fail, says: "requests came on that connection"},
		"framing-chunk-end":           {careless: judge.Fail, says: "requests came on that connection"},
		"framing-trailer-status-line": {careless: judge.Pass},
	} {
		t.Run(id, func(t *testing.T) {
			s := one(t, id, false)
			o := checked(t, preload, check.Setup{Scenario: s, Engine: tlsEngine},
				python, "testdata/careless.py", "{url}", "{ca}", cmp.Or(each.method, "GET"))
			findings := check.Findings(o)
			f := findings[0]
			if id != "honest-origin" && each.careless != "" {
				require.Equal(t, id, f.ID)
				require.Equal(t, s.Rule, f.Rule)
				require.Equal(t, each.careless, f.Verdict, "%s\n%s\n%s", f.Actual, o.Output, o.Failure)
			}
			require.Contains(t, f.Actual, each.says)

			command := append([]string{"curl", "-s", "--fail-early"}, each.arguments...)
			o = checked(t, preload, check.Setup{Scenario: s, Engine: tlsEngine}, append(command, "{url}/1", "{url}/2", "{url}/3")...)
			require.Equal(t, judge.Pass, judge.Sum(check.Findings(o)), "%+v", check.Findings(o))
		})
	}
}

// A client that waits for the rest of a misread response does not wait for
// ever, although it has made another request meanwhile.
func TestAConnectionWithoutUseEnds(t *testing.T) {
	const waiting = `
import socket, sys
host, port = sys.argv[1].split("//")[1].split(":")
s = socket.create_connection((host, int(port)))
for path in "12":
    s.sendall(b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n" % path.encode())
    s.recv(1)
while s.recv(1000): pass
`
	setup := check.Setup{Scenario: one(t, "framing-trailer-status-line", false), Plain: true, Limit: 20 * time.Second}
	o := checked(t, "", setup, python, "-c", waiting, "{url}")
	require.False(t, o.Hung, o.Failure)
	require.Len(t, o.Origin.Connections, 1)
	require.Len(t, o.Origin.Connections[0].Requests, 2)
}

// A client that makes another request although it has seen a surplus response
// breaks a SHOULD. If it says that it got that response, it breaks a MUST.
func TestASurplusResponseThatFailsTheNextRequest(t *testing.T) {
	const going = `
import socket, sys
host, port = sys.argv[1].split("//")[1].split(":")
s = socket.create_connection((host, int(port)))
got = b""
for path in "12":
    s.sendall(b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n" % path.encode())
    while b"408" not in got: got += s.recv(1000)
sys.exit(sys.argv[2])
`
	for message, must := range map[string]bool{"connection to port 40812 ended": false, "HTTP error 408": true} {
		setup := check.Setup{Scenario: one(t, "timeout-at-rest", false), Plain: true, Limit: 20 * time.Second}
		o := checked(t, "", setup, python, "-c", going, "{url}", message)
		f := check.Findings(o)[0]
		require.Equal(t, judge.Fail, f.Verdict, f.Actual)
		require.Contains(t, f.Actual, "the next request came on that connection; the client ended with exit status 1: "+message)
		require.Equal(t, must, f.Rule == setup.Scenario.Rule, f.Rule)
		require.Equal(t, must, !strings.Contains(f.Rule, "SHOULD"), f.Rule)
	}
}

func TestWhatIsNotIdempotentIsNotAskedForAgain(t *testing.T) {
	const again = `
import http.client, ssl, sys
host = sys.argv[1].split("//")[1]
for attempt in range(2):
    c = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=sys.argv[2]))
    try:
        c.request("POST", "/1", body=b"x")
        sys.stdout.write(c.getresponse().read().decode())
        break
    except OSError:
        pass
`
	o := checked(t, "", check.Setup{Scenario: one(t, "dropped", false)}, python, "-c", again, "{url}", "{ca}")
	require.Equal(t, judge.Fail, check.Findings(o)[0].Verdict)
	require.Equal(t, "POST /1 was made again, which is not idempotent", check.Findings(o)[0].Actual)
}

func TestScenariosOfHTTP2(t *testing.T) {
	preload := interposer(t)
	for _, s := range check.All() {
		if !s.HTTP2 {
			continue
		}
		t.Run(s.ID, func(t *testing.T) {
			command := []string{"curl", "-s", "--http2", "--fail-early", "{url}/1", "{url}/2", "{url}/3"}
			switch s.ID {
			case "http2-flow-control":
				command = []string{"curl", "-s", "--http2", "-T", "{file}", "{url}/1"}
			case "http2-fewer-streams":
				command = []string{"h2load", "-n", "30", "-c", "1", "-m", "10", "{url}/"}
			}
			o := checked(t, preload, check.Setup{Scenario: &s, HTTP2: true}, command...)
			f := check.Findings(o)[0]
			require.Equal(t, s.ID, f.ID)
			require.Equal(t, judge.Pass, f.Verdict, "%s\n%s", f.Actual, o.Output)
			require.True(t, o.Deed.Done)
		})
	}
}

func TestAnEarlyResponseToAnUpload(t *testing.T) {
	s := one(t, "early-response", false)
	o := checked(t, interposer(t), check.Setup{Scenario: s}, "curl", "-s", "-T", "{file}", "{url}/1")
	f := check.Findings(o)[0]
	require.Equal(t, judge.Pass, f.Verdict, f.Actual)
	require.Less(t, o.Deed.Read, o.Deed.Expected)

	const deaf = `
import socket, ssl, sys
host, port = sys.argv[1].split("//")[1].split(":")
s = socket.create_connection((host, int(port)))
s.sendall(b"PUT /1 HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000000)
s.recv(1000)
`
	o = checked(t, interposer(t), check.Setup{Scenario: s, Plain: true}, python, "-c", deaf, "{url}")
	f = check.Findings(o)[0]
	require.Equal(t, judge.Fail, f.Verdict, f.Actual)
	require.Contains(t, f.Actual, "all 1000000 bytes of the body were sent")
}

// A load generator always exits with 0. A pattern finds the failures that it
// reports.
func TestAComplaintCounts(t *testing.T) {
	if _, err := exec.LookPath("ab"); err != nil {
		t.Skip(err, "; scripts/setup --tests installs it")
	}
	setup := check.Setup{Scenario: one(t, "truncated-body", false), Plain: true}
	command := []string{"ab", "-k", "-n", "3", "-c", "1", "{url}/"}
	o := checked(t, "", setup, command...)
	require.Equal(t, judge.Inconclusive, check.Findings(o)[0].Verdict, check.Findings(o)[0].Actual)
	setup.Complaint = regexp.MustCompile(`Failed requests: +[1-9]\d*`)
	o = checked(t, "", setup, command...)
	require.Equal(t, judge.Pass, check.Findings(o)[0].Verdict, check.Findings(o)[0].Actual)
	require.True(t, strings.HasPrefix(check.Findings(o)[0].Actual, "the client says Failed requests:"))
}

// The user's environment for other work does not affect the client.
func TestTheEnvironmentOfAClient(t *testing.T) {
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	t.Setenv("SSL_CERT_DIR", "/nowhere")
	t.Setenv("REQUESTS_CA_BUNDLE", "/nowhere")
	const script = `test -z "$https_proxy$SSL_CERT_DIR" && test "$REQUESTS_CA_BUNDLE" = "$1" && test "$GIT_SSL_CAINFO" = "$1" &&
test "$NODE_EXTRA_CA_CERTS" = "$1" && test "$2" = localhost && test -s "$4" && curl -s "https://$2:$3/" && cp "$4" "$5"`
	o := checked(t, "", check.Setup{Host: "localhost"}, "sh", "-c", script, "sh", "{ca}", "{host}", "{port}", "{file}", "{dir}")
	require.Empty(t, o.Failure)
	require.Contains(t, string(o.Output), "a line of a file", "what it wrote into its folder counts as printed")
}
