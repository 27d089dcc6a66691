package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"
)

// fleetProgress shows the progress of a fleet's run: a bar on a terminal,
// otherwise a line for each tenth of the requests.
type fleetProgress struct {
	w      io.Writer
	bar    *progressbar.ProgressBar // nil without a terminal
	total  int
	tenths int
}

func newFleetProgress(w io.Writer, what string, total int) *fleetProgress {
	p := &fleetProgress{w: w, total: total, bar: newBar(w, int64(total))}
	if p.bar != nil {
		p.bar.Describe(what)
	} else {
		fmt.Fprintf(w, "pipelab: %s\n", what)
	}
	return p
}

// at is called with the number of requests that have been answered. It exceeds
// the total if some were repeated.
func (p *fleetProgress) at(answered int64) {
	done := min(int(answered), p.total)
	if p.bar != nil {
		_ = p.bar.Set(done) // a bar that cannot be drawn must not stop the run
	} else if tenths := 10 * done / p.total; tenths > p.tenths {
		p.tenths = tenths
		fmt.Fprintf(p.w, "[%d/%d] answered\n", done, p.total)
	}
}

func (p *fleetProgress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
