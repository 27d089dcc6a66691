package curlpipe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	curl "github.com/andelf/go-curl"

	"github.com/curlpipe/curlpipe/cshim"
)

// infoOSErrno is a value of CURLINFO that go-curl does not name (curl.h).
const infoOSErrno = 0x200000 + 25

// trace reports the events of a request to an httptrace.ClientTrace. The engine
// notices them. The hooks run in the caller's goroutine while it waits, and
// later in a separate one, one at a time and in order. Hooks of a connection
// that is being dialed run as package net calls them. A nil trace does nothing.
type trace struct {
	hooks   *httptrace.ClientTrace
	fields  []traceField // fields to be sent, for WroteHeaderField
	expects bool         // 100 (Continue)

	changed chan struct{} // there are events
	mutex   sync.Mutex
	events  []func()
	left    bool // the caller does not wait any more
	running sync.Mutex
	refusal error // from Got1xxResponse; guarded by running

	// Of the engine.
	stage       stage
	handshaking bool // of TLS, for this request
	info        httptrace.GotConnInfo
	first       bool // a byte of a response has arrived
	polls       int
}

type traceField struct {
	name   string
	values []string
}

// stage is how far a request has got.
type stage uint8

const (
	stageNone    stage = iota
	stageOnConn        // assigned to a connection, which may not be ready
	stageConn          // which is
	stageHeaders       // its header section was sent
	stageRequest       // all of it has
)

func newTrace(ctx context.Context) *trace {
	hooks := httptrace.ContextClientTrace(ctx)
	if hooks == nil {
		return nil
	}
	return &trace{hooks: hooks, changed: make(chan struct{}, 1)}
}

// begin notes that a request starts.
func (t *trace) begin(to originKey) {
	if t == nil || t.hooks.GetConn == nil {
		return
	}
	address := to.address()
	if proxy, err := url.Parse(to.proxy); err == nil && to.proxied() {
		address = net.JoinHostPort(proxy.Hostname(), proxyPort(proxy))
	}
	t.hooks.GetConn(address)
}

// wantsInterim reports whether there is a hook for interim responses.
func (t *trace) wantsInterim() bool {
	return t != nil && (t.hooks.Got100Continue != nil || t.hooks.Got1xxResponse != nil)
}

// note keeps a field for WroteHeaderField.
func (t *trace) note(name, value string) {
	if t == nil || t.hooks.WroteHeaderField == nil {
		return
	}
	if last := len(t.fields) - 1; last >= 0 && t.fields[last].name == name {
		t.fields[last].values = append(t.fields[last].values, value)
		return
	}
	t.fields = append(t.fields, traceField{name, []string{value}})
}

// noteFraming keeps the fields with which libcurl describes the request's body.
func (t *trace) noteFraming(c *call) {
	switch {
	case t == nil || !c.flags.upload:
	case c.uploadLength < 0:
		t.note("Transfer-Encoding", "chunked")
	default:
		t.note("Content-Length", strconv.FormatInt(c.uploadLength, 10))
	}
}

