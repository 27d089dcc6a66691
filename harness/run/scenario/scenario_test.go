package scenario

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

func TestTableIsSound(t *testing.T) {
	words := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := make(map[string]bool)
	for _, s := range All() {
		require.NoError(t, s.Check())
		require.Regexp(t, words, s.ID)
		require.False(t, seen[s.ID], "two scenarios are named %s", s.ID)
		seen[s.ID] = true
		require.True(t, strings.HasSuffix(s.Summary, "."), "the summary of %s is no sentence", s.ID)
	}
}

func TestAllHandsOutACopy(t *testing.T) {
	first := All()
	first[0].ID = "changed"
	require.NotEqual(t, first[0].ID, All()[0].ID)
}

// stalling is a valid scenario that uses all that Check looks at.
func stalling() Scenario {
	return Scenario{
		ID:      "some-words",
		Summary: "Something happens.",
		Client: Client{
			Requests: 3, TLS: plan.TLS12, MaxPipelineLength: 5, SendBuffer: 4096,
			HeaderBytes: Range{10, 20}, BodyBytes: Range{5, 5},
		},
		Origin: Origin{ReceiveBuffer: 4096, StallConnections: 2},
		Expect: Expect{MinBlockedWrites: 1},
	}
}

func TestCheckRefusesContradictions(t *testing.T) {
	sound := stalling()
	require.NoError(t, sound.Check())
	for name, each := range map[string]struct {
		spoil  func(*Scenario)
		reason string
	}{
		"no id":                    {func(s *Scenario) { s.ID = "" }, "id and summary"},
		"no summary":               {func(s *Scenario) { s.Summary = "" }, "id and summary"},
		"no requests":              {func(s *Scenario) { s.Client.Requests = 0 }, "no requests"},
		"headers backwards":        {func(s *Scenario) { s.Client.HeaderBytes = Range{20, 10} }, "range is reversed"},
		"headers below 0":          {func(s *Scenario) { s.Client.HeaderBytes = Range{-1, 10} }, "range is reversed"},
		"bodies backwards":         {func(s *Scenario) { s.Client.BodyBytes = Range{20, 10} }, "range is reversed"},
		"no pipeline":              {func(s *Scenario) { s.Client.MaxPipelineLength = 0 }, "no length"},
		"blocked without a stall":  {func(s *Scenario) { s.Origin.StallConnections = 0 }, "never stalls"},
		"stalls, send buffer":      {func(s *Scenario) { s.Client.SendBuffer = 0 }, "not clamped"},
		"stalls, receive buffer":   {func(s *Scenario) { s.Origin.ReceiveBuffer = 0 }, "not clamped"},
		"stalls, nothing expected": {func(s *Scenario) { s.Expect.MinBlockedWrites = 0; s.Client.SendBuffer = 0 }, "not clamped"},
		"a HelloRequest in 1.3": {func(s *Scenario) {
			s.Client.TLS = plan.TLS13
			s.Origin.EveryAnswer.Event = HelloRequest
		}, "there is no HelloRequest in the version"},
		"a KeyUpdate in 1.2": {func(s *Scenario) {
			s.Origin.Places = []Place{{Connections: 1, Answer: Answer{EventAfter: KeyUpdate}}}
		}, "there is no KeyUpdate in the version"},
		"a ticket without TLS": {func(s *Scenario) {
			s.Client.TLS = plan.PlainText
			s.Origin.Answers = map[int]Answer{1: {Event: NewSessionTicket}}
		}, "there is no NewSessionTicket in the version"},
		"an event behind the end": {func(s *Scenario) {
			s.Origin.EveryAnswer = Answer{Close: true, EventAfter: HelloRequest}
		}, "nothing can follow a response"},
		"a blocked read without TLS": {func(s *Scenario) {
			s.Client.TLS, s.Client.BlockedReads = plan.PlainText, 1
		}, "no read has to write"},
		"from a request that is not": {func(s *Scenario) {
			s.Client.Steps = []Step{{OnReceived: 1, From: 3, Do: plan.DoPause}}
		}, "step 1 waits for bytes that do not come, of request 3"},
		"from a request, no bytes": {func(s *Scenario) {
			s.Client.Steps = []Step{{From: 2, Do: plan.DoPause}}
		}, "step 1 waits for bytes that do not come, of request 2"},
		"two defects at once": {func(s *Scenario) {
			s.Expect.Stock = []Defect{{What: "this", Driver: plan.DriverSocket}, {What: "that", Sometimes: true}}
		}, "stock fails for two reasons with one driver and release: this; that"},
		"no range": {func(s *Scenario) {
			s.Expect.Stock = []Defect{{What: "this", Releases: Releases{From: "7.60.0", Before: "7.60.0"}}}
		}, "that is no range"},
		"no release": {func(s *Scenario) {
			s.Expect.Stock = []Defect{{What: "this", Releases: Releases{From: "seven"}}}
		}, "that is no range"},
		"no such driver": {func(s *Scenario) {
			s.Expect.Stock = []Defect{{What: "this", Driver: "screw"}}
		}, `there is no driver "screw"`},
		"spared for no reason": {func(s *Scenario) {
			s.Expect.Stock = []Defect{{What: "this", Spares: map[string]string{"curlpipe": ""}}}
		}, "stock passes with subject curlpipe for no reason"},
		"a defect without a reason": {func(s *Scenario) { s.Expect.Stock = always("") }, "for no reason"},
		"the reason names the case": {func(s *Scenario) { s.Client.Requests = 0 }, "scenario some-words:"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stalling()
			each.spoil(&s)
			require.ErrorContains(t, s.Check(), each.reason)
		})
	}
}

