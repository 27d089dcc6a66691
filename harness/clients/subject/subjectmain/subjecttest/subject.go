package subjecttest

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

// TestSubject tests what every subject written in Go has to do with a plan.
// carryOut is the subject's function, driver one that it supports.
func TestSubject(t *testing.T, driver string, carryOut subjectmain.CarryOut) {
	t.Run("each request gets its own response", func(t *testing.T) { testOwnResponses(t, driver, carryOut) })
	t.Run("the first request is alone if it is to be", func(t *testing.T) { testFirstAlone(t, driver, carryOut) })
	t.Run("a silent origin is reported as unanswered", func(t *testing.T) { testSilentOrigin(t, driver, carryOut) })
	t.Run("a failure is reported with its code", func(t *testing.T) { testFailure(t, driver, carryOut) })
	t.Run("what it does not do", func(t *testing.T) { testUnimplemented(t, driver, carryOut) })
}

func testOwnResponses(t *testing.T, driver string, carryOut subjectmain.CarryOut) {
	for name, overTLS := range map[string]bool{"tls": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			origin := NewOrigin(t, overTLS)
			results, _, err := carryOut(origin.Plan(driver, 50))
			require.NoError(t, err)
			RequireOwnResponses(t, results, 50)
			require.EqualValues(t, 1, origin.Connections.Load())
		})
	}
}

// testFirstAlone also leaves the first request unanswered: then no other may be
// sent.
func testFirstAlone(t *testing.T, driver string, carryOut subjectmain.CarryOut) {
	origin := NewOrigin(t, false)
	p := origin.Plan(driver, 5)
	p.FirstAlone = true
	results, _, err := carryOut(p)
	require.NoError(t, err)
	RequireOwnResponses(t, results, 5)
	for _, result := range results[1:] {
		require.Greater(t, result.QueuedNS, results[0].QueuedNS)
	}

	p.StallLimitMS = 100
	p.Requests[0].Path = "/silent"
	results, _, err = carryOut(p)
	require.NoError(t, err)
	require.Len(t, results, 5)
	for _, result := range results {
		require.False(t, result.Answered)
		require.Zero(t, result.TimesCompleted)
	}
	require.EqualValues(t, 6, origin.Requests.Load(), "one that waits for the first was sent")
}

func testSilentOrigin(t *testing.T, driver string, carryOut subjectmain.CarryOut) {
	origin := NewOrigin(t, true)
	p := origin.Plan(driver, 3)
	p.StallLimitMS = 100
	p.Requests[1].Path = "/silent"
	results, _, err := carryOut(p)
	require.NoError(t, err)
	require.True(t, results[0].Answered)
	for _, result := range results[1:] {
		require.False(t, result.Answered)
		require.Zero(t, result.TimesCompleted)
		require.Zero(t, result.CurlCode)
		require.NotEmpty(t, result.Error)
	}
}

func testFailure(t *testing.T, driver string, carryOut subjectmain.CarryOut) {
	origin := NewOrigin(t, true)
	p := origin.Plan(driver, 1)
	p.CAFile = "/dev/null"
	results, _, err := carryOut(p)
	require.NoError(t, err)
	require.False(t, results[0].Answered)
	require.NotZero(t, results[0].CurlCode)
	require.Equal(t, 1, results[0].TimesCompleted)
}

func testUnimplemented(t *testing.T, driver string, carryOut subjectmain.CarryOut) {
	origin := NewOrigin(t, false)
	for name, change := range map[string]func(*plan.Plan){
		"method": func(p *plan.Plan) { p.Requests[0].Method = http.MethodPost },
		"tls":    func(p *plan.Plan) { p.TLS = "1.1" },
	} {
		t.Run(name, func(t *testing.T) {
			p := origin.Plan(driver, 1)
			change(p)
			_, _, err := carryOut(p)
			require.ErrorIs(t, err, subjectmain.ErrUnimplemented)
		})
	}
}
