package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

func TestReleases(t *testing.T) {
	for _, each := range []struct {
		Releases
		release string
		has     bool
	}{
		{Releases{}, "7.16.0", true},
		{Releases{}, "of my own", true},
		{Releases{From: "7.60.0"}, "7.59.0", false},
		{Releases{From: "7.60.0"}, "7.60.0", true},
		{Releases{From: "7.9.0"}, "7.60.0", true},
		{Releases{From: "7.60.0"}, "of my own", false},
		{Releases{Before: "7.60.0"}, "7.59.9", true},
		{Releases{Before: "7.60.0"}, "7.60.0", false},
		{Releases{Before: "7.60.0"}, "of my own", false},
		{Releases{From: "7.50.0", Before: "7.60.0"}, "7.53.1", true},
		{Releases{From: "7.50.0", Before: "7.60.0"}, "7.47.1", false},
	} {
		require.Equal(t, each.has, each.Has(each.release), "%+v", each)
	}
}

func TestStockFailsOfSomeReleases(t *testing.T) {
	s := stalling()
	s.Expect.Stock = []Defect{
		{What: "this", Driver: plan.DriverPerform, Releases: Releases{From: "7.60.0"}},
		{What: "that", Driver: plan.DriverSocket, Releases: Releases{Before: "7.58.0"}, Spares: map[string]string{"careful": "it looks"}},
		{What: "more", Driver: plan.DriverSocket, Releases: Releases{From: "7.58.0"}, Sometimes: true},
	}
	require.NoError(t, s.Check())
	for _, each := range []struct{ subject, driver, release, what string }{
		{"", plan.DriverPerform, "7.60.0", "this"},
		{"", plan.DriverPerform, "7.59.0", ""},
		{"", plan.DriverSocket, "7.57.0", "that"},
		{"careful", plan.DriverSocket, "7.57.0", ""},
		{"careful", plan.DriverSocket, "7.58.0", "more"},
		{"", plan.DriverSocket, "of my own", ""},
	} {
		what := ""
		if d := s.StockDefect(each.subject, each.driver, each.release); d != nil {
			what = d.What
		}
		require.Equal(t, each.what, what, "%+v", each)
	}
}

func TestRangesMeet(t *testing.T) {
	for _, each := range []struct {
		a, b Releases
		meet bool
	}{
		{Releases{}, Releases{}, true},
		{Releases{}, Releases{From: "7.60.0", Before: "7.61.0"}, true},
		{Releases{Before: "7.60.0"}, Releases{From: "7.60.0"}, false},
		{Releases{Before: "7.60.0"}, Releases{From: "7.59.0"}, true},
		{Releases{From: "7.9.0", Before: "7.10.0"}, Releases{From: "7.10.0", Before: "7.11.0"}, false},
	} {
		require.Equal(t, each.meet, each.a.meet(each.b), "%+v", each)
		require.Equal(t, each.meet, each.b.meet(each.a), "%+v", each)
	}
}

// The first request is alone with the releases with which all would be alone.
func TestTheFirstIsAlone(t *testing.T) {
	s := stalling()
	require.False(t, s.FirstAlone("7.53.1"))
	require.True(t, s.FirstAlone("7.61.1"))
	s.Client.AllAtOnce = true
	require.False(t, s.FirstAlone("7.61.1"))
	s.Client.AllAtOnce, s.HTTP2 = false, true
	require.False(t, s.FirstAlone("7.61.1"))
}