func TestMatch(t *testing.T) {
	found, err := Match("reported")
	require.NoError(t, err)
	require.Equal(t, []string{"reported"}, idsOf(found))

	found, err = Match("*")
	require.NoError(t, err)
	require.Equal(t, idsOf(All()), idsOf(found), "in the order of the table")

	found, err = Match("honest-?????[rn]")
	require.NoError(t, err)
	require.Equal(t, []string{"honest-origin"}, idsOf(found))
}

func TestMatchRefusesAnEmptySelection(t *testing.T) {
	for _, pattern := range []string{"", "report", "Reported", "reported "} {
		found, err := Match(pattern)
		require.ErrorContains(t, err, `no scenario matches "`+pattern+`"; there are: `)
		for _, s := range All() {
			require.ErrorContains(t, err, s.ID)
		}
		require.Empty(t, found)
	}
}

func TestMatchRefusesAMalformedPattern(t *testing.T) {
	_, err := Match("[reported")
	require.ErrorContains(t, err, `"[reported"`)
}

func TestPick(t *testing.T) {
	seen := make(map[int]bool)
	for random := range uint64(100) {
		seen[Range{7, 10}.Pick(random)] = true
	}
	require.Equal(t, map[int]bool{7: true, 8: true, 9: true, 10: true}, seen, "both ends are in")
	require.Equal(t, 7, Range{7, 7}.Pick(1<<63))
	require.Zero(t, Range{}.Pick(1<<63))
}

func TestAllowedConnections(t *testing.T) {
	s := stalling()
	require.Equal(t, 1, s.AllowedConnections(), "one, unless the scenario says otherwise")
	s.Expect.MaxConnections = 2
	require.Equal(t, 2, s.AllowedConnections())
}

func idsOf(list []Scenario) []string {
	var ids []string
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestBlockedWritesNeedNoStall(t *testing.T) {
	for name, change := range map[string]func(*Scenario){
		"a send that is blocked":        func(s *Scenario) { s.Client.BlockedSend = 1 },
		"a write that waits for a read": func(s *Scenario) { s.Expect.MinWantRead = 1 },
	} {
		s := stalling()
		s.Origin.StallConnections = 0
		change(&s)
		require.NoError(t, s.Check(), name)
	}
}

func TestNeedsOpenSSL(t *testing.T) {
	s := stalling()
	require.False(t, s.NeedsOpenSSL())
	for name, o := range map[string]Origin{
		"every answer": {EveryAnswer: Answer{EventAfter: HelloRequest}},
		"one answer":   {Answers: map[int]Answer{1: {Event: HelloRequest}}},
		"one place":    {Places: []Place{{Connections: 1, Answer: Answer{Event: HelloRequest}}}},
	} {
		s.Origin = o
		require.True(t, s.NeedsOpenSSL(), name)
	}
}

func TestWithRequests(t *testing.T) {
	s := stalling()
	_, same := s.WithRequests(4)
	require.False(t, same, "only with its own number")
	other, same := s.WithRequests(3)
	require.True(t, same)
	require.Equal(t, 3, other.Client.Requests)

	s.Client.AnyFrom = 2
	_, same = s.WithRequests(1)
	require.False(t, same)
	other, same = s.WithRequests(1000)
	require.True(t, same)
	require.Equal(t, 1000, other.Client.Requests)
	require.Equal(t, 3, s.Client.Requests, "a copy")
}
