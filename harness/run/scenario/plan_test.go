package scenario

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// planOf returns the plan of a scenario, for an origin that does not exist.
func planOf(s *Scenario, seed uint64) *plan.Plan {
	return s.Plan(seed, "https://127.0.0.1:4443", "/ca.pem", plan.DriverSocket)
}

func TestPlanCarriesTheClientHalf(t *testing.T) {
	s := stalling()
	p := planOf(&s, 1)
	require.Equal(t, "https://127.0.0.1:4443", p.URL)
	require.Equal(t, "/ca.pem", p.CAFile)
	require.Equal(t, plan.TLS12, p.TLS)
	require.Equal(t, plan.DriverSocket, p.Driver)
	require.Equal(t, 1, p.MaxHostConnections)
	require.Equal(t, 1, p.Pipelining)
	require.Equal(t, 5, p.MaxPipelineLength)
	require.Equal(t, int(StallLimit.Milliseconds()), p.StallLimitMS)
	require.Len(t, p.Requests, 3)
	require.Equal(t, "r0000", p.Requests[0].ID)
	require.Equal(t, "GET", p.Requests[0].Method)
	require.Equal(t, "/r0000?body=5", p.Requests[0].Path)
	require.Equal(t, "r0002", p.Requests[2].ID)
}

func TestSeedPicksTheSizes(t *testing.T) {
	for _, s := range All() {
		require.Equal(t, planOf(&s, 7), planOf(&s, 7), "%s: the same seed, another plan", s.ID)
		if s.Client.HeaderBytes.Min < s.Client.HeaderBytes.Max {
			require.NotEqual(t, headerSizes(planOf(&s, 7)), headerSizes(planOf(&s, 8)), "%s: header sizes", s.ID)
		}
		if s.Client.BodyBytes.Min < s.Client.BodyBytes.Max {
			require.NotEqual(t, bodySizes(t, planOf(&s, 7)), bodySizes(t, planOf(&s, 8)), "%s: body sizes", s.ID)
		}
	}
}

func TestSizesStayWithinTheRanges(t *testing.T) {
	for _, s := range All() {
		for seed := range uint64(20) {
			p := planOf(&s, seed)
			for number, size := range headerSizes(p) {
				within(t, cmp.Or(s.Client.Special[number].HeaderBytes, s.Client.HeaderBytes), size, s.ID)
			}
			for number, size := range bodySizes(t, p) {
				within(t, cmp.Or(s.Client.Special[number].BodyBytes, s.Client.BodyBytes), size, s.ID)
			}
		}
	}
}

func within(t *testing.T, r Range, size int, id string) {
	t.Helper()
	require.GreaterOrEqual(t, size, r.Min, id)
	require.LessOrEqual(t, size, r.Max, id)
}

func TestSubjectsTakeThePlans(t *testing.T) {
	for _, s := range All() {
		p := planOf(&s, 1)
		text, err := json.Marshal(p)
		require.NoError(t, err)
		read, err := plan.Read(bytes.NewReader(text))
		require.NoError(t, err, s.ID)
		require.Equal(t, p, read)
	}
}

func headerSizes(p *plan.Plan) []int {
	var sizes []int
	for _, r := range p.Requests {
		sizes = append(sizes, r.HeaderBytes)
	}
	return sizes
}

func bodySizes(t *testing.T, p *plan.Plan) []int {
	var sizes []int
	for _, r := range p.Requests {
		target, err := url.Parse(r.Path)
		require.NoError(t, err)
		size, err := strconv.Atoi(target.Query().Get("body"))
		require.NoError(t, err)
		sizes = append(sizes, size)
	}
	return sizes
}
