package fleet

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Sample is what the server has counted up to a moment.
type Sample struct {
	Seconds    float64 `json:"seconds"` // since the clients were started
	Handshakes int64   `json:"handshakes"`
	Open       int     `json:"open"`        // connections
	CPUSeconds float64 `json:"cpu_seconds"` // of the server's process
	Answered   int64   `json:"answered"`
}

// processorSeconds is the processor time of this process, which is the
// server's: the clients are processes of their own.
func processorSeconds() (float64, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the server's processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds(), nil
}

// sampler takes a sample now and then.
type sampler struct {
	server  *server
	started time.Time
	cpu     float64 // when it was started
	samples []Sample
}

func startSampler(s *server) (*sampler, error) {
	cpu, err := processorSeconds()
	return &sampler{server: s, started: time.Now(), cpu: cpu}, err
}

func (s *sampler) take() error {
	cpu, err := processorSeconds()
	if err != nil {
		return err
	}
	s.server.mutex.Lock()
	open := len(s.server.open)
	s.server.mutex.Unlock()
	s.samples = append(s.samples, Sample{
		Seconds: time.Since(s.started).Seconds(), Handshakes: s.server.handshakes.Load(), Open: open,
		CPUSeconds: cpu - s.cpu, Answered: s.server.answered.Load(),
	})
	return nil
}

// run takes samples until the context ends.
func (s *sampler) run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := s.take(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return s.take()
		case <-tick.C:
		}
	}
}
