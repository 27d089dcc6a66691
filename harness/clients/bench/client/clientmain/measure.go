package clientmain

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Getter makes one request at a time for each goroutine that calls it.
type Getter interface {
	// NewWorker returns a function that one goroutine calls repeatedly. It gets
	// the URL and passes the status and the body to check. The body remains the
	// getter's.
	NewWorker(check func(status int, body []byte) error) func() error
	// Library returns the name and version of the library that is measured.
	Library() string
	Close()
}

// Body is the body of the server's responses: the alphabet repeated, with a
// line feed at the end.
func Body(size int) []byte {
	body := make([]byte, size)
	for i := range body {
		body[i] = byte('a' + i%26)
	}
	body[size-1] = '\n'
	return body
}

// Checker returns a function that compares a response with the expected one.
func Checker(size int) func(status int, body []byte) error {
	want := Body(size)
	return func(status int, body []byte) error {
		if status != 200 || !bytes.Equal(body, want) {
			return fmt.Errorf("wrong response: status %d and %d bytes that begin %.40q, want 200 and %d bytes",
				status, len(body), body, len(want))
		}
		return nil
	}
}

// measure makes the requests of both phases. Each request in flight has its own
// goroutine.
func measure(getter Getter, a Arguments) (*Document, error) {
	check := Checker(a.Body)
	workers := make([]func() error, a.Depth)
	for i := range workers {
		workers[i] = getter.NewWorker(check)
	}
	if _, err := phase(workers, a.Warmup); err != nil {
		return nil, err
	}
	meter := Start()
	latencies, err := phase(workers, a.Requests)
	if err != nil {
		return nil, err
	}
	document := meter.Stop(latencies)
	document.Library = getter.Library()
	return document, nil
}

// phase distributes the requests among the workers and returns how long each
// took.
func phase(workers []func() error, requests int) ([]time.Duration, error) {
	latencies := make([]time.Duration, requests)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for _, work := range workers[:min(len(workers), requests)] {
		group.Go(func() {
			for failed.Load() == nil {
				i := next.Add(1) - 1
				if i >= int64(requests) {
					return
				}
				begin := time.Now()
				if err := work(); err != nil {
					failed.Store(&err)
					return
				}
				latencies[i] = time.Since(begin)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return latencies, nil
}

// Meter measures what the process uses in the measured phase.
type Meter struct {
	begin   time.Time
	cpu     time.Duration
	mallocs uint64
}

// Start begins the measured phase.
func Start() *Meter {
	runtime.GC() // do not count the garbage of the warm-up
	m := &Meter{mallocs: mallocs()}
	m.cpu = cpuTime(unix.RUSAGE_SELF)
	m.begin = time.Now()
	return m
}

// Stop ends the measured phase, in which every response was right.
func (m *Meter) Stop(latencies []time.Duration) *Document {
	seconds := time.Since(m.begin).Seconds()
	cpu := cpuTime(unix.RUSAGE_SELF) - m.cpu
	allocated := mallocs() - m.mallocs
	peak := PeakMemory()
	slices.Sort(latencies)
	return &Document{
		Requests: len(latencies), Verified: len(latencies), Seconds: seconds,
		CPUSeconds: cpu.Seconds(), Allocations: float64(allocated),
		P50MS:           milliseconds(Percentile(latencies, 50)),
		P99MS:           milliseconds(Percentile(latencies, 99)),
		PeakMemoryBytes: peak,
	}
}

// Percentile returns the smallest of the sorted values such that at least
// percent of all values are not larger.
func Percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[(len(sorted)*percent+99)/100-1]
}

func mallocs() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Mallocs
}

// cpuTime returns the user and system time of a process or its children.
func cpuTime(who int) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(who, &usage); err != nil {
		panic(err) // only for an unknown who
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// PeakMemory returns the most physical memory that this process has had, in
// bytes. Unlike ru_maxrss it does not include the parent process.
func PeakMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte("VmHWM:")); found {
			kilobytes, _ := strconv.ParseInt(string(bytes.Fields(value)[0]), 10, 64)
			return kilobytes * 1024
		}
	}
	return 0
}
