package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/build/library"
	"github.com/curlpipe/curlpipe/harness/many/matrix"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// attempts is how often a run is made at most that shows nothing: one that is
// inconclusive, or one with stock that does not show what stock is known for.
// Both can need a moment that the kernel grants. No other run that is not as
// expected has a second attempt.
const attempts = 5

// showsNothing reports whether the run is to be made again.
func showsNothing(r *outcome.Run, l *library.Library) bool {
	return r.SubjectError == "" && !r.AsExpected() &&
		(r.Verdict == judge.Inconclusive || l.Manifest.Variant == library.Stock)
}

// work is the runs of a matrix while they are being made.
type work struct {
	cells      []cell
	jobs       int
	seed       uint64
	seedChosen bool
	store      *matrix.Store
	progress   io.Writer

	keys []string      // of the cells
	runs []outcome.Run // of the cells; one that is not made yet has no scenario

	mutex sync.Mutex
	next  int
	done  int // in this call
	begun time.Time
	told  time.Time
}

// prepare finds out what was made before.
func (w *work) prepare(fresh bool) error {
	w.runs = make([]outcome.Run, len(w.cells))
	for i := range w.cells {
		key, err := w.store.Key(&w.cells[i].setup)
		if err != nil {
			return err
		}
		w.keys = append(w.keys, key)
	}
	if fresh {
		return w.store.Forget(w.keys)
	}
	for i, key := range w.keys {
		r := w.store.Load(key)
		if r == nil || w.seedChosen && r.Seed-uint64(r.Repetition-1) != w.seed {
			continue
		}
		r.OpenSSLName = w.cells[i].openssl
		w.runs[i] = *r
	}
	return nil
}

// left is how many runs are still to be made.
func (w *work) left() int {
	n := 0
	for i := range w.runs {
		if w.runs[i].Scenario == "" {
			n++
		}
	}
	return n
}

// run makes what is left, and returns all runs in the order of the cells.
func (w *work) run(ctx context.Context) ([]outcome.Run, error) {
	total := w.left()
	if kept := len(w.cells) - total; kept > 0 {
		fmt.Fprintf(w.progress, "pipelab: going on behind %d finished runs; --fresh makes them again\n", kept)
	}
	fmt.Fprintf(w.progress, "pipelab: %d runs, %d at a time, --seed %d\n", total, w.jobs, w.seed)
	w.begun = time.Now()
	w.told = w.begun
	group, bound := errgroup.WithContext(ctx)
	for range w.jobs {
		group.Go(func() error {
			for at := w.take(); at >= 0; at = w.take() {
				if err := w.make(bound, at); err != nil {
					return err
				}
				w.tell(total)
			}
			return nil
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return nil, cannotRun(fmt.Errorf("interrupted with %d of %d runs finished; the same call goes on from there",
			len(w.cells)-total+w.done, len(w.cells)))
	}
	return w.runs, err
}

// take returns the next run that is to be made; less than 0 for none.
func (w *work) take() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for ; w.next < len(w.cells); w.next++ {
		if w.runs[w.next].Scenario == "" {
			w.next++
			return w.next - 1
		}
	}
	return -1
}

// make makes one run and keeps it.
func (w *work) make(ctx context.Context, at int) error {
	setup := w.cells[at].setup
	var r outcome.Run
	for attempt := 1; attempt <= attempts; attempt++ {
		setup.Seed = w.seed + uint64(attempt-1)
		var err error
		if r, _, err = runOne(ctx, setup); err != nil {
			return err
		}
		r.Repetition = attempt
		if !showsNothing(&r, setup.Library) {
			break
		}
	}
	r.OpenSSLName = w.cells[at].openssl
	w.runs[at] = r
	return w.store.Keep(w.keys[at], &r)
}

// tell says now and then how far the runs are and how long the others take.
func (w *work) tell(total int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.done++
	now := time.Now()
	if now.Sub(w.told) < tellEvery {
		return
	}
	w.told = now
	left := now.Sub(w.begun) / time.Duration(w.done) * time.Duration(total-w.done)
	fmt.Fprintf(w.progress, "[%d/%d] about %s left\n", w.done, total, left.Round(time.Second))
}

// finish forgets what was kept to go on with.
func (w *work) finish() error { return w.store.Forget(w.keys) }
