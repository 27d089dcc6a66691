package picture_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/curlpipe/curlpipe/harness/show/report/picture"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

func line(lanes int) *timeline.Timeline {
	t := &timeline.Timeline{End: 10 * time.Millisecond}
	for i := range lanes {
		t.Lanes = append(t.Lanes, timeline.Lane{
			Number: i + 1, Opened: 0, Secured: timeline.Unknown, Closed: 9 * time.Millisecond,
			Requests: []timeline.Request{{
				ID: "<r0>", FirstWrite: time.Millisecond, LastWrite: 2 * time.Millisecond, Arrived: timeline.Unknown,
				FirstAnswered: timeline.Unknown, Done: timeline.Unknown,
			}},
			Blocked:        []timeline.Blocked{{From: time.Millisecond, To: 2 * time.Millisecond, Want: "WANT_WRITE", Tries: 1, Refused: true}},
			Renegotiations: []timeline.Interval{{From: 3 * time.Millisecond, To: timeline.Unknown}},
			KeyUpdates:     []time.Duration{4 * time.Millisecond},
			Ending:         timeline.Ending{ByClient: true, Reset: true, AfterByte: 77},
		})
	}
	return t
}

// elements parses a picture and counts its elements by name and class.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	count := make(map[string]int)
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		require.NoError(t, err)
		if e, is := token.(xml.StartElement); is {
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					count[e.Name.Local+"."+a.Value]++
				}
				if a.Value != "http://www.w3.org/2000/svg" {
					require.NotContains(t, a.Value, "http", "nothing is fetched")
				}
			}
		}
	}
}

func TestPictureShowsEachConnection(t *testing.T) {
	var out strings.Builder
	require.NoError(t, picture.SVG(&out, picture.Panel{Title: "a & b", Timeline: line(3)}, picture.Panel{Title: "c", Timeline: line(1)}))
	found := elements(t, out.String())
	require.Equal(t, 4, found["rect.lane"])
	require.Equal(t, 4+1, found["rect.write"], "and the legend")
	require.Equal(t, 4+1, found["path.end"])
	require.Equal(t, 4+1, found["rect.refused"])
	require.Equal(t, 4*2+1, found["rect.handshake"], "a renegotiation and a KeyUpdate")
	require.Contains(t, out.String(), "&lt;r0&gt;: queued 0.0 ms, written 1.0 ms to 2.0 ms, arrived –")
	require.Contains(t, out.String(), "ended by the client with a RST at 9.0 ms after byte 77")
	require.Contains(t, out.String(), `aria-label="a &amp; b: 3 connections in 10.0 ms, 3 requests, 3 blocked writes, `+
		`3 of them followed by another write that TLS refused, 3 resets by the client. c: 1 connection in`)
}

func TestPictureIsBounded(t *testing.T) {
	var out strings.Builder
	require.NoError(t, picture.Inline(&out, picture.Panel{Title: "many", Timeline: line(500)}, 0))
	require.Equal(t, 40, elements(t, out.String())["rect.lane"])
	require.Contains(t, out.String(), "… and 460 more connections")
	require.NotContains(t, out.String(), "<style>")
}

func TestPictureOfNothing(t *testing.T) {
	var out strings.Builder
	require.NoError(t, picture.SVG(&out, picture.Panel{Timeline: &timeline.Timeline{}}))
	require.Zero(t, elements(t, out.String())["rect.lane"])
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, fmt.Errorf("no space") }

func TestPictureThatCannotBeWritten(t *testing.T) {
	require.ErrorContains(t, picture.SVG(full{}, picture.Panel{Timeline: line(1)}), "writing a picture: no space")
}

// The picture in the README comes from a run, see harness/docs/evidence.md.
func TestThePictureOfTheREADMEIsOfBothLibraries(t *testing.T) {
	svg, err := os.ReadFile("../reported.svg")
	require.NoError(t, err)
	found := elements(t, string(svg))
	require.Equal(t, 2, found["text.heading"])
	require.Greater(t, found["path.end"], 2, "stock loses connections")
	require.Greater(t, found["rect.refused"], 2)
	require.Contains(t, string(svg), "patched: one connection that stays up")
	require.Contains(t, string(svg), picture.Style, "make it again: its style is of another version")
}
