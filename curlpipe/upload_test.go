package curlpipe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// watchedBody is a request's body that checks how a RoundTripper uses it: one
// Read at a time, one Close, and neither during nor after the Close.
type watchedBody struct {
	io.Reader
	slow   func() // Close calls it, if it is not nil
	failed error  // what Close returns
	mutex  sync.Mutex
	busy   bool
	closes int
	faults []string
}

func (b *watchedBody) enter(what string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.busy {
		b.faults = append(b.faults, what+" during a Read or Close")
	}
	if b.closes > 0 {
		b.faults = append(b.faults, what+" after Close")
	}
	b.busy = true
}

func (b *watchedBody) leave(closes int) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.busy = false
	b.closes += closes
}

func (b *watchedBody) Read(into []byte) (int, error) {
	b.enter("Read")
	defer b.leave(0)
	return b.Reader.Read(into)
}

func (b *watchedBody) Close() error {
	b.enter("Close")
	defer b.leave(1)
	if b.slow != nil {
		b.slow()
	}
	return b.failed
}

// closedOnce waits until the body was closed.
func (b *watchedBody) closedOnce(t *testing.T) {
	t.Helper()
	until(t, func() bool {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		return b.closes == 1 && !b.busy || len(b.faults) > 0
	}, "the body is closed")
	require.Empty(t, b.faults)
}

// readerFunc is a Read.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }

// emptyReads returns nothing a number of times before each Read.
func emptyReads(reader io.Reader, times int) io.Reader {
	left := times
	return readerFunc(func(into []byte) (int, error) {
		if left--; left >= 0 {
			return 0, nil
		}
		left = times
		return reader.Read(into)
	})
}

// bodyKind is a way in which a Reader may behave.
type bodyKind struct {
	reader func(text string) io.Reader
	length int64 // ContentLength minus the length of the text, if one is stated
	closes error // what Close returns
	fails  bool
	slow   bool // a short body will do
}

var bodyKinds = map[string]bodyKind{
	"whole":               {reader: func(text string) io.Reader { return strings.NewReader(text) }},
	"byte by byte":        {slow: true, reader: func(text string) io.Reader { return iotest.OneByteReader(strings.NewReader(text)) }},
	"half of the room":    {reader: func(text string) io.Reader { return iotest.HalfReader(strings.NewReader(text)) }},
	"data with EOF":       {reader: func(text string) io.Reader { return iotest.DataErrReader(strings.NewReader(text)) }},
	"empty reads between": {reader: func(text string) io.Reader { return emptyReads(strings.NewReader(text), 5) }},
	"from another goroutine": {reader: func(text string) io.Reader {
		reader, writer := io.Pipe()
		go func() {
			for piece := range strings.SplitAfterSeq(text, "\n") {
				_, _ = io.WriteString(writer, piece)
			}
			_ = writer.Close()
		}()
		return reader
	}},
	"fails at once": {fails: true, reader: func(string) io.Reader { return iotest.ErrReader(errors.New("gone")) }},
	"fails half-way": {fails: true, reader: func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text[:len(text)/2]), failingReader{})
	}},
	"fails with data": {fails: true, reader: func(text string) io.Reader {
		return iotest.DataErrReader(io.MultiReader(strings.NewReader(text[:len(text)/2]), failingReader{}))
	}},
	"ends unexpectedly": {fails: true, reader: func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text[:len(text)/2]), iotest.ErrReader(io.ErrUnexpectedEOF))
	}},
	"longer than said":  {fails: true, length: -1, reader: func(text string) io.Reader { return strings.NewReader(text) }},
	"shorter than said": {fails: true, length: 1, reader: func(text string) io.Reader { return strings.NewReader(text) }},
	"cannot be closed":  {fails: true, closes: errors.New("the disk is gone"), reader: func(text string) io.Reader { return strings.NewReader(text) }},
	"counts wrongly": {fails: true, reader: func(string) io.Reader {
		return readerFunc(func(into []byte) (int, error) { return len(into) + 1, nil })
	}},
	"counts below zero": {fails: true, reader: func(string) io.Reader { return readerFunc(func([]byte) (int, error) { return -1, nil }) }},
	"nothing for ever":  {fails: true, slow: true, reader: func(string) io.Reader { return readerFunc(func([]byte) (int, error) { return 0, nil }) }},
}

