package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/judge"
)

func TestPlace(t *testing.T) {
	require.Equal(t, "OpenSSL trixie, TLS 1.3", (&Run{OpenSSLName: "trixie", TLS: "1.3"}).Place())
	require.Equal(t, "OpenSSL trixie, no TLS", (&Run{OpenSSLName: "trixie"}).Place())
	require.Empty(t, (&Run{TLS: "1.3"}).Place())
}

// The cases of a matrix have names of their own, which are the same each time.
func TestJUnitTellsTheCellsApart(t *testing.T) {
	var b strings.Builder
	require.NoError(t, JUnit(&b, []Run{
		{Scenario: "reported", Subject: "c-demo", Driver: "perform", Library: "7.53.1 stock", OpenSSLName: "sid", TLS: "1.2",
			Repetition: 3, Verdict: judge.Pass, Expected: judge.Pass},
		{Scenario: "reported", Subject: "c-demo", Driver: "perform", Library: "7.53.1 stock", Repetition: 3,
			Verdict: judge.Pass, Expected: judge.Pass},
	}))
	require.Contains(t, b.String(), `name="c-demo (perform) 7.53.1 stock, OpenSSL sid, TLS 1.2"`)
	require.Contains(t, b.String(), `name="c-demo (perform) 7.53.1 stock #3"`)
}
