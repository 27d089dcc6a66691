// Package page makes the HTML report: one self-contained page with everything
// that the evidence of runs shows.
//
// It stands behind package evidence and draws with package picture. It reads no
// files: its callers have read the evidence.
package page

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/curlpipe/curlpipe/harness/run/check"
	"github.com/curlpipe/curlpipe/harness/run/flow"
	"github.com/curlpipe/curlpipe/harness/run/judge"
	scenarios "github.com/curlpipe/curlpipe/harness/run/scenario"
	"github.com/curlpipe/curlpipe/harness/show/evidence"
	"github.com/curlpipe/curlpipe/harness/show/report/picture"
	"github.com/curlpipe/curlpipe/harness/show/style"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

//go:embed filter.js
var filterScript string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"milliseconds": picture.Milliseconds,
	"legend":       func() template.HTML { return template.HTML(picture.Legend()) },
	"ended":        picture.Ended,
}).Parse(pageText))

// content is the data of the template.
type content struct {
	Style     template.CSS
	Runs      []*run
	Scenarios []*scenario
	Expected  int  // runs as expected
	Compared  bool // there are runs of stock and of another libcurl
	Fleet     template.HTML
	Problem   string
	Script    template.JS // empty if the page needs no filter
}

// many is the number of runs up to which a page has neither a table of contents
// nor a filter.
const many = 20

// scenario has all runs of one scenario.
type scenario struct {
	ID, Summary string
	Pairs       []*pair
}

// pair has the runs that are shown side by side: they differ in the library.
type pair struct {
	Subject, Driver string
	Runs            []*run
}

// run is one run.
type run struct {
	*evidence.Evidence
	Anchor   string
	Role     string // "before" or "after"; empty if there is no other run
	Verdict  string
	Class    string // of the verdict
	Picture  template.HTML
	Timeline *timeline.Timeline
	Link     string // the folder, as a link
	Packets  *packets
	// the invariants: failed or inconclusive, passed, and n/a
	Broken, Held, NotApplicable []judge.Finding
}

// packets summarizes the packets.
type packets struct {
	SYNs, Resets, FINs, ZeroWindows, Missing int
	First                                    string // which side ended the first connection, and where
}

// Frame has the parts of a page other than the evidence.
type Frame struct {
	// Base is the folder that the page will be in. Links lead from there to the
	// evidence.
	Base string
	// Problem, if not empty, is shown at the top. It says what could not be
	// read.
	Problem string
	// Fleet, if not empty, is the section about a fleet of clients.
	Fleet template.HTML
}

// Write writes the page.
func Write(w io.Writer, all []*evidence.Evidence, f Frame) error {
	c := &content{Style: template.CSS(style.Page() + pageStyle + picture.Style + picture.PageStyle), Problem: f.Problem, Fleet: f.Fleet}
	for i, e := range all {
		if e.Record.Run.AsExpected() {
			c.Expected++
		}
		c.place(show(e, f.Base, i+1))
	}
	slices.SortStableFunc(c.Scenarios, inOrder)
	if len(all) > many {
		c.Script = template.JS(filterScript)
	}
	for _, s := range c.Scenarios {
		for _, p := range s.Pairs {
			c.Compared = p.nameRoles() || c.Compared
			if err := p.draw(); err != nil {
				return err
			}
			c.Runs = append(c.Runs, p.Runs...)
		}
	}
	return style.WritePage(w, "the report", pageTemplate, c)
}

// inOrder compares two scenarios by their positions in the laboratory's tables;
// unknown ones come last.
func inOrder(a, b *scenario) int { return cmp.Compare(rank(a.ID), rank(b.ID)) }

func rank(id string) int {
	if at, known := ranks()[id]; known {
		return at
	}
	return len(ranks())
}

// ranks are the positions of the laboratory's scenarios, followed by check's.
var ranks = sync.OnceValue(func() map[string]int {
	places := make(map[string]int)
	for _, s := range scenarios.All() {
		places[s.ID] = len(places)
	}
	for _, s := range check.All() {
		if _, known := places[s.ID]; !known {
			places[s.ID] = len(places)
		}
	}
	return places
})

// place adds a run to its scenario, beside the runs that it is compared with.
func (c *content) place(r *run) {
	var s *scenario
	for _, other := range c.Scenarios {
		if other.ID == r.Record.Run.Scenario {
			s = other
		}
	}
	if s == nil {
		s = &scenario{ID: r.Record.Run.Scenario, Summary: r.Record.Summary}
		c.Scenarios = append(c.Scenarios, s)
	}
	var p *pair
	for _, other := range s.Pairs {
		if other.Subject == r.Record.Run.Subject && other.Driver == r.Record.Run.Driver {
			p = other
		}
	}
	if p == nil {
		p = &pair{Subject: r.Record.Run.Subject, Driver: r.Record.Run.Driver}
		s.Pairs = append(s.Pairs, p)
	}
	if p.Runs = append(p.Runs, r); r.Record.Stock() { // the state before the change is shown first
		copy(p.Runs[1:], p.Runs[:len(p.Runs)-1])
		p.Runs[0] = r
	}
}

// nameRoles says which of the runs show the state before the change. It returns
// false if none does.
func (p *pair) nameRoles() bool {
	last := p.Runs[len(p.Runs)-1]
	if !p.Runs[0].Record.Stock() || last.Record.Stock() {
		return false
	}
	for _, r := range p.Runs {
		r.Role = "after"
		if r.Record.Stock() {
			r.Role = "before"
		}
	}
	return true
}

// draw draws the timelines of a pair on the same scale.
func (p *pair) draw() error {
	var longest time.Duration
	for _, r := range p.Runs {
		longest = max(longest, r.Timeline.End)
	}
	for _, r := range p.Runs {
		title := r.Record.Run.Subject
		if r.Record.Run.Library != "" {
			title = "libcurl " + r.Record.Run.Library
		}
		var drawn strings.Builder
		if err := picture.Inline(&drawn, picture.Panel{Title: title, Timeline: r.Timeline}, longest); err != nil {
			return err
		}
		r.Picture = template.HTML(drawn.String())
	}
	return nil
}

func show(e *evidence.Evidence, base string, number int) *run {
	link, err := filepath.Rel(base, e.Path)
	if err != nil {
		link = e.Path
	}
	r := &run{
		Evidence: e, Anchor: fmt.Sprintf("run-%d", number), Timeline: timeline.Of(e),
		Verdict: string(e.Record.Run.Verdict), Class: style.Class(e.Record.Run.Verdict),
		Link: filepath.ToSlash(link), Packets: sum(e.Packets),
	}
	for _, f := range e.Record.Run.Invariants {
		switch f.Verdict {
		case judge.Pass:
			r.Held = append(r.Held, f)
		case judge.NotApplicable:
			r.NotApplicable = append(r.NotApplicable, f)
		default:
			r.Broken = append(r.Broken, f)
		}
	}
	return r
}

func sum(all *flow.Traffic) *packets {
	if all == nil {
		return nil
	}
	p := &packets{SYNs: all.SYNs(), Missing: all.Missing()}
	for i := range all.Connections {
		c := &all.Connections[i]
		p.ZeroWindows += c.ZeroWindows
		if c.RST != nil {
			p.Resets++
		}
		if c.FIN != nil {
			p.FINs++
		}
		p.First = cmp.Or(p.First, c.HowEnded())
	}
	return p
}