// beyondNetHTTP are the kinds with which net/http's transport panics, spins, or
// succeeds wrongly if the server is quick or speaks HTTP/2.
var beyondNetHTTP = map[string]bool{"cannot be closed": true, "longer than said": true, "counts wrongly": true, "counts below zero": true, "nothing for ever": true}

// TestUploadKinds sends a body of each kind, with and without a stated length,
// shorter and longer than a piece. The server gets it complete and unchanged, or
// the request fails. The body is closed once.
func TestUploadKinds(t *testing.T) {
	forBoth(t, func(t *testing.T, overTLS bool) {
		s := newServer(t, overTLS, inspect)
		for transport, make := range yardsticks {
			roundTripper := make(t, s)
			for name, kind := range bodyKinds {
				if transport == "net/http" && beyondNetHTTP[name] {
					continue
				}
				for _, size := range []int{6, uploadPiece, 2*uploadPiece + 1} {
					for _, said := range []bool{false, true} {
						if kind.length != 0 && !said || kind.slow && size > 6 {
							continue
						}
						t.Run(fmt.Sprintf("%s/%s/%d/%t", transport, name, size, said), func(t *testing.T) {
							uploadOne(t, roundTripper, s.URL, kind, size, said)
						})
					}
				}
			}
		}
	})
}

