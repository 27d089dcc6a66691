// Package soak makes runs at random for a time.
//
// It stands behind pipelab soak, which says what to choose from. It prints each
// run with an unexpected result, with the command that repeats it.
package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
	"github.com/curlpipe/curlpipe/harness/show/report"
)

// Soak is what to choose from, and for how long.
type Soak struct {
	// Setups are the runs to choose from, at least one.
	Setups []lab.Setup
	// Seed of the choices.
	Seed uint64
	// Time is the time after which no run is started.
	Time time.Duration
	// Runs limits the number of runs; 0 means no limit.
	Runs int
	// Jobs is how many are made at a time, at least 1.
	Jobs int
	// Out receives the unexpected results, Progress occasional lines about the
	// state.
	Out, Progress io.Writer
}

// Count is how many runs were made, how many of them did not come out as
// expected, and how many could not be made and are n/a.
type Count struct{ Done, Wrong, Skipped int }

// Run makes the runs. The error says which run could not be made, or that the
// context has ended.
func (s *Soak) Run(ctx context.Context) (Count, error) {
	state := &soaking{Soak: s, random: rand.New(rand.NewPCG(s.Seed, 1)), until: time.Now().Add(s.Time)}
	group, bound := errgroup.WithContext(ctx)
	for range s.Jobs {
		group.Go(func() error { return state.work(bound) })
	}
	err := group.Wait()
	return state.count, err
}

// soaking is the state that the jobs share.
type soaking struct {
	*Soak
	until time.Time

	mutex  sync.Mutex
	random *rand.Rand
	begun  int
	count  Count
	told   time.Time
}

// tellEvery is how often the number of runs is printed.
const tellEvery = 10 * time.Second

func (s *soaking) work(ctx context.Context) error {
	for {
		setup, more := s.next()
		if !more {
			return nil
		}
		r, _, err := outcome.Make(ctx, &setup)
		if err != nil {
			return err
		}
		if err := s.note(r); err != nil {
			return err
		}
	}
}

// next picks a run; false when the time or the number of runs is up.
func (s *soaking) next() (lab.Setup, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if time.Now().After(s.until) || s.Runs > 0 && s.begun >= s.Runs {
		return lab.Setup{}, false
	}
	s.begun++
	setup := s.Setups[s.random.IntN(len(s.Setups))]
	setup.Seed = s.random.Uint64N(1 << 32)
	return setup, true
}

func (s *soaking) note(r outcome.Run) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.count.Done++
	if r.Verdict == judge.NotApplicable {
		s.count.Skipped++
	}
	if time.Since(s.told) > tellEvery {
		s.told = time.Now()
		fmt.Fprintf(s.Progress, "%d runs, %d not as expected, %s left\n", s.count.Done, s.count.Wrong,
			max(0, time.Until(s.until)).Round(time.Second))
	}
	if r.AsExpected() {
		return nil
	}
	s.count.Wrong++
	if err := report.Table(s.Out, []outcome.Run{r}); err != nil {
		return err
	}
	if r.SubjectError != "" {
		fmt.Fprintf(s.Out, "  %s\n", r.SubjectError)
	}
	fmt.Fprintf(s.Out, "again: %s\n\n", r.Command)
	return nil
}
