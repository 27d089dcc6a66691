package scenario

import (
	"fmt"
	"net/url"
	"slices"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// Check returns an error if the scenario contradicts itself and therefore
// cannot be run.
func (s *Scenario) Check() error {
	switch {
	case s.ID == "" || s.Summary == "":
		return fmt.Errorf("scenario %q: id and summary are needed", s.ID)
	case s.Client.Requests < 1:
		return fmt.Errorf("scenario %s: there are no requests", s.ID)
	case !s.Client.HeaderBytes.valid() || !s.Client.BodyBytes.valid():
		return fmt.Errorf("scenario %s: a range is reversed or below 0", s.ID)
	case s.Client.MaxPipelineLength < 1:
		return fmt.Errorf("scenario %s: the pipeline has no length", s.ID)
	case s.Expect.MinBlockedWrites > 0 && !s.Origin.stalls() && s.Expect.MinWantRead == 0 && s.Client.BlockedSend == 0:
		return fmt.Errorf("scenario %s: blocked writes are expected, but the origin never stalls", s.ID)
	case s.Origin.stalls() && (s.Client.SendBuffer == 0 || s.Origin.ReceiveBuffer == 0):
		return fmt.Errorf("scenario %s: the origin stalls but the buffers are not clamped", s.ID)
	}
	for _, check := range []func() error{s.checkRequests, s.checkSteps, s.checkAnswers, s.checkEvents, s.checkHTTP2, s.checkExpect} {
		if err := check(); err != nil {
			return fmt.Errorf("scenario %s: %w", s.ID, err)
		}
	}
	return nil
}

func (s *Scenario) has(number int) error {
	if number < 0 || number >= s.Client.Requests {
		return fmt.Errorf("there is no request %d", number)
	}
	return nil
}

func (s *Scenario) checkRequests() error {
	for number, r := range s.Client.Special {
		switch {
		case s.has(number) != nil:
			return s.has(number)
		case !r.HeaderBytes.valid() || !r.BodyBytes.valid():
			return fmt.Errorf("request %d: a range is reversed or below 0", number)
		case r.UploadBytes > 0 && r.Method != "POST":
			return fmt.Errorf("request %d: only POST has a body", number)
		}
	}
	return nil
}

// checkSteps also compares steps with answers, because a run would wait for
// ever for a signal that only one of them has.
func (s *Scenario) checkSteps() error {
	raised := make(map[string]bool)
	for _, a := range s.Origin.all() {
		raised[a.Signal], raised[a.SignalBlocked] = true, true
	}
	awaited := map[string]bool{"": true}
	for i, step := range s.Client.Steps {
		awaited[step.OnSignal] = true
		switch {
		case s.has(step.Request) != nil:
			return s.has(step.Request)
		case s.has(step.From) != nil || step.From != 0 && step.OnReceived == 0:
			return fmt.Errorf("step %d waits for bytes that do not come, of request %d", i+1, step.From)
		case step.OnSignal != "" && !raised[step.OnSignal]:
			return fmt.Errorf("step %d waits for the signal %q, which nothing raises", i+1, step.OnSignal)
		case step.Do == plan.DoRemove && s.ResultOf(ID(step.Request)).Outcome != Removed:
			return fmt.Errorf("step %d removes a request that is not expected to be removed", i+1)
		}
	}
	for signal := range raised {
		if !awaited[signal] {
			return fmt.Errorf("the signal %q is raised, but no step waits for it", signal)
		}
	}
	return nil
}

func (s *Scenario) checkAnswers() error {
	for number, a := range s.Origin.Answers {
		if err := s.has(number); err != nil {
			return err
		}
		if err := a.check(); err != nil {
			return fmt.Errorf("the answer to request %d: %w", number, err)
		}
		if a.Redirect != "" {
			if _, err := url.ParseRequestURI(a.Redirect); err != nil {
				return fmt.Errorf("the answer to request %d: %w", number, err)
			}
		}
	}
	if err := s.Origin.EveryAnswer.check(); err != nil {
		return fmt.Errorf("the answer to every request: %w", err)
	}
	for _, place := range s.Origin.Places {
		if err := place.Answer.check(); err != nil {
			return fmt.Errorf("the answer in place %d: %w", place.Request, err)
		}
		if place.Connections < 1 || place.Request < 0 || place.Answer.Redirect != "" {
			return fmt.Errorf("the answer in place %d: that place does not exist, or the answer redirects an unknown request",
				place.Request)
		}
	}
	return nil
}

// checkEvents compares the TLS messages with the version of TLS.
func (s *Scenario) checkEvents() error {
	for _, a := range s.Origin.all() {
		for _, event := range []TLSEvent{a.Event, a.EventAfter} {
			if event != NoEvent && event.version() != s.Client.TLS {
				return fmt.Errorf("there is no %s in the version of TLS that is spoken", event)
			}
		}
	}
	if s.Client.BlockedReads > 0 && s.Client.TLS == plan.PlainText {
		return fmt.Errorf("without TLS, no read has to write")
	}
	return nil
}

// checkHTTP2 checks that the version of HTTP supports what the scenario uses.
func (s *Scenario) checkHTTP2() error {
	o := &s.Origin
	if o.MaxStreams < 0 || o.StreamWindow < 0 {
		return fmt.Errorf("a number of HTTP/2 is below 0")
	}
	if !s.HTTP2 {
		if o.MaxStreams+o.StreamWindow > 0 || o.InStep ||
			slices.ContainsFunc(o.all(), func(a Answer) bool { return !a.overHTTP1() }) {
			return fmt.Errorf("HTTP/1.1 has no streams")
		}
		return nil
	}
	switch {
	case s.Client.TLS == plan.PlainText:
		return fmt.Errorf("HTTP/2 is only spoken over TLS")
	case s.Client.BlockedReads > 0 || s.NeedsOpenSSL():
		return fmt.Errorf("there are no renegotiations and no KeyUpdates over HTTP/2 here")
	case !o.OverHTTP2():
		return fmt.Errorf("HTTP/2 has no such answer")
	}
	return nil
}

func (s *Scenario) checkExpect() error {
	for number := range s.Expect.Results {
		if err := s.has(number); err != nil {
			return err
		}
	}
	for i := range s.Expect.Stock {
		d := &s.Expect.Stock[i]
		if err := d.check(); err != nil {
			return err
		}
		for j := range i {
			if other := &s.Expect.Stock[j]; d.meets(other) {
				return fmt.Errorf("stock fails for two reasons with one driver and release: %s; %s", other.What, d.What)
			}
		}
	}
	return nil
}
