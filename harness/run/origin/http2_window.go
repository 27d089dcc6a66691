package origin

import (
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// DefaultWindow is how many bytes of bodies an endpoint of HTTP/2 takes on a
// connection and on each stream, and defaultMaxFrame how many in a frame, unless it
// says otherwise [RFC 9113 §6.5.2].
const (
	DefaultWindow   = 65_535
	defaultMaxFrame = 16_384
)

// Windows knows how many bytes of bodies the client at the other end of a connection
// of HTTP/2 takes [RFC 9113 §5.2].
type Windows struct {
	connection int64
	initial    int64            // of each stream
	moved      map[uint32]int64 // by how much a stream's window has grown since
	frame      int64
}

// NewWindows returns those of a client that has not said anything yet.
func NewWindows() *Windows {
	return &Windows{connection: DefaultWindow, initial: DefaultWindow, moved: make(map[uint32]int64), frame: defaultMaxFrame}
}

// Widen notes that the client takes more.
func (w *Windows) Widen(f *http2.WindowUpdateFrame) {
	if f.StreamID == 0 {
		w.connection += int64(f.Increment)
	} else {
		w.moved[f.StreamID] += int64(f.Increment)
	}
}

// Settle follows the client's settings; encoder is that of the responses.
func (w *Windows) Settle(f *http2.SettingsFrame, encoder *hpack.Encoder) error {
	return f.ForeachSetting(func(setting http2.Setting) error {
		switch setting.ID {
		case http2.SettingInitialWindowSize:
			w.initial = int64(setting.Val) // the window of each stream moves with it
		case http2.SettingMaxFrameSize:
			w.frame = int64(setting.Val)
		case http2.SettingHeaderTableSize:
			encoder.SetMaxDynamicTableSize(setting.Val)
		}
		return nil
	})
}

// Room returns how many bytes of a stream's body the client takes in one frame now.
// It is 0 or negative if it takes none.
func (w *Windows) Room(stream uint32) int64 {
	return min(w.frame, w.connection, w.initial+w.moved[stream])
}

// Sent notes that n bytes of a stream's body were sent.
func (w *Windows) Sent(stream uint32, n int64) {
	w.connection -= n
	w.moved[stream] -= n
}
