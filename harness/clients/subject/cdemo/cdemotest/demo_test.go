package cdemotest

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/stretchr/testify/require"
)

// gatherThenAnswer answers the first request at once, because libcurl pipelines only
// after it has seen HTTP/1.1, and the others only when it has read them all. A client
// that does not pipeline is never answered. The ids are sent to arrived, if it is not
// nil, in the order in which they arrive.
func gatherThenAnswer(t *testing.T, count int, arrived chan<- []string) serve {
	return func(e exchange) {
		var ids []string
		for len(ids) < count {
			id := e.nextID(t)
			if id == "" {
				return
			}
			if len(ids) == 0 {
				e.answer(id)
			}
			ids = append(ids, id)
		}
		if arrived != nil {
			arrived <- ids
		}
		for _, id := range ids[1:] {
			e.answer(id)
		}
		e.next()
	}
}

// requireOwnResponses compares a report with the one of a faultless run.
func requireOwnResponses(t *testing.T, r *plan.Report, ids []string) {
	require.Len(t, r.Results, len(ids))
	for i, id := range ids {
		require.Equal(t, ownResponse(id), r.Results[i])
	}
}

func TestRequestsArePipelined(t *testing.T) {
	ids := requestIDs(10)
	for version, name := range map[uint16]string{0: "plain", tls.VersionTLS12: "TLS 1.2", tls.VersionTLS13: "TLS 1.3"} {
		t.Run(name, func(t *testing.T) {
			forEachDriver(t, func(t *testing.T, driver string) {
				arrived := make(chan []string, 1)
				o := newOrigin(t, version, gatherThenAnswer(t, len(ids), arrived))
				r := run(t, newPlan(o, version, driver, len(ids)), demo)
				requireOwnResponses(t, r, ids)
				require.Equal(t, 1, o.connections())
				require.Equal(t, driver, r.Driver)
				order := <-arrived
				require.ElementsMatch(t, ids, order)
				if driver == plan.DriverPerform { // with the event-driven driver, timers decide about the order
					require.Equal(t, ids, order)
				}
			})
		})
	}
}

func TestSanitized(t *testing.T) {
	ids := requestIDs(10)
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, tls.VersionTLS12, gatherThenAnswer(t, len(ids), nil))
		requireOwnResponses(t, run(t, newPlan(o, tls.VersionTLS12, driver, len(ids)), sanitizedDemo), ids)
	})
}

func TestValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("valgrind is not installed: run scripts/setup")
	}
	ids := requestIDs(10)
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, tls.VersionTLS12, gatherThenAnswer(t, len(ids), nil))
		r := run(t, newPlan(o, tls.VersionTLS12, driver, len(ids)),
			valgrind, "--quiet", "--error-exitcode=9", "--leak-check=full", "--track-fds=no", demo)
		requireOwnResponses(t, r, ids)
	})
}

func TestTruncatedAnswer(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, tls.VersionTLS12, func(e exchange) {
			e.next()
			fmt.Fprintf(e, "HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\nr00\nr00.")
		})
		r := run(t, newPlan(o, tls.VersionTLS12, driver, 1), sanitizedDemo)
		require.NotEmpty(t, r.Results[0].Error)
		r.Results[0].Error = ""
		require.Equal(t, []plan.Result{{
			ID: "r00", CurlCode: 18, Status: 200, BodyID: "r00", BodyBytes: 8,
			BodyHash: plan.Hash([]byte("r00\nr00.")), TimesCompleted: 1,
		}}, r.Results)
	})
}

func TestSilentOriginIsGivenUp(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		answered := make(chan string, 1)
		o := newOrigin(t, 0, func(e exchange) {
			id := e.nextID(t)
			e.answer(id)
			answered <- id
			for e.next() != nil {
			}
		})
		p := newPlan(o, 0, driver, 3)
		p.StallLimitMS = 200
		r := run(t, p, sanitizedDemo)
		lucky := <-answered
		for i, id := range requestIDs(3) {
			if id == lucky {
				require.Equal(t, ownResponse(id), r.Results[i])
			} else {
				require.Equal(t, plan.Result{ID: id, BodyHash: plan.Hash(nil), Error: "silent for 200 ms"}, r.Results[i])
			}
		}
		require.GreaterOrEqual(t, r.DurationMS, 200.0)
	})
}

// A response to another request is reported as such.
func TestResponseOfAnother(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, 0, func(e exchange) {
			for e.nextID(t) != "" {
				e.answer("another")
			}
		})
		r := run(t, newPlan(o, 0, driver, 3), demo)
		for i, id := range requestIDs(3) {
			expected := ownResponse("another")
			expected.ID = id
			require.Equal(t, expected, r.Results[i])
		}
	})
}

// The first line of a body is shown as text, and truncated if it is long.
func TestBodyIDIsText(t *testing.T) {
	for name, test := range map[string]struct{ body, id string }{
		"empty":       {"", ""},
		"no line end": {"r00", "r00"},
		"not text":    {"r\x00\xff\"\n", `r??"`},
		"long":        {strings.Repeat("r", 500) + "\n", strings.Repeat("r", 128)},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t, 0, func(e exchange) {
				e.next()
				fmt.Fprintf(e, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(test.body), test.body)
			})
			r := run(t, newPlan(o, 0, plan.DriverPerform, 1), sanitizedDemo)
			require.Equal(t, test.id, r.Results[0].BodyID)
			require.EqualValues(t, len(test.body), r.Results[0].BodyBytes)
			require.Equal(t, plan.Hash([]byte(test.body)), r.Results[0].BodyHash)
		})
	}
}

func TestCertificateIsVerified(t *testing.T) {
	const peerFailedVerification = 60
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, tls.VersionTLS12, answerEach)
		_, o.caFile = newCertificate(t)
		r := run(t, newPlan(o, tls.VersionTLS12, driver, 1), demo)
		require.False(t, r.Results[0].Answered)
		require.Equal(t, peerFailedVerification, r.Results[0].CurlCode)
		require.Zero(t, r.Results[0].Status)
		require.NotEmpty(t, r.Results[0].Error)
	})
}

// An origin with another TLS version is refused: only the plan's version is
// accepted.
func TestVersionIsExact(t *testing.T) {
	for origin, asked := range map[uint16]uint16{tls.VersionTLS12: tls.VersionTLS13, tls.VersionTLS13: tls.VersionTLS12} {
		t.Run(versionNames[asked], func(t *testing.T) {
			o := newOrigin(t, origin, answerEach)
			r := run(t, newPlan(o, asked, plan.DriverPerform, 1), demo)
			require.NotZero(t, r.Results[0].CurlCode)
			require.Zero(t, r.Results[0].Status)
		})
	}
}

func TestReportThatCannotBeWritten(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	o := newOrigin(t, 0, answerEach)
	var stderr bytes.Buffer
	c := command(sanitizedDemo)
	c.Stdin = strings.NewReader(strings.Replace(goodPlan, "http://127.0.0.1:1", o.url, 1))
	c.Stdout = full
	c.Stderr = &stderr
	require.Error(t, c.Run())
	require.Equal(t, 1, c.ProcessState.ExitCode())
	require.Equal(t, "c-demo: could not write the report\n", stderr.String())
}
