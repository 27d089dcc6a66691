package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
	"github.com/curlpipe/curlpipe/harness/clients/subject/subjectmain"
)

// Options of the multi handle that go-curl does not name (multi.h).
const (
	multiMaxHostConnections = 7
	multiMaxPipelineLength  = 8
)

// waitWithoutSocket is what curl_multi_fdset(3) suggests if there is no
// descriptor to wait for. longestWait limits a wait for which libcurl sets no
// limit.
const (
	waitWithoutSocket = 100 * time.Millisecond
	longestWait       = time.Second
)

// session is a multi handle with all of the plan's requests.
type session struct {
	multi      *curl.CURLM
	transfers  []*transfer
	byHandle   map[unsafe.Pointer]*transfer
	added      int // number of the transfers, from the first on
	unfinished int
	limit      time.Duration // give up when nothing has moved for this long
	clock      clock
}

// newSession makes the handles and adds them, in order, or only the first one if
// that is to be alone.
func newSession(p *plan.Plan) (*session, error) {
	s := &session{
		multi:    curl.MultiInit(),
		byHandle: make(map[unsafe.Pointer]*transfer),
		limit:    time.Duration(p.StallLimitMS) * time.Millisecond,
	}
	for option, value := range map[int]int{
		multiMaxHostConnections: p.MaxHostConnections,
		curl.MOPT_PIPELINING:    p.Pipelining,
		multiMaxPipelineLength:  p.MaxPipelineLength,
	} {
		if err := s.multi.Setopt(option, value); err != nil {
			return nil, fmt.Errorf("option %d of the multi handle: %w", option, err)
		}
	}
	for _, request := range p.Requests {
		t, err := newTransfer(p, request, s.clock.moved)
		if err != nil {
			return nil, err
		}
		s.transfers = append(s.transfers, t)
		s.byHandle[t.easy.GetHandle()] = t
	}
	s.unfinished = len(s.transfers)
	if p.FirstAlone {
		return s, s.add(1)
	}
	return s, s.add(len(s.transfers))
}

// add adds handles until count of them are in.
func (s *session) add(count int) error {
	for ; s.added < count; s.added++ {
		t := s.transfers[s.added]
		t.queued = subjectmain.Monotonic()
		if err := s.multi.AddHandle(t.easy); err != nil {
			return fmt.Errorf("request %s: curl_multi_add_handle: %w", t.request.ID, err)
		}
	}
	return nil
}

// perform drives libcurl until every request has ended or nothing has moved for
// the plan's limit.
func (s *session) perform() error {
	s.clock.moved()
	for {
		if _, err := s.multi.Perform(); err != nil {
			return fmt.Errorf("curl_multi_perform: %w", err)
		}
		s.collect()
		if s.transfers[0].completed > 0 && s.added < len(s.transfers) {
			if err := s.add(len(s.transfers)); err != nil {
				return err
			}
			continue
		}
		patience := time.Until(s.clock.last.Add(s.limit))
		if s.unfinished == 0 || patience <= 0 {
			return nil
		}
		if err := s.wait(patience); err != nil {
			return err
		}
	}
}

// collect reads libcurl's messages about transfers that have ended.
func (s *session) collect() {
	for {
		message, _ := s.multi.Info_read()
		if message == nil {
			return
		}
		t := s.byHandle[message.Easy_handle.GetHandle()]
		if t.completed == 0 {
			s.unfinished--
		}
		t.completed++
		// a union whose member for CURLMSG_DONE is the CURLcode
		t.code = curl.CurlError(binary.NativeEndian.Uint32(message.Data[:4]))
		s.clock.moved()
	}
}

// wait waits until a socket is ready or libcurl's timer has expired.
func (s *session) wait(patience time.Duration) error {
	var readable, writable, exceptional syscall.FdSet
	last, err := s.multi.Fdset(&readable, &writable, &exceptional)
	if err != nil {
		return fmt.Errorf("curl_multi_fdset: %w", err)
	}
	wait := longestWait
	if last < 0 {
		wait = waitWithoutSocket
	}
	if milliseconds, err := s.multi.Timeout(); err == nil && milliseconds >= 0 {
		wait = min(wait, time.Duration(milliseconds)*time.Millisecond)
	}
	timeout := syscall.NsecToTimeval(min(wait, patience).Nanoseconds())
	_, err = syscall.Select(last+1, &readable, &writable, &exceptional, &timeout)
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("select: %w", err)
	}
	return nil
}

// close removes the handles and frees them.
func (s *session) close() {
	for _, t := range s.transfers {
		_ = s.multi.RemoveHandle(t.easy)
		t.easy.Cleanup()
	}
	_ = s.multi.Cleanup()
}
