package origin_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/run/origin"
	"github.com/curlpipe/curlpipe/harness/run/scenario"
)

// watcher stands in for the observer of the client: each stall gets the next of
// its outcomes, and the last one is repeated.
type watcher struct {
	outcomes []bool
	before   func(ctx context.Context) // is called at each stall
	stalls   int
}

func (w *watcher) WaitStuck(ctx context.Context) bool {
	if w.before != nil {
		w.before(ctx)
	}
	outcome := w.outcomes[min(w.stalls, len(w.outcomes)-1)]
	w.stalls++
	return outcome
}

// requestsTo sends n requests at once on a new connection, waits for their
// responses and closes it.
func requestsTo(t *testing.T, s *origin.Server, ids ...string) {
	t.Helper()
	c := connect(t, s)
	for _, id := range ids {
		c.send(get(id, 700))
	}
	for _, id := range ids {
		c.own(id, 700)
	}
	c.close()
}

// idsOf returns n ids.
func idsOf(from, to int) []string {
	var ids []string
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("r%d", i))
	}
	return ids
}

func TestStalls(t *testing.T) {
	for name, each := range map[string]struct {
		outcomes     []bool
		stalls, vain int
	}{
		// not before the first response, not with the last two
		"always stuck":               {[]bool{true}, 7, 0},
		"never stuck":                {[]bool{false}, 2, 2},
		"stuck once, then never":     {[]bool{true, false}, 3, 2},
		"now and then":               {[]bool{false, true}, 7, 1},
		"vain ones count in a row":   {[]bool{false, true, false, true, false, true, false}, 7, 4},
		"two in a row, and no more":  {[]bool{false, true, false, false, true}, 4, 3},
		"three responses, then none": {[]bool{true, true, true, false}, 5, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, origin.Config{
				Requests: 10, Origin: scenario.Origin{StallConnections: 1, StallUntilLeft: 2}, Client: &watcher{outcomes: each.outcomes},
			})
			requestsTo(t, s, idsOf(0, 10)...)
			seen := logOf(s).Connections[0]
			require.Equal(t, each.stalls, seen.Stalls)
			require.Equal(t, each.vain, seen.VainStalls)
		})
	}
}

func TestStallUntilLeftCountsTheWholeRun(t *testing.T) {
	s := start(t, origin.Config{
		Requests: 10, Origin: scenario.Origin{StallConnections: 5, StallUntilLeft: 4}, Client: &watcher{outcomes: []bool{true}},
	})
	requestsTo(t, s, idsOf(0, 4)...)
	requestsTo(t, s, idsOf(2, 10)...) // two of them a second time
	log := logOf(s)
	require.Equal(t, 3, log.Connections[0].Stalls)
	// answered are 4 when this one begins: r3, r4 and r5 are held up, r2 is the
	// first, and with r6 no more than 4 are left
	require.Equal(t, 3, log.Connections[1].Stalls)
}

func TestOnlyTheFirstConnectionsAreStalled(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		s := start(t, origin.Config{
			TLS: version, Requests: 9, Origin: scenario.Origin{StallConnections: 2}, Client: &watcher{outcomes: []bool{true}},
		})
		for i := range 3 {
			requestsTo(t, s, idsOf(3*i, 3*i+3)...)
		}
		var stalls []int
		for _, seen := range logOf(s).Connections {
			stalls = append(stalls, seen.Stalls)
		}
		require.Equal(t, []int{2, 2, 0}, stalls)
	})
}

func TestAnHonestOriginStallsForNobody(t *testing.T) {
	client := &watcher{outcomes: []bool{true}}
	s := start(t, origin.Config{Requests: 3, Client: client})
	requestsTo(t, s, idsOf(0, 3)...)
	require.Zero(t, logOf(s).Connections[0].Stalls)
	require.Zero(t, client.stalls)
}

// unread returns the number of unread bytes that have arrived at the client.
func (c *client) unread() int {
	raw, err := c.tcp.SyscallConn()
	require.NoError(c.t, err)
	var n int
	var failed error
	require.NoError(c.t, raw.Control(func(fd uintptr) {
		n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	}))
	require.NoError(c.t, failed)
	return n
}

// While the origin waits for the client to get stuck it does not answer;
// afterwards it does.
func TestTheStalledRequestIsAnsweredAfterwards(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	client := &watcher{outcomes: []bool{true}, before: func(context.Context) {
		entered <- struct{}{}
		<-leave
	}}
	s := start(t, origin.Config{Requests: 2, Origin: scenario.Origin{StallConnections: 1}, Client: client})
	c := connect(t, s)
	c.send(get("r0", 700) + get("r1", 700))
	c.own("r0", 700)
	<-entered
	require.Zero(t, c.reader.Buffered()+c.unread(), "nothing but the first response has come")
	close(leave)
	c.own("r1", 700)
}

// A watcher does not wait for ever: the context ends, and the origin continues.
func TestAStallIsBounded(t *testing.T) {
	s := start(t, origin.Config{Requests: 4, Origin: scenario.Origin{StallConnections: 1}, Client: untilTheEnd{}})
	requestsTo(t, s, idsOf(0, 4)...)
	seen := logOf(s).Connections[0]
	require.Equal(t, 2, seen.Stalls)
	require.Equal(t, 2, seen.VainStalls)
}

// untilTheEnd waits until its context ends.
type untilTheEnd struct{}

func (untilTheEnd) WaitStuck(ctx context.Context) bool {
	<-ctx.Done()
	return false
}

// whyItEnded does the same, and reports why the context ended.
type whyItEnded chan error

func (w whyItEnded) WaitStuck(ctx context.Context) bool {
	<-ctx.Done()
	w <- ctx.Err()
	return false
}

// The time at which a connection ended shows whether the client was done, so
// the origin must notice it at once.
func TestAStallEndsWhenTheClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(*client){
		"by RST": (*client).reset,
		"by FIN": func(c *client) { require.NoError(c.t, c.tcp.CloseWrite()) },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(whyItEnded, 1)
			s := start(t, origin.Config{Requests: 2, Origin: scenario.Origin{StallConnections: 1}, Client: ended})
			c := connect(t, s)
			c.ask("r0")
			c.send(get("r1", 700))
			leave(c)
			require.ErrorIs(t, <-ended, context.Canceled)
		})
	}
}

// The client resets the connection during a stall, as libcurl does.
func TestAResetInTheMiddleOfAStall(t *testing.T) {
	forEachProtocol(t, func(t *testing.T, version string) {
		var c *client
		sent := make(chan struct{})
		watcher := &watcher{outcomes: []bool{true}, before: func(ctx context.Context) {
			<-sent // a socket is not closed before all writes to it have returned
			c.reset()
			<-ctx.Done() // the RST has arrived
		}}
		s := start(t, origin.Config{TLS: version, Requests: 2, Origin: scenario.Origin{StallConnections: 1}, Client: watcher})
		c = connect(t, s)
		c.send(get("r0", 700))
		c.own("r0", 700)
		c.send(get("r1", 700))
		close(sent)
		seen := logOf(s).Connections[0]
		require.Equal(t, 1, seen.Stalls)
		require.Len(t, seen.Requests, 2)
		require.False(t, seen.Requests[1].Answered)
		require.True(t, seen.End.ByClient)
		require.True(t, seen.End.Reset)
		require.True(t, seen.End.Early)
	})
}
