package curlpipe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/cshim"
)

// What is abandoned while its connection is new is torn out when that turns out
// to multiplex. One run of the loop may tell of that, and of the response as well.
func TestResultWithTheNewsThatItsConnectionMultiplexes(t *testing.T) {
	lib, err := loadedLibrary()
	require.NoError(t, err)
	settings, err := (&Transport{AllowUnpatched: true}).settings(lib)
	require.NoError(t, err)
	e, err := newEngine(settings)
	require.NoError(t, err)
	defer e.tearDown(ErrClosed)

	ended := newCall(get(t, "https://origin.example/ended"), false)
	goesOn := newCall(get(t, "https://origin.example/goes-on"), false)
	require.NoError(t, e.prepare(t.Context(), ended))
	require.NoError(t, e.prepare(t.Context(), goesOn))
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer unix.Close(sockets[1])
	on := &conn{origin: e.originOf(ended.origin)}
	e.connected(dialed{conn: on, line: line{socket: sockets[0]}})
	for _, c := range []*call{ended, goesOn} {
		e.launch(c, on, time.Now())
		require.True(t, c.leave())
		e.forget(c)
		require.Equal(t, placeInFlight, c.place, "it may be HTTP/1.1, and others behind it")
	}

	e.deal([]cshim.Result{{Slot: ended.handle.slot, Done: true}},
		[]cshim.News{{Connection: on.id, Proven: true, Multiplexes: true}})
	require.Equal(t, placeNone, ended.place)
	require.Equal(t, placeNone, goesOn.place)
	require.Zero(t, on.inFlight)
	require.Len(t, e.idle, 1, "the handle that has its result is used again, the other is not")
}
