package curlpipe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/cshim"
)

// newStillEngine makes an engine whose goroutine does not run, with a connection
// that libcurl has not used yet, and calls to its origin.
func newStillEngine(t *testing.T, calls ...*call) (*engine, *conn) {
	t.Helper()
	lib, err := loadedLibrary()
	require.NoError(t, err)
	settings, err := (&Transport{AllowUnpatched: true}).settings(lib)
	require.NoError(t, err)
	e, err := newEngine(settings)
	require.NoError(t, err)
	t.Cleanup(func() { e.tearDown(ErrClosed) })
	for _, c := range calls {
		require.NoError(t, e.prepare(t.Context(), c))
	}
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(sockets[1]) })
	o := e.originOf(calls[0].origin)
	on := &conn{origin: o}
	o.conns = append(o.conns, on)
	e.connected(dialed{conn: on, line: line{socket: sockets[0]}})
	return e, on
}

// leaveOnTheWire assigns a call to a connection, and then ends the caller's
// interest in it.
func (e *engine) leaveOnTheWire(t *testing.T, c *call, on *conn, now time.Time) {
	t.Helper()
	e.launch(c, on, now)
	require.True(t, c.leave())
	e.forget(c)
	require.Equal(t, placeInFlight, c.place, "it may be HTTP/1.1, and others behind it")
}

// A request that was abandoned on a new connection is cancelled when the
// connection turns out to multiplex. One run of the loop may report that and the
// response, too.
func TestResultWithTheNewsThatItsConnectionMultiplexes(t *testing.T) {
	ended := new(Transport).newCall(get(t, "https://origin.example/ended"), false)
	goesOn := new(Transport).newCall(get(t, "https://origin.example/goes-on"), false)
	e, on := newStillEngine(t, ended, goesOn)
	e.leaveOnTheWire(t, ended, on, time.Now())
	e.leaveOnTheWire(t, goesOn, on, time.Now())
	e.deal([]cshim.Result{{Slot: ended.handle.slot, Done: true}},
		[]cshim.News{{Connection: on.id, Proven: true, Multiplexes: true}})
	require.Equal(t, placeNone, ended.place)
	require.Equal(t, placeNone, goesOn.place)
	require.Zero(t, on.inFlight)
	require.Len(t, e.idle, 1, "the handle that has its result is used again, the other is not")
}

// A connection that is slow to establish, as on a busy machine, is not replaced
// because its first request was abandoned: the requests behind would not be
// faster on another. Once it is established they wait for the response, but not
// for long.
func TestAbandonedWhileItsConnectionIsMade(t *testing.T) {
	first := new(Transport).newCall(get(t, "https://origin.example/first"), false)
	second := new(Transport).newCall(get(t, "https://origin.example/second"), false)
	e, on := newStillEngine(t, first, second)
	now := time.Now()
	e.leaveOnTheWire(t, first, on, now)
	e.enqueue(second)
	for range 4 {
		now = now.Add(patience)
		e.looked = now
		e.lookAfter(now)
		e.admit()
		require.Equal(t, []*conn{on}, on.origin.conns)
		require.Equal(t, connOpen, on.state)
		require.Equal(t, placeQueued, second.place)
		require.False(t, e.look.IsZero(), "it is looked at again")
	}
	on.established, on.establishedSince = true, now
	e.looked = now.Add(patience - 1)
	e.lookAfter(now.Add(10 * patience)) // the process did not run, and the loop did not check its sockets
	require.Equal(t, connOpen, on.state)
	e.looked = now.Add(patience)
	e.lookAfter(e.looked)
	require.Equal(t, connDraining, on.state)
}