func uploadOne(t *testing.T, roundTripper http.RoundTripper, target string, kind bodyKind, size int, said bool) {
	text := strings.Repeat("line\n", size/5+1)[:size]
	body := &watchedBody{Reader: kind.reader(text), failed: kind.closes}
	request, err := http.NewRequest(http.MethodPost, target+"/inspect", body)
	require.NoError(t, err)
	if said {
		request.ContentLength = int64(size) + kind.length
	}
	response, err := roundTripper.RoundTrip(request)
	body.closedOnce(t)
	if kind.fails {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	require.Contains(t, readAll(t, response), fmt.Sprintf("POST /inspect length=%d ", size))
}

// TestUploadThatIsTooLongIsNotSentWhole requires that the server never takes a
// body for complete that the caller did not mean to be.
func TestUploadThatIsTooLongIsNotSentWhole(t *testing.T) {
	var complete atomic.Int64
	s := newServer(t, false, func(_ http.ResponseWriter, request *http.Request) {
		if _, err := io.Copy(io.Discard, request.Body); err == nil {
			complete.Add(1)
		}
	})
	transport := newTestTransport(t, s, &Transport{})
	for _, length := range []int64{1, 5, uploadPiece - 1, uploadPiece, uploadPiece + 1, 2 * uploadPiece} {
		body := io.MultiReader(bytes.NewReader(make([]byte, length)), strings.NewReader("x"))
		request, _ := http.NewRequest(http.MethodPut, s.URL, body)
		request.ContentLength = length
		_, err := transport.RoundTrip(request)
		require.ErrorContains(t, err, "longer than its ContentLength")
	}
	require.Zero(t, complete.Load())
}

// TestUploadLeavesAsItIsWritten requires that each line reaches the server
// before the next is written, with and without a stated length.
func TestUploadLeavesAsItIsWritten(t *testing.T) {
	const lines = 20
	forBoth(t, func(t *testing.T, overTLS bool) {
		got := make(chan string)
		s := newServer(t, overTLS, func(_ http.ResponseWriter, request *http.Request) {
			for scanner := bufio.NewScanner(request.Body); scanner.Scan(); {
				got <- scanner.Text()
			}
		})
		transport := newTestTransport(t, s, &Transport{})
		for _, said := range []bool{false, true} {
			reader, writer := io.Pipe()
			request, _ := http.NewRequest(http.MethodPost, s.URL, reader)
			if said {
				request.ContentLength = int64(lines * len("event 00\n"))
			}
			answered := inBackground(transport, request)
			for i := range lines {
				line := fmt.Sprintf("event %02d", i)
				_, err := io.WriteString(writer, line+"\n")
				require.NoError(t, err)
				if said && i == lines-1 {
					require.NoError(t, writer.Close()) // the upload waits for the end, see upload.next
				}
				require.Equal(t, line, <-got)
			}
			require.NoError(t, writer.Close())
			answer := <-answered
			require.NoError(t, answer.err)
			readAll(t, answer.response)
		}
	})
}

// inBackground sends a request and reports its result.
func inBackground(roundTripper http.RoundTripper, request *http.Request) <-chan outcome {
	answered := make(chan outcome, 1)
	go func() {
		response, err := roundTripper.RoundTrip(request)
		answered <- outcome{response, err}
	}()
	return answered
}

// TestUploadOfNothingDoesNotSpin requires that a Read that always returns
// nothing uses almost no CPU, and that the request fails.
func TestUploadOfNothingDoesNotSpin(t *testing.T) {
	s := newServer(t, false, inspect)
	transport := newTestTransport(t, s, &Transport{})
	var reads atomic.Int64
	body := &watchedBody{Reader: readerFunc(func([]byte) (int, error) { reads.Add(1); return 0, nil })}
	request, _ := http.NewRequest(http.MethodPost, s.URL, body)
	_, err := transport.RoundTrip(request)
	require.ErrorIs(t, err, io.ErrNoProgress)
	require.EqualValues(t, mostEmptyReads, reads.Load())
	body.closedOnce(t)
}

// blockedReader waits in Read until it is released.
type blockedReader struct {
	text    string
	blocked chan struct{} // closed when Read waits
	once    sync.Once
	release <-chan struct{}
}

func (b *blockedReader) Read(into []byte) (int, error) {
	if n := copy(into, b.text); n > 0 {
		b.text = b.text[n:]
		return n, nil
	}
	b.once.Do(func() { close(b.blocked) })
	<-b.release
	return 0, io.EOF
}

// TestUploadIsClosedOnce ends requests at every moment, during a Read of the
// body and between Reads. The caller gets its result without waiting for the
// Read, and the body is closed once, afterwards.
func TestUploadIsClosedOnce(t *testing.T) {
	for name, each := range map[string]struct {
		serve func(net.Conn, *bufio.Reader) // after the request's header section
		end   func(cancel context.CancelFunc, transport *Transport)
		works bool // there is a response
	}{
		"context ends": {
			end: func(cancel context.CancelFunc, _ *Transport) { cancel() },
		},
		"transport is closed": {
			end: func(_ context.CancelFunc, transport *Transport) { _ = transport.Close() },
		},
		"connection is reset": {
			serve: func(c net.Conn, _ *bufio.Reader) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			goOn := make(chan struct{})
			go func() {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				defer connection.Close()
				requests := bufio.NewReader(connection)
				if _, err := http.ReadRequest(requests); err != nil {
					return
				}
				<-goOn
				if each.serve != nil {
					each.serve(connection, requests)
				}
				_, _ = io.Copy(io.Discard, requests)
			}()
			transport := &Transport{}
			defer transport.Close()
			released, release := context.WithCancel(context.Background())
			defer release()
			reader := &blockedReader{text: "begin", blocked: make(chan struct{}), release: released.Done()}
			body := &watchedBody{Reader: reader}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			request, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listener.Addr().String(), body)
			answered := inBackground(transport, request)
			<-reader.blocked
			close(goOn)
			if each.end != nil {
				each.end(cancel, transport)
			}
			answer := <-answered
			if each.works {
				require.NoError(t, answer.err)
				require.Equal(t, "no", readAll(t, answer.response))
			} else {
				require.Error(t, answer.err)
			}
			body.mutex.Lock()
			require.Zero(t, body.closes, "it is being read")
			body.mutex.Unlock()
			release()
			body.closedOnce(t)
		})
	}
}

