package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
)

func TestCheckJudgesAClient(t *testing.T) {
	enterCheckout(t, "good")
	t.Setenv("LD_LIBRARY_PATH", "")
	code, stdout, stderr := pipelab("check", "--out", "out", "--", "curl", "-s", "{url}/1", "{url}/2")
	require.Equal(t, exitExpected, code, stderr+stdout)
	require.Regexp(t, `(?m)^one-connection +pass +1 accepted`, stdout)
	require.Regexp(t, `(?m)^own-response +n/a +cannot be seen`, stdout)
	require.Regexp(t, `(?m)^curl: pass$`, stdout)

	e, err := evidence.Read("out/check/curl")
	require.NoError(t, err)
	require.Equal(t, judge.Pass, e.Record.Run.Verdict)
	require.Equal(t, 2, e.Record.Run.Answered)
	require.Equal(t, "build/pipelab check --connections 1 --requests 1 --time-limit 1m0s -- curl -s '{url}/1' '{url}/2'", e.Record.Run.Command)
	code, _, stderr = pipelab("report", "out")
	require.Equal(t, exitExpected, code, stderr)
	require.Contains(t, contentOf(t, "out/index.html"), "curl (command)")
}

func TestCheckOfScenarios(t *testing.T) {
	enterCheckout(t, "good")
	t.Setenv("LD_LIBRARY_PATH", "")
	code, stdout, stderr := pipelab("check", "--scenario", "close-*", "--plain", "--host", "localhost", "--out", "out",
		"--json", "runs.json", "--junit", "runs.xml", "--markdown", "runs.md", "--",
		"curl", "-s", "--fail-early", "{url}/1", "http://{host}:{port}/2")
	require.Equal(t, exitExpected, code, stderr+stdout)
	require.Regexp(t, `(?m)^close-announced +pass +the next request came on another connection$`, stdout)
	require.Regexp(t, `(?m)^curl: 3 pass$`, stdout)
	for _, id := range []string{"close-announced", "close-unannounced", "close-at-length"} {
		e, err := evidence.Read("out/" + id + "/curl")
		require.NoError(t, err)
		require.Equal(t, id, e.Record.Run.Scenario)
		require.Contains(t, e.Record.Run.Command, "--scenario "+id+" --host localhost")
		require.Contains(t, contentOf(t, "runs.json"), id)
		require.Contains(t, contentOf(t, "runs.xml"), id)
		require.Contains(t, contentOf(t, "runs.md"), id)
	}
	code, _, _ = pipelab("check", "--scenario", "close-announced", "--plain", "--repeat", "2", "--out", "out", "--",
		"curl", "-s", "{url}/1", "{url}/2")
	require.Equal(t, exitExpected, code)
	for _, name := range []string{"curl", "curl-2", "curl-3"} {
		require.FileExists(t, "out/close-announced/"+name+"/run.json")
	}
}

// A client that fails is shown with its output, and with the rule that it
// broke.
func TestCheckShowsWhatAClientPrinted(t *testing.T) {
	enterCheckout(t, "good")
	t.Setenv("LD_LIBRARY_PATH", "")
	const script = `curl -s "$1/1"; echo all is well`
	code, stdout, stderr := pipelab("check", "--scenario", "truncated-body", "--plain", "--", "sh", "-c", script, "sh", "{url}")
	require.Equal(t, exitUnexpected, code)
	require.Equal(t, "pipelab: sh: fail\n", stderr)
	require.Regexp(t, `(?m)^truncated-body +fail +it took a part for the whole`, stdout)
	require.Contains(t, stdout, `RFC 9112 §8: "A client that receives an incomplete response message`)
	require.Regexp(t, `(?m)^        foe[A-Z0-9]+ all is well$`, stdout)
}

// A fault of a client is a verdict in one line, and the evidence exists.
func TestCheckOfClientsThatFail(t *testing.T) {
	for name, each := range map[string]struct {
		client  []string
		finding string
	}{
		"ignores the URL": {[]string{"true", "{url}"}, `(?m)^exercised +fail +the client never connected to the origin, whose address \{url\} stands for`},
		"exits early": {[]string{"sh", "-c", "echo no use >&2; exit 7", "{url}"},
			`(?m)^all-answered +fail +0 of 0 answered; the client ended with exit status 7: no use`},
		"hangs": {[]string{"sh", "-c", "sleep 1000", "{url}"},
			`(?m)^all-answered +fail +0 of 0 answered; the client did not end within 100ms and was killed`},
	} {
		t.Run(name, func(t *testing.T) {
			enterCheckout(t, "good")
			command := append([]string{"check", "--plain", "--time-limit", "100ms", "--out", "out", "--"}, each.client...)
			code, stdout, stderr := pipelab(command...)
			require.Equal(t, exitUnexpected, code)
			require.Equal(t, "pipelab: "+each.client[0]+": fail\n", stderr)
			require.Regexp(t, each.finding, stdout)
			e, err := evidence.Read("out/check/" + each.client[0])
			require.NoError(t, err)
			require.Equal(t, judge.Fail, e.Record.Run.Verdict)
		})
	}
}

