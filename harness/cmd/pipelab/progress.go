package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/curlpipe/curlpipe/harness/run/lab"
	"github.com/curlpipe/curlpipe/harness/run/outcome"
)

// progress shows the progress of the runs: a bar on a terminal, otherwise a
// line for each run.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil without a terminal
	total int
	done  int
}

func newProgress(w io.Writer, total int) *progress {
	return &progress{w: w, total: total, bar: newBar(w, int64(total))}
}

// newBar returns a bar on a terminal, otherwise nil.
func newBar(w io.Writer, total int64) *progressbar.ProgressBar {
	if file, ok := w.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish())
}

func name(setup lab.Setup) string {
	return fmt.Sprintf("%s, %s (%s), libcurl %s",
		setup.Scenario.ID, setup.Subject.Name, setup.Driver, setup.Library.Label())
}

func (p *progress) begin(setup lab.Setup) {
	if p.bar != nil {
		p.bar.Describe(name(setup))
	}
}

func (p *progress) end(r *outcome.Run) {
	p.done++
	if p.bar != nil {
		_ = p.bar.Add(1) // a bar that cannot be drawn must not stop the run
		return
	}
	fmt.Fprintf(p.w, "[%d/%d] %s, %s (%s), libcurl %s: %s in %.0f ms\n", p.done, p.total,
		r.Scenario, r.Subject, r.Driver, r.Library, r.Verdict, r.DurationMS)
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
