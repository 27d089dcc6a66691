package cdemotest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// raiser lets an origin raise signals in a c-demo that is started later.
type raiser chan *started

func (r raiser) raise(name string) {
	s := <-r
	s.signal(name)
	r <- s
}

// runWith carries out a plan whose origin raises signals.
func (r raiser) runWith(t *testing.T, p *plan.Plan) *plan.Report {
	s := start(t, p, sanitizedDemo)
	r <- s
	return s.report()
}

func TestRemoveOnSignal(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		signals := make(raiser, 1)
		first := true
		o := newOrigin(t, 0, func(e exchange) {
			if !first {
				answerEach(e)
				return
			}
			first = false
			e.answer(e.nextID(t))
			e.next()
			e.next() // both are under way now
			signals.raise("sent")
			e.next()
		})
		p := newPlan(o, 0, driver, 3)
		p.Steps = []plan.Step{
			{When: plan.When{Completed: 1}, Do: plan.DoAdd, Request: "r01"},
			{Do: plan.DoAdd, Request: "r02"},
			{When: plan.When{Signal: "sent"}, Do: plan.DoRemove, Request: "r02"},
		}
		r := signals.runWith(t, p)
		require.Equal(t, ownResponse("r00"), r.Results[0])
		require.Equal(t, ownResponse("r01"), r.Results[1])
		require.True(t, r.Results[2].Removed)
		require.False(t, r.Results[2].Answered)
		require.Zero(t, r.Results[2].TimesCompleted)
	})
}

func TestAddWhenOthersHaveEnded(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		answered := make(chan string, 3)
		o := newOrigin(t, 0, func(e exchange) {
			for id := e.nextID(t); id != ""; id = e.nextID(t) {
				e.answer(id)
				answered <- id
			}
		})
		p := newPlan(o, 0, driver, 3)
		p.Steps = []plan.Step{{When: plan.When{Completed: 2}, Do: plan.DoAdd, Request: "r00"}}
		requireOwnResponses(t, run(t, p, sanitizedDemo), requestIDs(3))
		require.ElementsMatch(t, []string{"r01", "r02"}, []string{<-answered, <-answered})
		require.Equal(t, "r00", <-answered, "it is added last")
	})
}

func TestPausedTransferGetsNothingUntilItIsResumed(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		signals := make(raiser, 1)
		o := newOrigin(t, 0, func(e exchange) {
			e.answer(e.nextID(t))
			e.answer(e.nextID(t))
			signals.raise("answered")
			e.next()
		})
		p := newPlan(o, 0, driver, 2)
		p.Steps = []plan.Step{
			{Do: plan.DoPause, Request: "r01"},
			{When: plan.When{Completed: 1}, Do: plan.DoAdd, Request: "r01"},
			{When: plan.When{Signal: "answered"}, Do: plan.DoResume, Request: "r01"},
		}
		requireOwnResponses(t, signals.runWith(t, p), requestIDs(2))
	})
}

func TestStepsAreDoneInOrder(t *testing.T) {
	forEachDriver(t, func(t *testing.T, driver string) {
		o := newOrigin(t, 0, answerEach)
		p := newPlan(o, 0, driver, 3)
		p.Steps = []plan.Step{
			{When: plan.When{Received: "r00", Bytes: 1}, Do: plan.DoPipelineLength, Value: 1},
			{Do: plan.DoAdd, Request: "r02"},
			{When: plan.When{Completed: 3}, Do: plan.DoPipelining, Value: 0},
		}
		requireOwnResponses(t, run(t, p, sanitizedDemo), requestIDs(3))
	})
}
