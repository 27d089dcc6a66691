package origin

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A stream's room follows RFC 9113 §6.9: its window, the connection's and the
// largest frame limit it. A new initial window changes the windows of open streams,
// even below zero.
func TestWindows(t *testing.T) {
	settle := func(w *Windows, settings ...http2.Setting) {
		var wire bytes.Buffer
		framer := http2.NewFramer(&wire, &wire)
		require.NoError(t, framer.WriteSettings(settings...))
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		require.NoError(t, w.Settle(frame.(*http2.SettingsFrame), hpack.NewEncoder(&wire)))
	}
	widen := func(stream, by uint32) *http2.WindowUpdateFrame {
		return &http2.WindowUpdateFrame{FrameHeader: http2.FrameHeader{StreamID: stream}, Increment: by}
	}
	w := NewWindows()
	require.EqualValues(t, defaultMaxFrame, w.Room(1))
	settle(w, http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 20})
	require.EqualValues(t, DefaultWindow, w.Room(1))
	w.Sent(1, DefaultWindow-10)
	require.EqualValues(t, 10, w.Room(1))
	require.EqualValues(t, 10, w.Room(3), "the connection's window")
	w.Widen(widen(0, 100))
	require.EqualValues(t, 10, w.Room(1))
	require.EqualValues(t, 110, w.Room(3))
	w.Widen(widen(1, 5))
	require.EqualValues(t, 15, w.Room(1))
	settle(w, http2.Setting{ID: http2.SettingInitialWindowSize, Val: DefaultWindow - 20})
	require.EqualValues(t, -5, w.Room(1))
	w.Widen(widen(1, 6))
	require.EqualValues(t, 1, w.Room(1))
}
