package fleet

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"github.com/curlpipe/curlpipe/harness/show/style"
)

// point is a rate at a time.
type point struct{ seconds, rate float64 }

// handshakeRates returns the handshakes per second in each second of the run.
func (r *Result) handshakeRates() []point {
	counts := make([]float64, int(r.Seconds)+1)
	var before int64
	for _, s := range r.Samples {
		counts[min(int(s.Seconds), len(counts)-1)] += float64(s.Handshakes - before)
		before = s.Handshakes
	}
	points := make([]point, len(counts))
	for i, n := range counts {
		points[i] = point{float64(i), n}
	}
	return points
}

func (r *Result) mostHandshakes() float64 {
	most := 0.0
	for _, p := range r.handshakeRates() {
		most = max(most, p.rate)
	}
	return most
}

const (
	plotLeft, plotTop     = 60, 84
	plotWidth, plotHeight = 720, 240
	pictureWidth          = plotLeft + plotWidth + 30
	pictureHeight         = plotTop + plotHeight + 50
	// a page may have several pictures, so all styles of this one have a class
	// of their own
	colours = 4
	// number of entries in a row of the legend
	legendColumns         = 2
	legendStep, legendRow = 360, 18
	legendTop, legendLine = 38, 24
)

// pictureStyle gives each run its colour.
var pictureStyle = style.Palette(".fleet") + `.fleet text { font: 13px sans-serif; fill: var(--ink); }
.fleet .grid { stroke: var(--line); } .fleet .back { fill: var(--paper); }
.fleet .s0 { stroke: var(--end); fill: var(--end); } .fleet .s1 { stroke: var(--write); fill: var(--write); }
.fleet .s2 { stroke: var(--pass); fill: var(--pass); } .fleet .s3 { stroke: var(--handshake); fill: var(--handshake); }
.fleet .line { fill: none; stroke-width: 2; }
`

// Picture draws the handshakes per second of the runs over time, as SVG for
// light and dark backgrounds.
func Picture(w io.Writer, results []*Result) error {
	var seconds, most float64 = 1, 1
	for _, r := range results {
		seconds, most = max(seconds, math.Ceil(r.Seconds)), max(most, r.mostHandshakes())
	}
	most = step(most) * math.Ceil(most/step(most)) // the axis ends at a tick
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" class="fleet" aria-labelledby="fleet-title fleet-desc">`+"\n",
		pictureWidth, pictureHeight)
	fmt.Fprintf(&b, "<title id=\"fleet-title\">TLS handshakes per second at the server</title>\n<desc id=\"fleet-desc\">%s</desc>\n",
		html.EscapeString(describe(results)))
	fmt.Fprintf(&b, "<style>%s</style>\n<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n", pictureStyle)
	fmt.Fprintf(&b, "<text x=\"%d\" y=\"24\">TLS handshakes per second at the server</text>\n", plotLeft)
	for rate := 0.0; rate <= most; rate += step(most) {
		y := plotTop + plotHeight*(1-rate/most)
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			plotLeft, plotLeft+plotWidth, y, y, plotLeft-8, y+4, rate)
	}
	for second := 0.0; second <= seconds; second += step(seconds) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%.0f s</text>`+"\n",
			plotLeft+second/seconds*plotWidth, plotTop+plotHeight+22, second)
	}
	for i, r := range results {
		x, y := plotLeft+i%legendColumns*legendStep, legendTop+i/legendColumns*legendRow
		fmt.Fprintf(&b, `<rect class="s%d" x="%d" y="%d" width="14" height="4"/><text x="%d" y="%d">%s</text>`+"\n",
			i%colours, x, y, x+legendLine, y+7, html.EscapeString(r.label()))
		fmt.Fprintf(&b, `<polyline class="line s%d" points="`, i%colours)
		for _, p := range r.handshakeRates() {
			// one step per second: the rate is for a whole second
			y := plotTop + plotHeight*(1-p.rate/most)
			end := min(p.seconds+1, seconds)
			fmt.Fprintf(&b, "%.1f,%.1f %.1f,%.1f ", plotLeft+p.seconds/seconds*plotWidth, y, plotLeft+end/seconds*plotWidth, y)
		}
		b.WriteString("\"/>\n")
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// step returns the distance between the ticks of an axis of this length: at most
// five steps.
func step(most float64) float64 { return style.RoundStep(most / 5) }

// describe describes the picture in words.
func describe(results []*Result) string {
	var parts []string
	for _, r := range results {
		parts = append(parts, fmt.Sprintf("%s: %d handshakes for %d clients in %.0f seconds, at most %.0f in one second.",
			r.label(), r.Handshakes, r.Clients, r.Seconds, r.mostHandshakes()))
	}
	return strings.Join(parts, " ")
}