func TestCheckRefuses(t *testing.T) {
	enterCheckout(t, "good")
	for reason, each := range map[string]struct {
		code      int
		arguments []string
	}{
		"check needs a command":                  {exitUsage, []string{"check"}},
		"neither {url}":                          {exitUsage, []string{"check", "--", "curl"}},
		"--requests has to be 1 or more, not 0":  {exitUsage, []string{"check", "--requests", "0", "--", "curl", "{url}"}},
		"--connections has to be 1 or more, not": {exitUsage, []string{"check", "--connections", "-1", "--", "curl", "{url}"}},
		"--time-limit has to be more than 0":     {exitUsage, []string{"check", "--time-limit", "0s", "--", "curl", "{url}"}},
		`--host "a b" is no name of a host`:      {exitUsage, []string{"check", "--host", "a b", "--", "curl", "{url}"}},
		`--host "[::1]" is no name of a host`:    {exitUsage, []string{"check", "--host", "[::1]", "--", "curl", "{url}"}},
		`--host "x:99" is no name of a host`:     {exitUsage, []string{"check", "--host", "x:99", "--", "curl", "{url}"}},
		`--host "u@x" is no name of a host`:      {exitUsage, []string{"check", "--host", "u@x", "--", "curl", "{url}"}},
		`"http2-*" is about HTTP/2: add --http2`: {exitUsage, []string{"check", "--scenario", "http2-*", "--", "curl", "{url}"}},
		`"reset" is about HTTP/1.1: leave out`:   {exitUsage, []string{"check", "--scenario", "reset", "--http2", "--", "curl", "{url}"}},
		"--http2 needs TLS":                      {exitUsage, []string{"check", "--http2", "--plain", "--", "curl", "{url}"}},
		"starting the client":                    {exitCannotRun, []string{"check", "--", "/nowhere/client", "{url}"}},
		"--tls needs TLS":                        {exitUsage, []string{"check", "--tls", "1.3", "--plain", "--", "curl", "{url}"}},
		"no version of TLS":                      {exitUsage, []string{"check", "--tls", "1.1", "--", "curl", "{url}"}},
		"--repeat has to be 1":                   {exitUsage, []string{"check", "--repeat", "0", "--", "curl", "{url}"}},
		"--complaint: error parsing":             {exitUsage, []string{"check", "--complaint", "(", "--", "curl", "{url}"}},
		"no scenario matches":                    {exitUsage, []string{"check", "--scenario", "nosuch", "--", "curl", "{url}"}},
		"needs TLS, which --plain":               {exitUsage, []string{"check", "--scenario", "idle-*", "--plain", "--", "curl", "{url}"}},
		"is about TLS 1.2":                       {exitUsage, []string{"check", "--scenario", "idle-keyupdate", "--tls", "1.2", "--", "curl", "{url}"}},
		"there is no folder for it":              {exitCannotRun, []string{"check", "--json", "no/where", "--", "curl", "{url}"}},
		"serve plays one at a time":              {exitUsage, []string{"serve", "--scenario", "close-*"}},
		"--http2 and --ca need TLS":              {exitUsage, []string{"serve", "--plain", "--ca", "x"}},
		"the origin cannot listen on":            {exitCannotRun, []string{"serve", "--listen", "127.0.0.1:nowhere"}},
	} {
		code, stdout, stderr := pipelab(each.arguments...)
		require.Equal(t, each.code, code, reason)
		requireOneLine(t, stdout, stderr)
		require.Contains(t, stderr, reason)
	}
}

func TestCheckWithoutTheInterposer(t *testing.T) {
	enterCheckout(t, "good")
	t.Setenv("LD_LIBRARY_PATH", "")
	require.NoError(t, os.Remove("build/subjects/libinterposer.so"))
	code, stdout, stderr := pipelab("check", "--", "curl", "-s", "{url}")
	require.Equal(t, exitExpected, code, stderr)
	require.Regexp(t, `(?m)^write-retry +n/a +the interposer is not built`, stdout)
	code, stdout, stderr = pipelab("check", "--stall", "--", "curl", "-s", "{url}")
	require.Equal(t, exitCannotRun, code)
	requireOneLine(t, stdout, stderr)
	require.Contains(t, stderr, "--stall has to see when the client is stuck: the interposer is not built")
}

// lines passes what is written to a goroutine that waits for a line.
type lines struct {
	mutex   sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.text.Write(p)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(p), nil
}

// wait returns the first match, once there is one.
func (l *lines) wait(pattern string) string {
	expression := regexp.MustCompile(pattern)
	for {
		l.mutex.Lock()
		found, changed := expression.FindString(l.text.String()), l.changed
		l.mutex.Unlock()
		if found != "" {
			return found
		}
		<-changed
	}
}

func TestServePrintsWhatItSees(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(context.Background())
	out := &lines{changed: make(chan struct{})}
	ended := make(chan int)
	go func() { ended <- execute(ctx, []string{"serve", "--http2", "--ca", "ca.pem"}, out, io.Discard) }()
	url := out.wait(`https://127\.0\.0\.1:[0-9]+`)
	authority, err := os.ReadFile("ca.pem")
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority))
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
	}}
	response, err := client.Get(url + "/some/where")
	require.NoError(t, err)
	response.Body.Close()
	out.wait(`connection 1: GET /some/where HTTP/2\.0\n`)
	client.CloseIdleConnections()
	out.wait(`connection 1 ended by the client`)
	cancel()
	require.Equal(t, exitExpected, <-ended)
}

func TestNamesOfTheOrigin(t *testing.T) {
	for name, right := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "a.example": true, "127.0.0.1": true, "::1": true,
		"[::1]": false, "localhost:99": false, "a/b": false, "u@x": false, "a b": false, "a?b": false, "bücher.example": false,
	} {
		require.Equal(t, right, isHost(name), name)
	}
}
