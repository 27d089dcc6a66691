package fleet

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// inShards returns a beginning of a run with two clients in two shards.
func inShards() Parameters {
	f := parameters()
	f.Clients, f.Shards = 2, 2
	return f
}

// met is the answer to a shard.
type met struct {
	*presence
	err error
}

// begin calls begin in another goroutine, because it waits.
func begin(ctx context.Context, server string, b beginning) <-chan met {
	answered := make(chan met, 1)
	go func() {
		p, err := attend(ctx, server, b, nil)
		answered <- met{p, err}
	}()
	return answered
}

// toldAtEnd is the answer to a shard at its end.
type toldAtEnd struct {
	counted Counted
	err     error
}

func end(server string, e ending) <-chan toldAtEnd {
	answered := make(chan toldAtEnd, 1)
	go func() {
		c, err := ask[Counted](context.Background(), server, pathEnd, e)
		answered <- toldAtEnd{c, err}
	}()
	return answered
}

func TestShardsBeginAndEndTogether(t *testing.T) {
	server := start(t)
	for range 2 { // one run after the other
		first := begin(t.Context(), server, beginning{inShards(), 1})
		select {
		case m := <-first:
			require.Fail(t, "the first shard did not wait", "%v", m.err)
		default:
		}
		second := begin(t.Context(), server, beginning{inShards(), 2})
		one, two := <-first, <-second
		require.NoError(t, one.err)
		require.NoError(t, two.err)
		require.Equal(t, one.greeting, two.greeting)

		ended := end(server, ending{Run: one.greeting.Run, Shard: 2})
		told := <-end(server, ending{Run: one.greeting.Run, Shard: 1})
		require.NoError(t, told.err)
		require.Equal(t, told, <-ended)
		require.NotEmpty(t, told.counted.Samples)
		one.leave()
		two.leave()
	}
}

func TestShardsThatDoNotBelongAreRefused(t *testing.T) {
	m := &meeting{address: "127.0.0.1:0"}
	t.Cleanup(m.close)
	_, err := m.join("127.0.0.1", beginning{inShards(), 1})
	require.NoError(t, err)
	other := inShards()
	other.Requests = 7
	for says, b := range map[string]beginning{
		"shard 2/2 has 2 clients (7 requests each":                 {other, 2},
		"and the others have 2 clients (1000 requests each":        {other, 2},
		"shard 1/2 has begun this run already; restart the server": {inShards(), 1},
		"there is no shard 3/2":                                    {inShards(), 3},
		"there is no shard 0/2":                                    {inShards(), 0},
	} {
		_, err := m.join("127.0.0.1", b)
		require.ErrorContains(t, err, says)
	}
}

func TestAShardThatDoesNotWaitIsForgotten(t *testing.T) {
	m := &meeting{address: "127.0.0.1:0"}
	t.Cleanup(m.close)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.begin(gone, "127.0.0.1", beginning{inShards(), 1})
	require.ErrorIs(t, err, context.Canceled)
	_, err = m.begin(t.Context(), "127.0.0.1", beginning{parameters(), 1})
	require.NoError(t, err, "another run can begin")
}

// open makes a meeting with a run of two shards in progress.
func open(t *testing.T) (*meeting, string) {
	t.Helper()
	m := &meeting{address: "127.0.0.1:0"}
	t.Cleanup(m.close)
	for index := 1; index <= 2; index++ {
		_, err := m.join("127.0.0.1", beginning{inShards(), index})
		require.NoError(t, err)
	}
	return m, m.run.id
}

func TestAProblemOfOneShardEndsAll(t *testing.T) {
	m, id := open(t)
	waiting := make(chan error, 1)
	r := m.run
	go func() {
		_, err := m.end(t.Context(), ending{Run: id, Shard: 1})
		waiting <- err
	}()
	_, err := m.end(t.Context(), ending{Run: id, Shard: 2, Problem: "no memory"})
	require.EqualError(t, err, "shard 2 of 2: no memory")
	<-r.over
	// told while it waits, or later if it begins to wait too late
	require.Regexp(t, "^(shard 2 of 2: no memory|that run has ended, .*)$", (<-waiting).Error())
}

func TestAShardThatLeavesEndsAll(t *testing.T) {
	m, id := open(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.end(gone, ending{Run: id, Shard: 2})
	require.EqualError(t, err, "shard 2 of 2 has left")
	_, err = m.end(t.Context(), ending{Run: id, Shard: 1})
	require.ErrorContains(t, err, "that run has ended, because another shard has left it")
}

// TestAShardThatDiesEndsAll requires that all shards end when one dies, also
// between its beginning and its end, while it sends nothing. The server
// continues with the next run by itself.
func TestAShardThatDiesEndsAll(t *testing.T) {
	server := start(t)
	for range 3 {
		first := begin(t.Context(), server, beginning{inShards(), 1})
		second := <-begin(t.Context(), server, beginning{inShards(), 2})
		one := <-first
		require.NoError(t, one.err)
		require.NoError(t, second.err)
		waits := end(server, ending{Run: one.Run, Shard: 1})
		second.leave() // as the kernel does when a process is killed
		require.Regexp(t, "shard 2 of 2 has left|that run has ended", (<-waits).err.Error())
		one.leave()
	}
	alone := <-begin(t.Context(), server, beginning{parameters(), 1})
	require.NoError(t, alone.err)
	told := <-end(server, ending{Run: alone.Run, Shard: 1})
	require.NoError(t, told.err)
	alone.leave()
}

func TestAServerThatEndsLetsGo(t *testing.T) {
	m := &meeting{address: "127.0.0.1:0"}
	r, err := m.join("127.0.0.1", beginning{inShards(), 1})
	require.NoError(t, err)
	m.close()
	<-r.over
	require.EqualError(t, r.err, "the server was ended")
	_, err = m.end(t.Context(), ending{Run: r.id, Shard: 1})
	require.ErrorContains(t, err, "that run has ended")
}
