package matrix

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/curlpipe/curlpipe/harness/many/shard"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// tellEvery is how often Work reports its progress.
const tellEvery = 10 * time.Second

// Task is a run to be made, with the OpenSSL whose row it is in.
type Task struct {
	// OpenSSL is its name, as in Axes.
	OpenSSL string
	Setup   lab.Setup
}

// ShardOf returns the runs of a shard.
func ShardOf(tasks []Task, part shard.Shard) []Task {
	var list []Task
	for place, c := range tasks {
		if part.Has(place) {
			list = append(list, c)
		}
	}
	return list
}

// Work makes the runs of a matrix, several at a time. Prepare comes first, then
// Run, and Finish when the results are safe.
type Work struct {
	// Tasks are the runs.
	Tasks []Task
	// Jobs is how many runs are made at a time, at least 1.
	Jobs int
	// Seed is the seed of all runs. If SeedChosen is true, the user chose it, and
	// a stored run counts only if it has the same seed.
	Seed       uint64
	SeedChosen bool
	// Store has the runs of an interrupted call, and keeps the runs of this one.
	Store *Store
	// Progress receives lines that say how many runs are done.
	Progress io.Writer
	// Evidence, if not nil, prepares an attempt at a run with that OpenSSL for
	// its evidence to be kept. The function that it returns is called after the
	// attempt that counts, and returns where the evidence is; empty for nowhere.
	Evidence func(openssl string, setup *lab.Setup) func(*outcome.Run, *judge.Observation) (string, error)

	keys []string      // of the tasks
	runs []outcome.Run // one for each task; a run that was not made yet has no scenario

	mutex sync.Mutex
	next  int
	done  int // in this call
	begun time.Time
	told  time.Time
}

// Prepare loads the stored runs; fresh deletes them instead.
func (w *Work) Prepare(fresh bool) error {
	w.runs = make([]outcome.Run, len(w.Tasks))
	for i := range w.Tasks {
		key, err := w.Store.Key(&w.Tasks[i].Setup)
		if err != nil {
			return err
		}
		w.keys = append(w.keys, key)
	}
	if fresh {
		return w.Store.Forget(w.keys)
	}
	for i, key := range w.keys {
		r := w.Store.Load(key)
		if r == nil || w.SeedChosen && r.Seed-uint64(r.Repetition-1) != w.Seed {
			continue
		}
		r.OpenSSLName = w.Tasks[i].OpenSSL
		w.runs[i] = *r
	}
	return nil
}

// left returns how many runs are still to be made.
func (w *Work) left() int {
	n := 0
	for i := range w.runs {
		if w.runs[i].Scenario == "" {
			n++
		}
	}
	return n
}

// Run makes the remaining runs, and returns all runs in the order of the tasks.
func (w *Work) Run(ctx context.Context) ([]outcome.Run, error) {
	total := w.left()
	if kept := len(w.Tasks) - total; kept > 0 {
		fmt.Fprintf(w.Progress, "pipelab: going on behind %d finished runs; --fresh makes them again\n", kept)
	}
	fmt.Fprintf(w.Progress, "pipelab: %d runs, %d at a time, --seed %d\n", total, w.Jobs, w.Seed)
	w.begun = time.Now()
	w.told = w.begun
	group, bound := errgroup.WithContext(ctx)
	for range w.Jobs {
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
		return nil, fmt.Errorf("interrupted with %d of %d runs finished; repeat the call to resume it",
			len(w.Tasks)-total+w.done, len(w.Tasks))
	}
	return w.runs, err
}

// take returns the index of the next run to make; negative if there is none.
func (w *Work) take() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for ; w.next < len(w.Tasks); w.next++ {
		if w.runs[w.next].Scenario == "" {
			w.next++
			return w.next - 1
		}
	}
	return -1
}

// make makes one run and stores it.
func (w *Work) make(ctx context.Context, at int) error {
	setup := w.Tasks[at].Setup
	setup.Seed = w.Seed
	var begin func(*lab.Setup)
	keep := func(*outcome.Run, *judge.Observation) (string, error) { return "", nil }
	if w.Evidence != nil {
		begin = func(attempt *lab.Setup) { keep = w.Evidence(w.Tasks[at].OpenSSL, attempt) }
	}
	r, seen, attempt, err := outcome.MakeShown(ctx, &setup, begin)
	if err != nil {
		return err
	}
	r.Repetition = attempt
	r.OpenSSLName = w.Tasks[at].OpenSSL
	if r.Evidence, err = keep(&r, seen); err != nil {
		return err
	}
	w.runs[at] = r
	return w.Store.Keep(w.keys[at], &r)
}

// tell reports at intervals how many runs are done and how long the others will
// take.
func (w *Work) tell(total int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.done++
	now := time.Now()
	if now.Sub(w.told) < tellEvery {
		return
	}
	w.told = now
	left := now.Sub(w.begun) / time.Duration(w.done) * time.Duration(total-w.done)
	fmt.Fprintf(w.Progress, "[%d/%d] about %s left\n", w.done, total, left.Round(time.Second))
}

// Span returns when the first and the last of the stored runs were made; zero times
// if none is stored. Some may be those of an interrupted call, of another day.
func (w *Work) Span() (first, last time.Time) {
	for _, key := range w.keys {
		at := w.Store.Kept(key)
		if at.IsZero() {
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	return first, last
}

// Finish deletes the stored runs.
func (w *Work) Finish() error { return w.Store.Forget(w.keys) }
