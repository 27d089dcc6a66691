package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain/subjecttest"
)

func TestEachRequestGetsItsOwnResponse(t *testing.T) {
	for name, overTLS := range map[string]bool{"tls": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			origin := subjecttest.NewOrigin(t, overTLS)
			results, _, err := carryOut(origin.Plan(plan.DriverSocket, 50))
			require.NoError(t, err)
			subjecttest.RequireOwnResponses(t, results, 50)
			require.EqualValues(t, 1, origin.Connections.Load())
		})
	}
}

func TestSilentOriginIsReportedAsUnanswered(t *testing.T) {
	origin := subjecttest.NewOrigin(t, true)
	p := origin.Plan(plan.DriverSocket, 3)
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

func TestFailureIsReportedWithItsCode(t *testing.T) {
	origin := subjecttest.NewOrigin(t, true)
	p := origin.Plan(plan.DriverSocket, 1)
	p.CAFile = "/dev/null"
	results, _, err := carryOut(p)
	require.NoError(t, err)
	require.False(t, results[0].Answered)
	require.NotZero(t, results[0].CurlCode)
	require.Equal(t, 1, results[0].TimesCompleted)
}

func TestWhatThisSubjectDoesNotDo(t *testing.T) {
	origin := subjecttest.NewOrigin(t, false)
	for name, change := range map[string]func(*plan.Plan){
		"method": func(p *plan.Plan) { p.Requests[0].Method = http.MethodPost },
		"tls":    func(p *plan.Plan) { p.TLS = "1.1" },
	} {
		t.Run(name, func(t *testing.T) {
			p := origin.Plan(plan.DriverSocket, 1)
			change(p)
			_, _, err := carryOut(p)
			require.ErrorIs(t, err, subjectmain.ErrUnimplemented)
		})
	}
}
