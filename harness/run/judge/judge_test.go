package judge

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/run/events"
)

func TestFindingsOfASoundRun(t *testing.T) {
	findings := Findings(sound())
	require.Len(t, findings, len(Invariants()))
	for i, invariant := range Invariants() {
		require.Equal(t, invariant.ID, findings[i].ID, "in the order of Invariants")
		require.Equal(t, invariant.Rule, findings[i].Rule)
		require.Equal(t, Pass, findings[i].Verdict, invariant.ID)
	}
	require.Equal(t, Pass, Sum(findings))
}

func TestInvariantsAreWordsWithARule(t *testing.T) {
	seen := make(map[string]bool)
	for _, invariant := range Invariants() {
		require.Regexp(t, regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), invariant.ID)
		require.False(t, seen[invariant.ID], "two invariants are named %s", invariant.ID)
		seen[invariant.ID] = true
		require.NotEmpty(t, invariant.Meaning)
		require.NotEmpty(t, invariant.Rule)
	}
}

func TestInvariantsHandsOutACopy(t *testing.T) {
	first := Invariants()
	first[0].ID = "changed"
	require.NotEqual(t, first[0].ID, Invariants()[0].ID)
}

func TestWhatASubjectCannotDoIsNotApplicable(t *testing.T) {
	o := sound()
	o.Report, o.Origin.Connections = nil, nil
	o.Unimplemented = `driver "socket"`
	findings := Findings(o)
	require.Len(t, findings, len(Invariants()))
	for _, f := range findings {
		require.Equal(t, NotApplicable, f.Verdict, f.ID)
		require.Equal(t, `driver "socket"`, f.Actual)
		require.NotEmpty(t, f.Rule)
	}
	require.Equal(t, NotApplicable, Sum(findings))
}

func TestSum(t *testing.T) {
	for name, each := range map[string]struct {
		verdicts []Verdict
		sum      Verdict
	}{
		"all pass":                  {[]Verdict{Pass, Pass}, Pass},
		"one fails":                 {[]Verdict{Pass, Fail, Pass}, Fail},
		"fail before inconclusive":  {[]Verdict{Inconclusive, Fail, NotApplicable}, Fail},
		"inconclusive is no pass":   {[]Verdict{Pass, Pass, Inconclusive}, Inconclusive},
		"inconclusive before n/a":   {[]Verdict{NotApplicable, Inconclusive}, Inconclusive},
		"one n/a beside passes":     {[]Verdict{Pass, NotApplicable}, Pass},
		"all n/a":                   {[]Verdict{NotApplicable, NotApplicable}, NotApplicable},
		"the order does not matter": {[]Verdict{Fail, Inconclusive}, Fail},
	} {
		t.Run(name, func(t *testing.T) {
			var findings []Finding
			for _, v := range each.verdicts {
				findings = append(findings, Finding{Verdict: v})
			}
			require.Equal(t, each.sum, Sum(findings))
		})
	}
}

// Each event in a run makes these invariants fail.
func TestWhatFailsTogether(t *testing.T) {
	for name, each := range map[string]struct {
		spoil   func(*Observation)
		sum     Verdict
		notPass map[string]Verdict
	}{
		"swapped responses": {swap, Fail, map[string]Verdict{"own-response": Fail}},
		"a crash": {fail, Fail, map[string]Verdict{
			"own-response": Inconclusive, "all-answered": Fail, "paused-waits": Inconclusive, "no-leak": Inconclusive,
		}},
		"a crash before anything": {func(o *Observation) {
			fail(o)
			o.Origin.Connections, o.Events = nil, events.Summary{}
		}, Fail, map[string]Verdict{
			"one-connection": Fail, "own-response": Inconclusive, "all-answered": Fail,
			"write-retry": Inconclusive, "exercised": Inconclusive, "paused-waits": Inconclusive,
			"no-leak": Inconclusive,
		}},
		"no interposer": {func(o *Observation) { o.Events = events.Summary{} }, Inconclusive, map[string]Verdict{
			"write-retry": Inconclusive, "exercised": Inconclusive,
		}},
		"writes that never blocked": {func(o *Observation) {
			o.Events.WantRead, o.Events.WantWrite = 0, 0
		}, Inconclusive, map[string]Verdict{"exercised": Inconclusive}},
	} {
		t.Run(name, func(t *testing.T) {
			o := sound()
			each.spoil(o)
			findings := Findings(o)
			notPass := make(map[string]Verdict)
			for _, f := range findings {
				if f.Verdict != Pass {
					notPass[f.ID] = f.Verdict
				}
			}
			require.Equal(t, each.notPass, notPass)
			require.Equal(t, each.sum, Sum(findings))
		})
	}
}

func TestOwnResponsesAndAnswered(t *testing.T) {
	o := sound()
	own, wrong := OwnResponses(o)
	require.Equal(t, 3, own)
	require.Empty(t, wrong)
	require.Equal(t, 3, Answered(o))

	o.Report.Results[1] = o.Report.Results[0]
	own, _ = OwnResponses(o)
	require.Equal(t, 2, own, "one that is reported twice counts once")

	o.Report.Results[2].Answered = false
	require.Equal(t, 2, Answered(o))

	fail(o)
	own, wrong = OwnResponses(o)
	require.Zero(t, own)
	require.Empty(t, wrong)
	require.Zero(t, Answered(o))
}
