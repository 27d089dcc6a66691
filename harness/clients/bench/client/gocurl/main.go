// Command go-curl is the bench's client over go-curl's multi API, driven as in
// the report: curl_multi_perform, curl_multi_fdset and select.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

// Options of the multi handle that go-curl does not name (multi.h), and the
// longest wait that libcurl does not bound.
const (
	multiMaxHostConnections = 7
	multiMaxPipelineLength  = 8
	longestWait             = time.Second
)

func main() { clientmain.MainOf(run) }

// transfer is an easy handle that is reused for one request after the other.
type transfer struct {
	easy  *curl.CURL
	body  []byte
	begin time.Time
}

type session struct {
	multi    *curl.CURLM
	byHandle map[unsafe.Pointer]*transfer
	idle     []*transfer
	check    func(int, []byte) error
}

func run(a clientmain.Arguments) (*clientmain.Document, error) {
	if a.HTTP != 1 {
		return nil, fmt.Errorf("%w: go-curl's loop with HTTP/%d", clientmain.ErrUnimplemented, a.HTTP)
	}
	if err := curl.GlobalInit(curl.GLOBAL_ALL); err != nil {
		return nil, fmt.Errorf("curl_global_init: %w", err)
	}
	s := &session{
		multi: curl.MultiInit(), byHandle: make(map[unsafe.Pointer]*transfer),
		check: clientmain.Checker(a.Body),
	}
	for option, value := range map[int]int{
		multiMaxHostConnections: 1, curl.MOPT_PIPELINING: 1, multiMaxPipelineLength: a.Depth,
	} {
		if err := s.multi.Setopt(option, value); err != nil {
			return nil, fmt.Errorf("option %d of the multi handle: %w", option, err)
		}
	}
	for range a.Depth {
		t, err := newTransfer(a)
		if err != nil {
			return nil, err
		}
		s.byHandle[t.easy.GetHandle()] = t
		s.idle = append(s.idle, t)
	}
	if _, err := s.phase(a.Warmup); err != nil {
		return nil, err
	}
	meter := clientmain.Start()
	latencies, err := s.phase(a.Requests)
	if err != nil {
		return nil, err
	}
	document := meter.Stop(latencies)
	document.Library = curl.Version()
	return document, nil
}

func newTransfer(a clientmain.Arguments) (*transfer, error) {
	t := &transfer{easy: curl.EasyInit()}
	for _, each := range []struct {
		option int
		value  any
	}{
		{curl.OPT_URL, a.URL},
		{curl.OPT_CAINFO, a.CAFile},
		{curl.OPT_PROXY, ""}, // not the environment's
		{curl.OPT_NOSIGNAL, true},
		{curl.OPT_HTTP_VERSION, curl.HTTP_VERSION_1_1},
		{curl.OPT_WRITEFUNCTION, func(data []byte, _ any) bool {
			t.body = append(t.body, data...)
			return true
		}},
	} {
		if err := t.easy.Setopt(each.option, each.value); err != nil {
			return nil, fmt.Errorf("option %d: %w", each.option, err)
		}
	}
	return t, nil
}

// phase keeps every handle busy until this many requests are done.
func (s *session) phase(requests int) ([]time.Duration, error) {
	latencies := make([]time.Duration, 0, requests)
	started := 0
	for {
		for ; len(s.idle) > 0 && started < requests; started++ {
			t := s.idle[len(s.idle)-1]
			s.idle = s.idle[:len(s.idle)-1]
			t.body, t.begin = t.body[:0], time.Now()
			if err := s.multi.AddHandle(t.easy); err != nil {
				return nil, fmt.Errorf("curl_multi_add_handle: %w", err)
			}
		}
		if _, err := s.multi.Perform(); err != nil {
			return nil, fmt.Errorf("curl_multi_perform: %w", err)
		}
		done := len(latencies)
		var err error
		if latencies, err = s.collect(latencies); err != nil || len(latencies) == requests {
			return latencies, err
		}
		if len(latencies) == done {
			if err := s.wait(); err != nil {
				return nil, err
			}
		}
	}
}

// collect handles the transfers that have ended, and checks them.
func (s *session) collect(latencies []time.Duration) ([]time.Duration, error) {
	for {
		message, _ := s.multi.Info_read()
		if message == nil {
			return latencies, nil
		}
		t := s.byHandle[message.Easy_handle.GetHandle()]
		// a union whose member for CURLMSG_DONE is the CURLcode
		if code := curl.CurlError(binary.NativeEndian.Uint32(message.Data[:4])); code != 0 {
			return nil, code
		}
		status, err := t.easy.Getinfo(curl.INFO_RESPONSE_CODE)
		if err != nil {
			return nil, fmt.Errorf("status of a response: %w", err)
		}
		if err := s.check(status.(int), t.body); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(t.begin))
		if err := s.multi.RemoveHandle(t.easy); err != nil {
			return nil, fmt.Errorf("curl_multi_remove_handle: %w", err)
		}
		s.idle = append(s.idle, t)
	}
}

// wait waits until a socket is ready or libcurl's timer has expired.
func (s *session) wait() error {
	var readable, writable, exceptional syscall.FdSet
	last, err := s.multi.Fdset(&readable, &writable, &exceptional)
	if err != nil {
		return fmt.Errorf("curl_multi_fdset: %w", err)
	}
	wait := longestWait
	if last < 0 {
		wait = time.Millisecond // connecting
	}
	if milliseconds, err := s.multi.Timeout(); err == nil && milliseconds >= 0 {
		wait = min(wait, time.Duration(milliseconds)*time.Millisecond)
	}
	timeout := syscall.NsecToTimeval(wait.Nanoseconds())
	_, err = syscall.Select(last+1, &readable, &writable, &exceptional, &timeout)
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return fmt.Errorf("select: %w", err)
	}
	return nil
}
