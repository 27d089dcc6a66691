package fleet

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// sampleEvery is the time between two samples.
const sampleEvery = 250 * time.Millisecond

// Sample has the server's counts at one moment.
type Sample struct {
	Seconds    float64 `json:"seconds"` // since the run was begun
	Handshakes int64   `json:"handshakes"`
	Open       int     `json:"open"`        // connections
	CPUSeconds float64 `json:"cpu_seconds"` // of the server's process
	Answered   int64   `json:"answered"`
}

// processorSeconds returns the CPU time of this process, which is the server's:
// the clients are separate processes.
func processorSeconds() (float64, error) {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the server's processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds(), nil
}

// sampler takes a sample at intervals, until it is ended.
type sampler struct {
	server  *server
	started time.Time
	cpu     float64 // when it was started
	stop    chan struct{}
	ended   chan error
	samples []Sample
}

// startSampler takes the first sample. The caller must call end.
func startSampler(s *server) (*sampler, error) {
	cpu, err := processorSeconds()
	if err != nil {
		return nil, err
	}
	r := &sampler{server: s, started: time.Now(), cpu: cpu, stop: make(chan struct{}), ended: make(chan error, 1)}
	go func() { r.ended <- r.run() }()
	return r, nil
}

// end takes the last sample and returns all of them.
func (s *sampler) end() ([]Sample, error) {
	close(s.stop)
	err := <-s.ended
	return s.samples, err
}

func (s *sampler) run() error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		if err := s.take(); err != nil {
			return err
		}
		select {
		case <-s.stop:
			return s.take()
		case <-tick.C:
		}
	}
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
