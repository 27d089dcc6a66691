// Package picture draws timelines as SVG.
//
// It stands between package timeline and the report, and knows neither files nor
// runs. A picture is self-contained and includes its text equivalent.
package picture

import (
	"fmt"
	"html"
	"io"
	"strings"
	"time"

	"github.com/curlpipe/curlpipe/harness/show/style"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

// Panel is one timeline in a picture.
type Panel struct {
	Title    string
	Timeline *timeline.Timeline
}

// Sizes, in units of the picture. It scales to any width.
const (
	width      = 720
	labelWidth = 92
	trackStep  = 7
	trackSize  = 5
	mostTracks = 8  // of a lane
	mostLanes  = 40 // of a panel
)

// Style is the style sheet of pictures, for light and dark. An SVG includes it; a
// page that contains an Inline has to include it, and PageStyle.
var Style = style.Palette(".timeline") + `.timeline { font: 12px system-ui, sans-serif; }
.timeline text { fill: var(--ink); } .timeline .soft { fill: var(--soft); } .timeline .heading { font-weight: 600; font-size: 14px; }
.timeline .axis { stroke: var(--line); } .timeline .lane { fill: var(--lane); } .timeline .write { fill: var(--write); }
.timeline .wait { fill: var(--wait); } .timeline .handshake { fill: var(--handshake); }
.timeline .blocked { fill: var(--blocked); } .timeline .paper { fill: var(--paper); }
.timeline .refused { fill: var(--end); }
.timeline .end { stroke: var(--end); stroke-width: 2; fill: none; } .timeline .fin { stroke: var(--soft); stroke-width: 2; }
`

// PageStyle is the additional style of a page with Inlines and Legends.
const PageStyle = `.timelines { display: flex; min-width: 40rem; max-width: 64rem; } .timelines .timeline { display: block; width: auto; min-width: 0; }
.timelines .labels { position: sticky; left: 0; background: var(--card); }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; list-style: none; margin: .25rem 0; padding: 0; font-size: .8rem; color: var(--soft); }
.legend svg.timeline { display: inline-block; width: 10px; height: 8px; margin-right: .3rem; }
`

// drawing is a picture that grows downwards. The labels left of the lanes are
// separate, so that a page can keep them visible.
type drawing struct {
	strings.Builder
	labels strings.Builder
	y      float64
	scale  float64 // units a nanosecond
}

// SVG writes the panels one below the other, on one time scale, as a complete
// file.
func SVG(w io.Writer, panels ...Panel) error {
	d := newDrawing(0, panels)
	var texts []string
	for _, p := range panels {
		d.heading(p.Title)
		d.panel(p)
		texts = append(texts, Describe(p))
	}
	d.legend()
	return write(w, fmt.Sprintf("%s<style>%s</style>\n<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n%s%s</svg>\n",
		d.open("timeline", 0, width, strings.Join(texts, " ")), Style, d.labels.String(), d.String()))
}

// Inline writes one panel as elements of a page that includes Style. The time
// scale reaches at least to the given time, so that pictures side by side can
// be compared. If the page is narrower than the picture, it shows a part, and
// the labels. The page has its own heading and Legend.
func Inline(w io.Writer, panel Panel, scale time.Duration) error {
	d := newDrawing(scale, []Panel{panel})
	d.panel(panel)
	return write(w, fmt.Sprintf("<div class=\"timelines\">%s%s</svg>\n%s%s</svg></div>\n",
		d.open("timeline labels", 0, labelWidth, ""), d.labels.String(),
		d.open("timeline", labelWidth, width-labelWidth, Describe(panel)), d.String()))
}

func newDrawing(longest time.Duration, panels []Panel) *drawing {
	for _, p := range panels {
		longest = max(longest, p.Timeline.End)
	}
	return &drawing{y: 6, scale: (width - labelWidth - 12) / float64(max(longest, time.Microsecond))}
}

// open begins the SVG of a strip of the drawing, with its description. Without a
// description it is hidden from screen readers.
func (d *drawing) open(class string, from, width int, words string) string {
	role := `aria-hidden="true"`
	if words != "" {
		role = fmt.Sprintf(`role="img" aria-label="%s"`, html.EscapeString(words))
	}
	return fmt.Sprintf(`<svg class="%s" style="flex: %d 0 0" xmlns="http://www.w3.org/2000/svg" viewBox="%d 0 %d %.0f" %s>`+"\n",
		class, width, from, width, d.y+4, role)
}

func write(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("writing a picture: %w", err)
	}
	return nil
}

// Describe describes what a panel shows.
func Describe(p Panel) string {
	var requests, blocked, refused, resets int
	for _, l := range p.Timeline.Lanes {
		requests += len(l.Requests)
		blocked += len(l.Blocked)
		for _, b := range l.Blocked {
			if b.Refused {
				refused++
			}
		}
		if l.Ending.Reset && l.Ending.ByClient {
			resets++
		}
	}
	return fmt.Sprintf("%s: %s in %s, %s, %s, %d of them followed by another write that TLS refused, %s by the client.",
		p.Title, count(len(p.Timeline.Lanes), "connection"), Milliseconds(p.Timeline.End), count(requests, "request"),
		count(blocked, "blocked write"), refused, count(resets, "reset"))
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Milliseconds writes a time of a timeline: "4.2 ms", or "–" if it is unknown.
func Milliseconds(d time.Duration) string {
	if d == timeline.Unknown {
		return "–"
	}
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func (d *drawing) x(at time.Duration) float64 {
	return labelWidth + float64(max(at, 0))*d.scale
}

func (d *drawing) text(x, y float64, class, anchor, text string) {
	out := &d.Builder
	if x < labelWidth && class != "heading" {
		out = &d.labels
	}
	fmt.Fprintf(out, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(text))
}

// least is the minimum width of a bar, in units; a moment is a line.
const least = 1.2

// bar draws a bar from one moment to another.
func (d *drawing) bar(class string, from, to time.Duration, y, height float64, title string) {
	if from == timeline.Unknown || to == timeline.Unknown {
		return
	}
	x := d.x(from)
	fmt.Fprintf(d, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n",
		class, x, y, max(d.x(to)-x, least), height, html.EscapeString(title))
}