// post queues an event for the goroutine that runs the hooks.
func (t *trace) post(event func()) {
	t.mutex.Lock()
	t.events = append(t.events, event)
	left := t.left
	t.mutex.Unlock()
	if left {
		go t.run()
		return
	}
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// run runs the hooks of the queued events.
func (t *trace) run() {
	if t == nil {
		return
	}
	t.running.Lock()
	defer t.running.Unlock()
	for {
		t.mutex.Lock()
		events := t.events
		t.events = nil
		t.mutex.Unlock()
		if len(events) == 0 {
			return
		}
		for _, event := range events {
			event()
		}
	}
}

// leave notes that the caller does not wait any more.
func (t *trace) leave() {
	if t == nil {
		return
	}
	t.mutex.Lock()
	t.left = true
	t.mutex.Unlock()
	t.run()
}

// launched notes that a request is assigned to a connection. fresh means that
// the request makes the TLS handshake, if there is one.
func (t *trace) launched(on *conn, fresh bool, now time.Time) {
	if t == nil {
		return
	}
	t.stage, t.first, t.polls = stageOnConn, false, 0
	t.info = httptrace.GotConnInfo{Conn: &link{on.local, on.remote}, Reused: !fresh}
	if t.info.WasIdle = !fresh && on.inFlight == 0; t.info.WasIdle {
		t.info.IdleTime = now.Sub(on.idleSince)
	}
	if t.handshaking = fresh && on.origin.key.handshakes(); !t.handshaking {
		t.reach(stageConn, nil)
	} else if hook := t.hooks.TLSHandshakeStart; hook != nil {
		t.post(hook)
	}
}

// reach queues the hooks for all stages that a request has passed. state is the
// result of the TLS handshake, if there was one.
func (t *trace) reach(to stage, state *tls.ConnectionState) {
	if t == nil || t.stage == stageNone {
		return
	}
	for ; t.stage < to; t.stage++ {
		switch t.stage {
		case stageOnConn:
			t.secured(state, nil)
			if hook, info := t.hooks.GotConn, t.info; hook != nil {
				t.post(func() { hook(info) })
			}
		case stageConn:
			t.wroteHeaders()
		case stageHeaders:
			t.wroteRequest(nil)
		}
	}
}

func (t *trace) secured(state *tls.ConnectionState, err error) {
	if !t.handshaking {
		return
	}
	t.handshaking = false
	if hook := t.hooks.TLSHandshakeDone; hook != nil {
		if state == nil {
			state = &tls.ConnectionState{HandshakeComplete: err == nil}
		}
		t.post(func() { hook(*state, err) })
	}
}

func (t *trace) wroteHeaders() {
	if hook := t.hooks.WroteHeaderField; hook != nil {
		for _, field := range t.fields {
			t.post(func() { hook(field.name, field.values) })
		}
	}
	if hook := t.hooks.WroteHeaders; hook != nil {
		t.post(hook)
	}
	if hook := t.hooks.Wait100Continue; hook != nil && t.expects {
		t.post(hook)
	}
}

func (t *trace) wroteRequest(err error) {
	if hook := t.hooks.WroteRequest; hook != nil {
		t.post(func() { hook(httptrace.WroteRequestInfo{Err: err}) })
	}
}

// errUnsent is the error in WroteRequest for a request that ended, without an error
// of its own, before all of it was sent: a response came, or the caller has left.
var errUnsent = errors.New("curlpipe: the request ended before all of it was sent")

// ended notes that an attempt ended. If that was in the handshake or while writing,
// whichever was under way failed. A nil error means that the attempt did not fail.
func (t *trace) ended(err error) {
	if t == nil {
		return
	}
	if err == nil {
		err = errUnsent
	}
	switch t.stage {
	case stageOnConn:
		var refused *tls.CertificateVerificationError
		if errors.As(err, &refused) {
			err = refused
		}
		t.secured(nil, err)
	case stageConn, stageHeaders:
		t.wroteRequest(err)
	}
	t.stage = stageNone
}

// errSentAgain is the error in WroteRequest for an attempt whose connection
// ended.
var errSentAgain = errors.New("curlpipe: the connection ended before the response; the request was sent again")

// interim queues the hooks for interim responses.
func (t *trace) interim(sections string) {
	if t == nil || sections == "" {
		return
	}
	t.reach(stageHeaders, nil)
	t.answered()
	for sections != "" {
		var section string
		section, sections = cutSection(sections)
		line, fields, _ := strings.Cut(section, "\n")
		_, status, _ := strings.Cut(line, " ")
		code, err := strconv.Atoi(strings.TrimSpace(status[:min(3, len(status))]))
		header, failed := parseFields(fields)
		if err != nil || failed != nil {
			continue
		}
		if hook := t.hooks.Got100Continue; hook != nil && code == 100 && t.expects {
			t.post(hook)
		}
		if hook := t.hooks.Got1xxResponse; hook != nil {
			t.post(func() {
				if err := hook(code, textproto.MIMEHeader(header)); t.refusal == nil {
					t.refusal = err
				}
			})
		}
	}
}

// answered notes that the first byte of a response has arrived, interim
// responses included.
func (t *trace) answered() {
	if t == nil || t.first {
		return
	}
	t.first = true
	if hook := t.hooks.GotFirstResponseByte; hook != nil {
		t.post(hook)
	}
}

// idle notes that a response has ended and its connection stays open.
func (t *trace) idle() {
	if t != nil && t.hooks.PutIdleConn != nil {
		t.post(func() { t.hooks.PutIdleConn(nil) })
	}
}

// traceResult queues the hooks for what a result of the loop says about a
// request.
func (e *engine) traceResult(c *call, result *cshim.Result) {
	if c.trace == nil {
		return
	}
	c.trace.interim(string(result.Interim))
	if result.HeaderLength > 0 || result.Done && result.Sent { // nothing may have looked since
		e.traceSent(c)
	}
	if result.HeaderLength > 0 {
		c.trace.answered()
	}
	if result.Done && result.Code == 0 && c.trace.stage == stageRequest &&
		!c.conn.multiplexes && c.conn.state == connOpen && !c.conn.announced && !c.flags.close {
		c.trace.idle()
	}
}

// traceSent queues the hooks for a request of which something was sent.
func (e *engine) traceSent(c *call) {
	c.trace.reach(stageHeaders, c.conn.tls)
	if c.trace.stage == stageHeaders && e.isWritten(c) {
		c.trace.reach(stageRequest, nil)
	}
}

// traceLeft does that for a request that is about to be torn out.
func (e *engine) traceLeft(c *call) {
	if c.trace != nil && e.loop.Sent(c.handle.slot) {
		e.traceSent(c)
	}
}

// traceHandshake notes the end of the TLS handshake for the requests on a
// connection. Requests whose certificate libcurl has refused are no longer on it.
func (e *engine) traceHandshake(c *conn) {
	for call := c.calls.first; call != nil; call = call.next {
		if call.trace != nil && call.trace.stage == stageOnConn {
			call.trace.reach(stageConn, c.tls)
		}
	}
}

// isWritten reports whether all of a request's body was sent.
func (e *engine) isWritten(c *call) bool {
	if c.upload == nil || c.uploadLength == 0 { // its end may not have been handed over yet
		return true
	}
	if c.handed.IsZero() {
		return false
	}
	value, _ := c.handle.easy.Getinfo(curl.INFO_SIZE_UPLOAD)
	sent, _ := value.(float64)
	return int64(sent) >= c.fed
}

// longestTracePoll is the longest time between two checks of what was sent of a
// traced request. The first checks follow each other at once.
const longestTracePoll = 20 * time.Millisecond

// lookAfterTraces finds out how far traced requests have got, which libcurl
// does not report.
func (e *engine) lookAfterTraces(c *conn, now time.Time) {
	for call := c.calls.first; call != nil; call = call.next {
		t := call.trace
		if t == nil || t.stage == stageRequest || t.stage == stageNone {
			continue
		}
		if t.stage == stageHeaders || e.loop.Sent(call.handle.slot) {
			if e.traceSent(call); t.stage == stageRequest {
				continue
			}
		}
		e.lookAt(now.Add(min(time.Duration(t.polls)*time.Millisecond, longestTracePoll)))
		t.polls++
	}
}
