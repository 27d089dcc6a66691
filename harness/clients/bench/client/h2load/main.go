// Command h2load runs h2load, from Debian's nghttp2-client, as one of the
// bench's clients. h2load counts status codes and bytes. It does not check
// bodies.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/curlpipe/curlpipe/harness/clients/bench/client/clientmain"
)

func main() { clientmain.MainOf(run) }

// run makes the requests twice: once for the totals, and once with a log of
// each request for the latencies, because logging costs CPU time. It subtracts
// what a run with a single request uses, mostly for the start and the
// handshake.
func run(a clientmain.Arguments) (*clientmain.Document, error) {
	version, err := exec.Command("h2load", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%w: h2load: %w (scripts/setup --bench installs it)", clientmain.ErrUnimplemented, err)
	}
	one, err := load(a, 1, 1)
	if err != nil {
		return nil, err
	}
	all, err := load(a, a.Requests, a.Depth)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "h2load")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "log")
	if _, err := load(a, a.Requests, a.Depth, "--log-file="+file); err != nil {
		return nil, err
	}
	latencies, err := readLog(file)
	if err != nil {
		return nil, err
	}
	return &clientmain.Document{
		Requests: a.Requests, Verified: a.Requests, Seconds: all.seconds,
		CPUSeconds:  max(0, (all.cpu - one.cpu).Seconds()),
		Allocations: -1, PeakMemoryBytes: all.peak,
		P50MS:   float64(clientmain.Percentile(latencies, 50)) / float64(time.Millisecond),
		P99MS:   float64(clientmain.Percentile(latencies, 99)) / float64(time.Millisecond),
		Library: strings.TrimSpace(string(version)),
	}, nil
}

// outcome is the result of one run of h2load.
type outcome struct {
	seconds float64
	cpu     time.Duration
	peak    int64 // bytes
}

// load runs h2load and checks its totals.
func load(a clientmain.Arguments, requests, depth int, more ...string) (*outcome, error) {
	arguments := append([]string{"-c1", "-t1", "-n", strconv.Itoa(requests),
		"-m", strconv.Itoa(min(depth, requests))}, more...)
	if a.HTTP == 1 {
		arguments = append(arguments, "--h1")
	}
	command := exec.Command("h2load", append(arguments, a.URL)...)
	var text bytes.Buffer
	command.Stdout, command.Stderr = &text, &text
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w: %.200s", command, err, text.Bytes())
	}
	seconds, err := parse(text.String(), requests, a.Body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	usage := command.ProcessState.SysUsage().(*syscall.Rusage)
	return &outcome{
		seconds: seconds,
		cpu:     command.ProcessState.UserTime() + command.ProcessState.SystemTime(),
		peak:    usage.Maxrss * 1024,
	}, nil
}

var (
	finished = regexp.MustCompile(`(?m)^finished in ([0-9.]+)(us|ms|s),`)
	statuses = regexp.MustCompile(`(?m)^status codes: (\d+) 2xx`)
	traffic  = regexp.MustCompile(`(?m)^traffic: .*\((\d+)\) data$`)
)

// parse returns how long the requests took, if each was answered with 2xx and a
// body of the expected length.
func parse(text string, requests, body int) (float64, error) {
	took, status, data := finished.FindStringSubmatch(text), statuses.FindStringSubmatch(text), traffic.FindStringSubmatch(text)
	if took == nil || status == nil || data == nil {
		return 0, fmt.Errorf("not the output of h2load 1.52 or later: %.200q", text)
	}
	if status[1] != strconv.Itoa(requests) || data[1] != strconv.Itoa(requests*body) {
		return 0, fmt.Errorf("%s responses with 2xx and %s bytes in all, want %d and %d", status[1], data[1], requests, requests*body)
	}
	duration, err := time.ParseDuration(took[1] + took[2])
	return duration.Seconds(), err
}

// readLog returns the sorted durations in a log. Its lines have start, status
// and duration, in microseconds.
func readLog(file string) ([]time.Duration, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var latencies []time.Duration
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("log of h2load: line %.80q", line)
		}
		microseconds, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("log of h2load: %w", err)
		}
		latencies = append(latencies, time.Duration(microseconds)*time.Microsecond)
	}
	if len(latencies) == 0 {
		return nil, errors.New("log of h2load: no requests in it")
	}
	slices.Sort(latencies)
	return latencies, nil
}