// TestBodyOfARequestThatIsNotSent requires that the body is closed before the
// caller has the error.
func TestBodyOfARequestThatIsNotSent(t *testing.T) {
	closed := &Transport{}
	require.NoError(t, closed.Close())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	open := newTestTransport(t, nil, &Transport{})
	client, err := New(open)
	require.NoError(t, err)
	do := func(request *http.Request) error { _, err := client.Do(request.Context(), request); return err }
	batch := func(request *http.Request) error {
		return client.DoBatch(request.Context(), []*http.Request{request})[0].Err
	}
	roundTrip := func(transport *Transport) func(*http.Request) error {
		return func(request *http.Request) error { _, err := transport.RoundTrip(request); return err }
	}
	for name, each := range map[string]struct {
		send   func(*http.Request) error
		change func(*http.Request) *http.Request
	}{
		"closed transport": {roundTrip(closed), func(r *http.Request) *http.Request { return r }},
		"ended context":    {roundTrip(open), func(r *http.Request) *http.Request { return r.WithContext(ended) }},
		"bad method":       {roundTrip(open), func(r *http.Request) *http.Request { r.Method = "B AD"; return r }},
		"no URL":           {roundTrip(open), func(r *http.Request) *http.Request { r.URL = nil; return r }},
		"HEAD":             {roundTrip(open), func(r *http.Request) *http.Request { r.Method = "HEAD"; return r }},
		"bad field":        {roundTrip(open), func(r *http.Request) *http.Request { r.Header["A b"] = []string{"x"}; return r }},
		"bad field, Do":    {do, func(r *http.Request) *http.Request { r.Header["A b"] = []string{"x"}; return r }},
		"ended, Do":        {do, func(r *http.Request) *http.Request { return r.WithContext(ended) }},
		"bad field, batch": {batch, func(r *http.Request) *http.Request { r.Header["A b"] = []string{"x"}; return r }},
	} {
		t.Run(name, func(t *testing.T) {
			body := &watchedBody{Reader: strings.NewReader("text")}
			request, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1:1/", body)
			require.Error(t, each.send(each.change(request)))
			require.Equal(t, 1, body.closes)
			require.Empty(t, body.faults)
		})
	}
}

// TestCloseOfABodyThatTakesItsTime requires that a slow Close delays neither the
// caller nor other requests.
func TestCloseOfABodyThatTakesItsTime(t *testing.T) {
	s := newServer(t, false, inspect)
	transport := newTestTransport(t, s, &Transport{})
	closing, goOn := make(chan struct{}), make(chan struct{})
	body := &watchedBody{Reader: strings.NewReader("text"), slow: func() { close(closing); <-goOn }}
	ctx, cancel := context.WithCancel(t.Context())
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, body)
	answered := inBackground(transport, request)
	<-closing
	cancel()
	require.ErrorIs(t, (<-answered).err, context.Canceled)
	readAll(t, open(t.Context(), t, transport, s.URL))
	close(goOn)
	body.closedOnce(t)
}

// TestUploadOfManySmallPieces requires that small pieces cost neither a thread
// nor much CPU time each.
func TestUploadOfManySmallPieces(t *testing.T) {
	s := newServer(t, false, inspect)
	transport := newTestTransport(t, s, &Transport{})
	const pieces = 100_000
	left := pieces
	body := readerFunc(func(into []byte) (int, error) {
		if left--; left < 0 {
			return 0, io.EOF
		}
		return copy(into, "0123456789abcdef"), nil
	})
	before := processorTime(t)
	request, _ := http.NewRequest(http.MethodPost, s.URL, body)
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.Contains(t, readAll(t, response), fmt.Sprintf("length=%d ", pieces*16))
	t.Logf("%v of processor time, %d goroutines", processorTime(t)-before, runtime.NumGoroutine())
}

// processorTime returns the CPU time that this process has used.
func processorTime(t *testing.T) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
