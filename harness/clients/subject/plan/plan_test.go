package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// sound is a valid plan.
const sound = `{"url": "https://127.0.0.1:4443", "ca_file": "/ca.pem", "tls": "1.2", "driver": "socket",
	"max_host_connections": 1, "pipelining": 1, "max_pipeline_length": 50, "stall_limit_ms": 4000,
	"requests": [{"id": "r0", "method": "GET", "path": "/r0?body=7", "header_bytes": 30},
	             {"id": "r1", "method": "HEAD", "path": "/r1"}]}`

func TestReadTakesEveryField(t *testing.T) {
	p, err := Read(strings.NewReader(sound))
	require.NoError(t, err)
	require.Equal(t, &Plan{
		URL: "https://127.0.0.1:4443", CAFile: "/ca.pem", TLS: TLS12, Driver: DriverSocket,
		MaxHostConnections: 1, Pipelining: 1, MaxPipelineLength: 50, StallLimitMS: 4000,
		Requests: []Request{
			{ID: "r0", Method: "GET", Path: "/r0?body=7", HeaderBytes: 30},
			{ID: "r1", Method: "HEAD", Path: "/r1"},
		},
	}, p)
}

func TestReadTakesWhatPipelabWrites(t *testing.T) {
	written, err := Read(strings.NewReader(sound))
	require.NoError(t, err)
	text, err := json.Marshal(written)
	require.NoError(t, err)
	read, err := Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, written, read)
}

func TestReadRefuses(t *testing.T) {
	change := func(old, new string) string {
		require.Contains(t, sound, old)
		return strings.Replace(sound, old, new, 1)
	}
	for name, each := range map[string]struct{ input, reason string }{
		"nothing":                 {"", "reading the plan"},
		"no JSON":                 {"plan", "reading the plan"},
		"JSON that is cut off":    {sound[:len(sound)-1], "reading the plan"},
		"a text for a number":     {change(`4000`, `"4000"`), "stall_limit_ms"},
		"no url":                  {change(`"https://127.0.0.1:4443"`, `""`), "no url"},
		"an unknown driver":       {change(`"socket"`, `"epoll\nselect"`), `"perform" nor "socket"`},
		"no stall limit":          {change(`4000`, `0`), "stall_limit_ms must be more than 0"},
		"a negative stall limit":  {change(`4000`, `-1`), "not -1"},
		"no requests":             {`{"url": "http://x", "driver": "perform", "stall_limit_ms": 1}`, "no requests"},
		"a request without id":    {change(`"id": "r1", `, ``), "request 2 has no id of its own"},
		"two requests of one id":  {change(`"id": "r1"`, `"id": "r0"`), `request 2 has no id of its own ("r0")`},
		"an id with a line break": {strings.ReplaceAll(strings.ReplaceAll(sound, `"r0"`, `"r\n"`), `"r1"`, `"r\n"`), `"r\n"`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Read(strings.NewReader(each.input))
			require.ErrorContains(t, err, each.reason)
			require.NotContains(t, err.Error(), "\n", "a refusal is one line")
			require.Nil(t, p)
		})
	}
}

func TestReadSaysThatReadingFailed(t *testing.T) {
	broken := errors.New("the pipe broke")
	_, err := Read(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

func TestReportHasTheDocumentedFields(t *testing.T) {
	report := Report{
		Subject: "c-demo", Driver: DriverPerform, LibcurlVersion: "libcurl/7.53.1", DurationMS: 812.5, CPUMS: 31.2,
		Results: []Result{{
			ID: "r0", Answered: true, Status: 200, BodyID: "r0", BodyBytes: 7, BodyHash: Hash(Body("r0", 7)), TimesCompleted: 1,
		}},
	}
	var output bytes.Buffer
	require.NoError(t, report.Write(&output))
	require.JSONEq(t, `{"subject": "c-demo", "driver": "perform", "libcurl_version": "libcurl/7.53.1",
		"duration_ms": 812.5, "cpu_ms": 31.2, "results": [{"id": "r0", "answered": true, "curl_code": 0,
		"status": 200, "body_id": "r0", "body_bytes": 7, "body_hash": "`+Hash([]byte("r0\nr0.r"))+`",
		"times_completed": 1, "error": ""}]}`, output.String())
	require.Equal(t, 1, strings.Count(output.String(), "\n"), "a report is one line")
}
