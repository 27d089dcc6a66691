package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Greeting is the first thing that a server says.
type Greeting struct {
	URL       string `json:"url"`
	Authority []byte `json:"authority"` // in PEM, of its certificate
}

// Counted is what a server has counted, the last thing that it says.
type Counted struct {
	Connections     int64 `json:"connections"`
	PeakConnections int   `json:"peak_connections"`
	Handshakes      int64 `json:"handshakes"`
	// Resets are the connections that a client broke off.
	Resets   int64 `json:"resets"`
	Answered int64 `json:"answered_by_server"`
	// Stalls are how often a connection was not read from, StuckStalls those
	// that left the client unable to write.
	Stalls      int64 `json:"stalls"`
	StuckStalls int64 `json:"stuck_stalls"`
	// CPUSeconds of the server's process, user and system.
	CPUSeconds float64  `json:"server_cpu_seconds"`
	Samples    []Sample `json:"samples"`
}

// Serve is a server in a process of its own, so that its CPU time is what the
// clients cost it. It listens on a loopback address, says its [Greeting] as
// JSON, serves until there is no more input or the context ends, and then says
// what it has [Counted]. Every connection stops reading once after each
// stallEvery answers of all; 0 is never.
func Serve(ctx context.Context, address string, stallEvery int64, in io.Reader, out io.Writer) error {
	s, err := startServer(address, stallEvery)
	if err != nil {
		return err
	}
	defer s.stop()
	samples, err := startSampler(s)
	if err != nil {
		return err
	}
	if err := say(out, Greeting{URL: s.url(), Authority: s.authority}); err != nil {
		return err
	}
	running, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, in) // however it ends
		end()
	}()
	if err := samples.run(running, sampleEvery); err != nil {
		return err
	}
	s.stop()
	last := samples.samples[len(samples.samples)-1]
	return say(out, Counted{
		Connections: s.connections.Load(), PeakConnections: s.peak, Handshakes: s.handshakes.Load(),
		Resets: s.resets.Load(), Answered: s.answered.Load(), Stalls: s.stalls.Load(), StuckStalls: s.stuck.Load(),
		CPUSeconds: last.CPUSeconds, Samples: samples.samples,
	})
}

func say(out io.Writer, value any) error {
	if err := json.NewEncoder(out).Encode(value); err != nil {
		return fmt.Errorf("the fleet's server cannot say what it has to: %w", err)
	}
	return nil
}

// hear reads what a server says next.
func hear[T any](d *json.Decoder) (value T, err error) {
	if err = d.Decode(&value); errors.Is(err, io.EOF) {
		err = errors.New("it has ended")
	}
	if err != nil {
		err = fmt.Errorf("listening to the fleet's server: %w", err)
	}
	return value, err
}
