package events

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// ended returns a context that has ended, so that nothing waits.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// waiting starts to wait and, once the wait has begun, returns a channel for
// its result.
func waiting(ctx context.Context, w *Watch) <-chan bool {
	outcome, begun := make(chan bool, 1), make(chan struct{})
	go func() {
		close(begun)
		outcome <- w.WaitStuck(ctx)
	}()
	<-begun
	return outcome
}

func TestWaitStuckReturnsAtABlockedWrite(t *testing.T) {
	for name, write := range map[string]Event{
		"WANT_WRITE":      blocked,
		"WANT_READ":       with(func(e *Event) { e.Error = WantRead }),
		"a plain send":    {Call: "send", FD: 4, Length: 90, Result: -1, Error: WantWrite},
		"a part was sent": {Call: "send", FD: 4, Length: 90, Result: 40},
	} {
		t.Run(name, func(t *testing.T) {
			w := NewWatch()
			outcome := waiting(context.Background(), w)
			w.See(write)
			require.True(t, <-outcome)
		})
	}
}

func TestWaitStuckReturnsAtABlockedWriteHoweverLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch()
		outcome := waiting(context.Background(), w)
		time.Sleep(100 * settle) // of the bubble's time
		synctest.Wait()
		require.Empty(t, outcome, "nothing is known yet")
		w.See(blocked)
		require.True(t, <-outcome)
	})
}

// The peer may have read meanwhile without making enough room.
func TestWaitStuckReturnsForAWriteThatStaysBlocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch()
		w.See(blocked)
		w.See(Event{Call: "SSL_read", SSL: "0x1", Length: 16384, Result: 700})
		for range 2 {
			begin := time.Now()
			require.True(t, w.WaitStuck(context.Background()))
			require.Equal(t, settle, time.Since(begin), "it is given the time to try again")
		}
	})
}

// A client's own BIO may buffer what the socket refuses, while OpenSSL goes on.
func TestWaitStuckWaitsForAClientThatWritesIntoItsOwnBIO(t *testing.T) {
	refused := Event{Call: "send", FD: 4, Length: 90, Result: -1, Error: WantWrite}
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch()
		w.See(with(done))
		outcome := waiting(context.Background(), w)
		synctest.Wait()
		time.Sleep(2 * settle)
		w.See(refused)
		synctest.Wait()
		require.Empty(t, outcome, "OpenSSL may take more")
		w.See(with(done))
		w.See(blocked)
		require.True(t, <-outcome, "now it does not")

		outcome = waiting(context.Background(), w)
		synctest.Wait()
		w.See(with(done))
		w.See(refused)
		begin := time.Now()
		require.True(t, <-outcome, "it writes no more")
		require.Equal(t, settle, time.Since(begin))
	})
}

func TestWaitStuckIsFalseWhenTheContextEnds(t *testing.T) {
	require.False(t, NewWatch().WaitStuck(ended()))

	ctx, cancel := context.WithCancel(context.Background())
	outcome := waiting(ctx, NewWatch())
	cancel()
	require.False(t, <-outcome)
}

func TestWaitStuckIsFalseForAClientThatGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch()
		w.See(blocked)
		w.See(with(done))
		ctx, cancel := context.WithTimeout(context.Background(), 100*settle)
		defer cancel()
		require.False(t, w.WaitStuck(ctx), "it was stuck, and is no more")
	})
}

func TestWatchIsSafeForConcurrentUse(t *testing.T) {
	w := NewWatch()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { require.True(t, w.WaitStuck(context.Background())) })
		group.Go(func() {
			w.See(with(done))
			w.See(blocked)
		})
	}
	group.Wait()
}
