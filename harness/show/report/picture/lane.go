package picture

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/show/style"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

func (d *drawing) heading(title string) {
	d.y += 14
	d.text(4, d.y, "heading", "start", title)
	d.y += 8
}

func (d *drawing) panel(p Panel) {
	top := d.y
	lanes := p.Timeline.Lanes
	for i := range lanes[:min(len(lanes), mostLanes)] {
		d.lane(&lanes[i])
	}
	if more := len(lanes) - mostLanes; more > 0 {
		d.y += 12
		d.text(labelWidth, d.y, "soft", "start", fmt.Sprintf("… and %d more connections", more))
		d.y += 4
	}
	d.axis(p.Timeline.End, top)
}

// axis writes the times below the lanes.
func (d *drawing) axis(end time.Duration, top float64) {
	step := time.Duration(style.RoundStep(float64(width-labelWidth) / d.scale / 8))
	for at := time.Duration(0); at <= end; at += step {
		x := d.x(at)
		fmt.Fprintf(d, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", x, top, x, d.y+3)
		label, anchor := fmt.Sprintf("%g", float64(at)/float64(time.Millisecond)), "middle"
		if at == 0 {
			label, anchor = "0 ms", "start" // there is no room to its left
		}
		d.text(x, d.y+14, "soft", anchor, label)
	}
	d.y += 20
}

func (d *drawing) lane(l *timeline.Lane) {
	tracks := assign(l.Requests)
	used := 1
	for _, t := range tracks {
		used = max(used, t+1)
	}
	height := float64(used*trackStep + 8)
	top := d.y
	d.text(4, top+height/2+4, "soft", "start", fmt.Sprintf("connection %d", l.Number))
	closed := l.Closed
	if closed == timeline.Unknown {
		closed = time.Duration(float64(width-labelWidth-12) / d.scale)
	}
	d.bar("lane", max(l.Opened, 0), closed, top+1, height-2, fmt.Sprintf("connection %d", l.Number))
	d.bar("handshake", l.Opened, l.Secured, top+1, height-2, "connecting and handshake until "+Milliseconds(l.Secured))
	for _, r := range l.Renegotiations {
		d.bar("handshake", r.From, timeline.Known(r.To, l.Closed), top+1, height-2,
			fmt.Sprintf("renegotiation from %s to %s", Milliseconds(r.From), Milliseconds(r.To)))
	}
	for _, at := range l.KeyUpdates {
		d.bar("handshake", at, at, top+1, height-2, "KeyUpdate of the client at "+Milliseconds(at))
	}
	for i := range l.Requests {
		d.request(&l.Requests[i], top+6+float64(tracks[i]*trackStep))
	}
	for _, b := range l.Blocked {
		title := fmt.Sprintf("blocked, %s, from %s to %s, tried %d times", b.Want, Milliseconds(b.From), Milliseconds(b.To), b.Tries)
		if b.Refused {
			title += "; then another write came, which TLS refused"
		}
		d.bar("blocked", b.From, b.To, top+1, 4, title)
		if b.Refused {
			d.bar("refused", b.To, b.To, top+1, 8, title)
		}
	}
	d.ending(l, top, height)
	d.y += height
}

// request draws the writing dark and the wait for the response light.
func (d *drawing) request(r *timeline.Request, y float64) {
	title := fmt.Sprintf("%s: queued %s, written %s to %s, arrived %s, answered %s to %s", cmp.Or(r.ID, "a request"),
		Milliseconds(r.Queued), Milliseconds(r.FirstWrite), Milliseconds(r.LastWrite), Milliseconds(r.Arrived),
		Milliseconds(r.FirstAnswered), Milliseconds(r.Done))
	written := r.LastWrite
	if written == timeline.Unknown {
		written = r.Arrived
	}
	d.bar("wait", timeline.Known(r.LastWrite, r.Arrived), r.Done, y, trackSize, title)
	d.bar("write", timeline.Known(r.FirstWrite, r.Arrived), written, y, trackSize, title)
}

// ending draws a cross for a RST and a line for a FIN.
func (d *drawing) ending(l *timeline.Lane, top, height float64) {
	if l.Closed == timeline.Unknown {
		return
	}
	x, middle := d.x(l.Closed), top+height/2
	fmt.Fprintf(d, `<g><title>%s</title>`, "ended "+Ended(l))
	if l.Ending.Reset {
		fmt.Fprintf(d, `<path class="end" d="M%.1f %.1f l8 8 m0 -8 l-8 8"/>`, x-4, middle-4)
	} else {
		fmt.Fprintf(d, `<line class="fin" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x, top+1, x, top+height-1)
	}
	d.WriteString("</g>\n")
}

// Ended describes how a connection ended.
func Ended(l *timeline.Lane) string {
	by, how := "by the origin", "with a FIN"
	if l.Ending.ByClient {
		by = "by the client"
	}
	if l.Ending.Reset {
		how = "with a RST"
	}
	text := fmt.Sprintf("%s %s at %s", by, how, Milliseconds(l.Closed))
	if l.Ending.AfterByte >= 0 {
		text += fmt.Sprintf(" after byte %d", l.Ending.AfterByte)
	}
	if l.Ending.Unread > 0 {
		text += fmt.Sprintf(", closed by the client with %d bytes unread", l.Ending.Unread)
	}
	return text
}

// assign puts overlapping requests on different tracks, while there are any.
func assign(requests []timeline.Request) []int {
	var free [mostTracks]time.Duration // when the last one on the track ended
	tracks := make([]int, len(requests))
	for i := range requests {
		r := &requests[i]
		begin := timeline.Known(r.FirstWrite, r.Arrived, 0)
		best := 0
		for t := range free {
			if free[t] <= begin {
				best = t
				break
			}
			if free[t] < free[best] {
				best = t
			}
		}
		tracks[i] = best
		free[best] = max(r.FirstWrite, r.LastWrite, r.Arrived, r.Done)
	}
	return tracks
}

// marks are the meanings of the colours, with the width of each in a picture.
var marks = []struct {
	class, text string
	length      float64
}{
	{"handshake", "handshake", 92}, {"write", "request written", 128}, {"wait", "awaiting response", 142},
	{"blocked", "write blocked", 112}, {"refused", "retry refused", 112}, {"end", "reset", 0},
}

// mark draws a mark, with its upper left corner at a point.
func mark(class string, x, y float64) string {
	if class == "end" {
		return fmt.Sprintf(`<path class="end" d="M%.1f %.1f l8 8 m0 -8 l-8 8"/>`, x, y)
	}
	return fmt.Sprintf(`<rect class="%s" x="%.1f" y="%.1f" width="10" height="8"/>`, class, x, y)
}

func (d *drawing) legend() {
	x, y := 4.0, d.y+8
	for _, m := range marks {
		d.WriteString(mark(m.class, x, y-8))
		fmt.Fprintf(d, `<text x="%.1f" y="%.1f" class="soft">%s</text>`+"\n", x+14, y, m.text)
		x += m.length
	}
	d.y = y + 4
}

// Legend describes in HTML what the colours of an Inline mean.
func Legend() string {
	var out strings.Builder
	out.WriteString(`<ul class="legend" aria-hidden="true">`)
	for _, m := range marks {
		fmt.Fprintf(&out, `<li><svg class="timeline" viewBox="0 0 10 8">%s</svg>%s</li>`, mark(m.class, 0, 0), m.text)
	}
	out.WriteString("</ul>\n")
	return out.String()
}
