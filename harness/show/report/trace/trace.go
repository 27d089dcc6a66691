// Package trace writes timelines in the JSON of Chrome's trace events, which
// ui.perfetto.dev and chrome://tracing show.
//
// It stands beside package picture, and knows neither files nor runs. A timeline
// becomes a process of the trace, a connection a thread of it. Requests overlap on a
// connection, so they are asynchronous events.
package trace

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/curlpipe/curlpipe/harness/show/report/picture"
	"github.com/curlpipe/curlpipe/harness/show/timeline"
)

// event is a trace event, with the field names of Chrome's format.
type event struct {
	Name      string         `json:"name"`
	Category  string         `json:"cat,omitempty"`
	Phase     string         `json:"ph"`
	Timestamp float64        `json:"ts"` // microseconds
	Duration  *float64       `json:"dur,omitempty"`
	Process   int            `json:"pid"`
	Thread    int            `json:"tid"`
	ID        string         `json:"id,omitempty"`
	Scope     string         `json:"s,omitempty"`
	Arguments map[string]any `json:"args,omitempty"`
}

// The phases of events.
const (
	complete = "X"
	instant  = "i"
	begin    = "b" // of an asynchronous event
	end      = "e"
	metadata = "M"
)

// recorder collects the events of one timeline.
type recorder struct {
	events  *[]event
	process int
	thread  int
}

// Write writes all timelines into one trace.
func Write(w io.Writer, panels ...picture.Panel) error {
	events := []event{}
	for i, p := range panels {
		r := &recorder{events: &events, process: i + 1}
		r.name("process_name", p.Title)
		for j := range p.Timeline.Lanes {
			r.lane(&p.Timeline.Lanes[j])
		}
	}
	err := json.NewEncoder(w).Encode(map[string]any{"traceEvents": events, "displayTimeUnit": "ms"})
	if err != nil {
		return fmt.Errorf("writing a trace: %w", err)
	}
	return nil
}

func (r *recorder) lane(l *timeline.Lane) {
	r.thread = l.Number
	r.name("thread_name", fmt.Sprintf("connection %d", l.Number))
	r.interval("handshake", l.Opened, l.Secured, nil)
	for _, i := range l.Renegotiations {
		r.interval("renegotiation", i.From, timeline.Known(i.To, l.Closed), nil)
	}
	for _, at := range l.KeyUpdates {
		r.moment("KeyUpdate of the client", at)
	}
	for _, b := range l.Blocked {
		r.interval("blocked, "+b.Want, b.From, b.To, map[string]any{"tries": b.Tries, "refused": b.Refused})
		if b.Refused {
			r.moment("another write, which TLS refused", b.To)
		}
	}
	for i := range l.Requests {
		r.request(&l.Requests[i], fmt.Sprintf("%d.%d.%d", r.process, r.thread, i+1))
	}
	if l.Closed != timeline.Unknown {
		r.moment("ended "+picture.Ended(l), l.Closed)
	}
}

// request adds a whole request, with its writing and the wait for the response
// inside.
func (r *recorder) request(q *timeline.Request, id string) {
	name := cmp.Or(q.ID, "a request")
	from := timeline.Known(q.FirstWrite, q.Arrived)
	to := timeline.Known(q.Done, q.Arrived, q.LastWrite)
	if from == timeline.Unknown || to == timeline.Unknown {
		return
	}
	r.span(name, id, from, to, map[string]any{"whole": q.Whole})
	r.span("written", id, q.FirstWrite, q.LastWrite, nil)
	r.span("awaiting response", id, timeline.Known(q.LastWrite, q.Arrived), q.FirstAnswered, nil)
	r.span("answered", id, q.FirstAnswered, q.Done, nil)
}

func (r *recorder) name(kind, name string) {
	r.add(event{Name: kind, Phase: metadata, Arguments: map[string]any{"name": name}})
}

func (r *recorder) interval(name string, from, to time.Duration, arguments map[string]any) {
	if from == timeline.Unknown || to == timeline.Unknown {
		return
	}
	length := microseconds(to - from)
	r.add(event{Name: name, Phase: complete, Timestamp: microseconds(from), Duration: &length, Arguments: arguments})
}

func (r *recorder) span(name, id string, from, to time.Duration, arguments map[string]any) {
	if from == timeline.Unknown || to == timeline.Unknown || to < from {
		return
	}
	r.add(event{Name: name, Category: "request", Phase: begin, ID: id, Timestamp: microseconds(from), Arguments: arguments})
	r.add(event{Name: name, Category: "request", Phase: end, ID: id, Timestamp: microseconds(to)})
}

func (r *recorder) moment(name string, at time.Duration) {
	r.add(event{Name: name, Phase: instant, Scope: "t", Timestamp: microseconds(at)})
}

func (r *recorder) add(e event) {
	e.Process, e.Thread = r.process, r.thread
	*r.events = append(*r.events, e)
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
