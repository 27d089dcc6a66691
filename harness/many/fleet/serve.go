package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Serve serves runs, one after the other. It needs a process of its own, so that
// the process's CPU time is what the clients cost. Shards connect to the address
// control, clients to listen; both are host and port, and port 0 is any free one.
// Serve prints its [Address] as JSON, and returns when the context ends.
func Serve(ctx context.Context, listen, control string, out io.Writer) error {
	listener, err := net.Listen("tcp", control)
	if err != nil {
		return fmt.Errorf("starting the fleet's server on %s: %w", control, err)
	}
	m := &meeting{address: listen}
	defer m.close()
	service := &http.Server{Handler: m.routes()}
	ended := context.AfterFunc(ctx, func() { service.Close() })
	defer ended()
	if err := json.NewEncoder(out).Encode(Address{Server: "http://" + listener.Addr().String()}); err != nil {
		listener.Close()
		return fmt.Errorf("the fleet's server cannot print its URL: %w", err)
	}
	if err := service.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving a fleet on %s: %w", control, err)
	}
	return nil
}

// The paths that shards request.
const (
	pathBegin    = "/begin"
	pathEnd      = "/end"
	pathProgress = "/progress"
)

func (m *meeting) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathBegin, m.attended)
	mux.HandleFunc("POST "+pathEnd, answer(m.end))
	mux.HandleFunc("POST "+pathProgress, answer(func(context.Context, struct{}) (progress, error) {
		return m.progress(), nil
	}))
	return mux
}

// largestMessage limits the size of a shard's message.
const largestMessage = 1 << 16

// attended begins a run for a shard, and returns when the run is over or the
// shard has left it.
func (m *meeting) attended(w http.ResponseWriter, r *http.Request) {
	b, ok := read[beginning](w, r)
	if !ok {
		return
	}
	run, err := m.begin(r.Context(), hostOf(r), b)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	_ = json.NewEncoder(w).Encode(run.greeting) // if it fails, the shard has left
	_ = http.NewResponseController(w).Flush()
	select {
	case <-run.over:
	case <-r.Context().Done():
		m.leave(run, b.Shard)
	}
}

// answer makes a handler from a function that takes one message and returns
// another.
func answer[In, Out any](do func(ctx context.Context, in In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, ok := read[In](w, r)
		if !ok {
			return
		}
		out, err := do(r.Context(), in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		_ = json.NewEncoder(w).Encode(out) // if it fails, the shard has left
	}
}

// read decodes a message, or answers that it is invalid.
func read[In any](w http.ResponseWriter, r *http.Request) (in In, ok bool) {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, largestMessage)).Decode(&in); err != nil {
		http.Error(w, "that is not the JSON of a fleet's shard: "+err.Error(), http.StatusBadRequest)
		return in, false
	}
	return in, true
}

// hostOf returns the host by which the server was addressed.
func hostOf(r *http.Request) string {
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		return name
	}
	return r.Host
}
