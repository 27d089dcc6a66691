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
		{Releases{From: "7.50.0", Before: "7.60.0"}, "7.53.1", true},
		{Releases{From: "7.50.0", Before: "7.60.0"}, "7.47.1", false},
	} {
		require.Equal(t, each.has, each.Has(each.release), "%+v", each)
	}
}

func TestStockFailsOfSomeReleases(t *testing.T) {
	s := stalling()
	s.Expect.Stock = map[string]string{plan.DriverPerform: "this"}
	s.Expect.StockSometimes = map[string]string{plan.DriverSocket: "that"}
	s.Expect.StockReleases = Releases{From: "7.60.0"}
	require.NoError(t, s.Check())
	require.Equal(t, "this", s.StockFails(plan.DriverPerform, "7.61.1"))
	require.Equal(t, "that", s.StockVaries(plan.DriverSocket, "7.61.1"))
	require.Empty(t, s.StockFails(plan.DriverPerform, "7.53.1"))
	require.Empty(t, s.StockVaries(plan.DriverSocket, "7.53.1"))
	for _, wrong := range []Releases{{From: "seven"}, {Before: "7.60" + "x"}} {
		s.Expect.StockReleases = wrong
		require.ErrorContains(t, s.Check(), "not a range of releases")
	}
	s.Expect.StockReleases, s.Expect.Stock, s.Expect.StockSometimes = Releases{From: "7.60.0"}, nil, nil
	require.ErrorContains(t, s.Check(), "or stock never fails")
}

// The first request is alone with the releases that would have all be alone.
func TestTheFirstIsAlone(t *testing.T) {
	s := stalling()
	require.False(t, s.FirstAlone("7.53.1"))
	require.True(t, s.FirstAlone("7.61.1"))
	s.Client.AllAtOnce = true
	require.False(t, s.FirstAlone("7.61.1"))
	s.Client.AllAtOnce, s.HTTP2 = false, true
	require.False(t, s.FirstAlone("7.61.1"))
}
