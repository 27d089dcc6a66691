package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

const (
	// processLimit limits the run time of one client process.
	processLimit = 2 * time.Minute
	// mostRequests limits a round, however fast the client is.
	mostRequests = 2_000_000
	// fewRequests is the size of the trial run that measures a client's speed.
	fewRequests = 100
	// turns is how many requests a round has at least for each request in flight.
	// With fewer, a round at a great depth would measure how the client starts.
	turns = 10
	// busy is the utilisation of its core above which the server limits the
	// speed.
	busy = 0.9
)

// sample is one timed round.
type sample struct {
	document   clientmain.Document
	serverCPU  time.Duration
	machineCPU time.Duration // CPU time of all processes, from the client's start to its end
}

// measurement is one client in one cell.
type measurement struct {
	bench    *Bench
	client   Client
	cell     Cell
	server   *Server
	core     int
	requests int // in a round
	rounds   []sample
	failed   error    // error of the first round that failed
	syscalls *float64 // per request; nil if not known
	records  *float64
}

// prepare determines how many requests make a round, and counts what the timed
// rounds do not.
func (m *measurement) prepare(ctx context.Context) error {
	few, least := max(fewRequests, 2*m.cell.Depth), turns*m.cell.Depth
	if m.client.OneByOne {
		few, least = fewRequests, fewRequests
	}
	first, err := m.run(ctx, few, "", nil)
	if err != nil {
		return err
	}
	enough := int(float64(few) * m.bench.Round.Seconds() / first.document.Seconds)
	m.requests = min(max(enough, few, least), mostRequests)
	if !m.bench.Count {
		return nil
	}
	return m.count(ctx, few)
}

// round makes one timed round.
func (m *measurement) round(ctx context.Context) error {
	s, err := m.run(ctx, m.requests, "", nil)
	if err == nil {
		m.rounds = append(m.rounds, *s)
	}
	return err
}

// run runs the client once. The prefix is a command that runs it; with through
// it connects to a relay.
func (m *measurement) run(ctx context.Context, requests int, through string, prefix []string) (*sample, error) {
	address := m.server.Address(m.cell.TLS, m.client.HTTP)
	if through != "" {
		address = through
	} else if m.cell.RTT > 0 {
		relay, err := StartRelay(address, m.cell.RTT)
		if err != nil {
			return nil, err
		}
		defer relay.Close()
		address = relay.Address()
	}
	before, err := m.server.CPUTime()
	if err != nil {
		return nil, err
	}
	machine, err := machineCPUTime()
	if err != nil {
		return nil, err
	}
	s := new(sample)
	if err := m.start(ctx, m.arguments(address, requests), prefix, &s.document); err != nil {
		return nil, fmt.Errorf("client %s, %v: %w", m.client.Name, m.cell, err)
	}
	machineAfter, err := machineCPUTime()
	if err != nil {
		return nil, err
	}
	s.machineCPU = machineAfter - machine
	after, err := m.server.CPUTime()
	s.serverCPU = after - before
	if s.document.Verified != requests {
		return nil, fmt.Errorf("client %s, %v: %d of %d responses verified", m.client.Name, m.cell, s.document.Verified, requests)
	}
	return s, err
}

// warmup returns the number of requests before the measured ones.
func (m *measurement) warmup() int {
	if m.client.OneByOne {
		return 1
	}
	return m.cell.Depth
}

func (m *measurement) arguments(address string, requests int) []string {
	scheme := "https"
	if m.cell.TLS == PlainText {
		scheme = "http"
	}
	return []string{
		"--url", scheme + "://" + address + "/" + strconv.Itoa(m.cell.Body),
		"--ca", m.server.CAFile(),
		"--depth", strconv.Itoa(m.cell.Depth),
		"--requests", strconv.Itoa(requests),
		"--warmup", strconv.Itoa(m.warmup()),
		"--body", strconv.Itoa(m.cell.Body),
		"--http", strconv.Itoa(m.client.HTTP),
	}
}

// start runs the program and parses its output.
func (m *measurement) start(ctx context.Context, arguments, prefix []string, document *clientmain.Document) error {
	ctx, cancel := context.WithTimeout(ctx, processLimit)
	defer cancel()
	program := m.client.Program
	if !filepath.IsAbs(program) {
		program = filepath.Join(m.bench.Folder, program)
	}
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w; scripts/bench builds the clients", err)
	}
	if m.client.NewestCurl {
		if len(m.bench.Newest) == 0 {
			return fmt.Errorf("%w: no newer libcurl is at hand; run scripts/bench, which looks for one", clientmain.ErrUnimplemented)
		}
		prefix = slices.Concat(prefix, m.bench.Newest)
	}
	words := slices.Concat(prefix, []string{program}, arguments)
	ready := onCore(m.core, words[0], words[1:]...)
	command := exec.CommandContext(ctx, ready.Path, ready.Args[1:]...)
	environment, err := m.client.environment()
	if err != nil {
		return fmt.Errorf("%w: %w", clientmain.ErrUnimplemented, err)
	}
	var output, complaint bytes.Buffer
	command.Env, command.Stdout, command.Stderr = environment, &output, &complaint
	// strace leaves the client running when it is killed.
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		said := bytes.TrimSpace(complaint.Bytes())
		var exit *exec.ExitError
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("not done within %v: %w", processLimit, ctx.Err())
		case errors.As(err, &exit) && exit.ExitCode() == clientmain.ExitUnimplemented:
			return fmt.Errorf("%w: %.300s", clientmain.ErrUnimplemented, said)
		}
		return fmt.Errorf("%w: %.300s", err, said)
	}
	if err := json.Unmarshal(output.Bytes(), document); err != nil {
		return fmt.Errorf("its output is not a document: %w: %.200q", err, output.Bytes())
	}
	return nil
}

// onCore makes a command that runs on one core only, or on any core if the
// number is below 0.
func onCore(core int, program string, arguments ...string) *exec.Cmd {
	if core < 0 {
		return exec.Command(program, arguments...)
	}
	return exec.Command("taskset", append([]string{"-c", strconv.Itoa(core), program}, arguments...)...)
}
