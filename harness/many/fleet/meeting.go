package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/curlpipe/curlpipe/harness/many/shard"
)

// meeting lets the shards of a run begin together and end together. One run
// follows the other.
type meeting struct {
	address string // on which the servers of the runs listen

	mutex sync.Mutex
	run   *run // the run that waits for shards, or is in progress
}

// run is a run from the server's point of view.
type run struct {
	parameters Parameters
	id         string
	hosts      []string // the names by which the shards reach the server
	begun      map[int]bool
	ended      map[int]bool
	open       chan struct{} // closed when all have begun
	over       chan struct{} // closed when all have ended, or the run is abandoned
	server     *server
	samples    *sampler
	greeting   greeting
	counted    Counted
	err        error // why there is neither
}

// begin waits for all shards of the run and returns it. host is the address by
// which the shard has reached the server. If a shard leaves before the run is
// over, leave must be called for it.
func (m *meeting) begin(ctx context.Context, host string, b beginning) (*run, error) {
	r, err := m.join(host, b)
	if err != nil {
		return nil, err
	}
	select {
	case <-r.open:
		return r, nil
	case <-r.over:
		return nil, r.err
	case <-ctx.Done():
		m.leave(r, b.Shard)
		return nil, ctx.Err()
	}
}

// join adds a shard to the run, and starts the run if it is the last.
func (m *meeting) join(host string, b beginning) (*run, error) {
	if err := b.Parameters.Check(); err != nil {
		return nil, err
	}
	s := shard.Shard{Index: b.Shard, Of: b.Parameters.Shards}
	if !s.Valid() {
		return nil, fmt.Errorf("there is no shard %s", s)
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.run == nil {
		m.run = &run{
			parameters: b.Parameters, id: rand.Text(), begun: map[int]bool{}, ended: map[int]bool{},
			open: make(chan struct{}), over: make(chan struct{}),
		}
	}
	r := m.run
	switch {
	case r.parameters != b.Parameters:
		return nil, fmt.Errorf("shard %s has %s, and the others have %s", s, b.Parameters.words(), r.parameters.words())
	case r.begun[b.Shard]:
		return nil, fmt.Errorf("shard %s has begun this run already; restart the server", s)
	}
	r.begun[b.Shard] = true
	r.hosts = append(r.hosts, host)
	if len(r.begun) == r.parameters.Shards {
		if err := r.start(m.address); err != nil {
			m.abandon(r, err)
		} else {
			close(r.open)
		}
	}
	return r, nil
}

// leave removes a shard that has not waited for the others. The run cannot be
// completed without it.
func (m *meeting) leave(r *run, index int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(r.begun, index)
	if m.run != r {
		return
	}
	select {
	case <-r.open:
		m.abandon(r, fmt.Errorf("shard %d of %d has left", index, r.parameters.Shards))
	default:
		if len(r.begun) == 0 {
			m.run = nil
		}
	}
}

// end waits until all shards have ended and returns the counts.
func (m *meeting) end(ctx context.Context, e ending) (Counted, error) {
	m.mutex.Lock()
	r := m.run
	if r == nil || r.id != e.Run || !r.begun[e.Shard] {
		m.mutex.Unlock()
		return Counted{}, errors.New("that run has ended, because another shard has left it or the server was restarted")
	}
	if e.Problem != "" {
		m.abandon(r, fmt.Errorf("shard %d of %d: %s", e.Shard, r.parameters.Shards, e.Problem))
	} else if r.ended[e.Shard] = true; len(r.ended) == r.parameters.Shards {
		r.counted, r.err = r.stop()
		m.run = nil
		close(r.over)
	}
	m.mutex.Unlock()

	select {
	case <-r.over:
	case <-ctx.Done():
		m.leave(r, e.Shard)
	}
	return r.counted, r.err
}

// abandon ends a run that cannot be completed. The caller holds the mutex.
func (m *meeting) abandon(r *run, err error) {
	r.err = err
	if r.server != nil {
		_, _ = r.samples.end() // nobody will see them
		r.server.stop()
	}
	m.run = nil
	close(r.over)
}

// close ends the current run, if there is one.
func (m *meeting) close() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.run != nil {
		m.abandon(m.run, errors.New("the server was ended"))
	}
}

func (m *meeting) progress() progress {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.run == nil || m.run.server == nil {
		return progress{}
	}
	return progress{Answered: m.run.server.answered.Load()}
}

// start starts the server for the clients of the run.
func (r *run) start(address string) error {
	if err := checkDescriptors(r.parameters.Clients); err != nil {
		return err
	}
	s, err := startServer(address, &r.parameters, r.hosts)
	if err != nil {
		return err
	}
	samples, err := startSampler(s)
	if err != nil {
		s.stop()
		return err
	}
	r.server, r.samples = s, samples
	r.greeting = greeting{Run: r.id, Port: s.port(), Authority: s.authority}
	return nil
}

// stop stops it and returns its counts.
func (r *run) stop() (Counted, error) {
	samples, err := r.samples.end()
	r.server.stop()
	if err != nil {
		return Counted{}, err
	}
	counted := r.server.count()
	last := samples[len(samples)-1]
	counted.Seconds, counted.CPUSeconds, counted.Samples = last.Seconds, last.CPUSeconds, samples
	return counted, nil
}
