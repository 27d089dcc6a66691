// Package subjectmain is the common part of the subjects written in Go: it reads
// the plan, times the work, writes the report and sets the exit code.
//
// It stands between package plan, which defines plan and report, and the
// executables, each of which wraps a client: a subject's main calls [Main] with a
// function that carries out a plan.
package subjectmain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/curlpipe/curlpipe/harness/clients/subject/plan"
)

// ErrUnimplemented is wrapped by the error of a subject that does not support
// what the plan asks for.
var ErrUnimplemented = errors.New("unimplemented")

// Subject is one program under test.
type Subject struct {
	// Name of the program, as in its report.
	Name string
	// Drivers that it has, plan.DriverPerform or plan.DriverSocket.
	Drivers []string
	// LibcurlVersion returns what curl_version() says.
	LibcurlVersion func() string
	// CarryOut carries out the plan and returns one result for each of its
	// requests, in order, and optionally counters. It returns an error if it
	// could not.
	CarryOut CarryOut
}

// Main carries out the plan on standard input, writes the report to standard
// output and ends the process; inside of a wrapper it uses the file descriptors
// that the environment names. With an exit code other than plan.ExitDone there is
// one line on standard error.
func Main(subject Subject) {
	input, output := given(plan.PlanFD, os.Stdin), given(plan.ReportFD, os.Stdout)
	code, err := subject.run(input, output)
	runtime.KeepAlive(input) // a collected file is closed, which would look like a negative leak
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", subject.Name, err)
	}
	os.Exit(code)
}

// given returns the file whose descriptor the environment names, or else the
// usual one.
func given(variable string, usual *os.File) *os.File {
	fd, err := strconv.ParseUint(os.Getenv(variable), 10, 31)
	if err != nil {
		return usual
	}
	return os.NewFile(uintptr(fd), variable)
}

// CarryOut makes the requests of a plan. It returns a result for each, and the
// report's counters.
type CarryOut func(*plan.Plan) ([]plan.Result, map[string]float64, error)

// Monotonic is CLOCK_MONOTONIC in nanoseconds, as plan.Result and the
// interposer's events have it.
func Monotonic() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // every Linux has this clock
	return now.Nano()
}

func (s *Subject) run(input io.Reader, output io.Writer) (int, error) {
	p, err := plan.Read(input)
	if err != nil {
		return plan.ExitBadPlan, err
	}
	if !slices.Contains(s.Drivers, p.Driver) {
		return plan.ExitUnimplemented, fmt.Errorf("%w: driver %q (it has %q)", ErrUnimplemented, p.Driver, s.Drivers)
	}
	if special := p.Special(); special != "" {
		return plan.ExitUnimplemented, fmt.Errorf("%w: the plan asks for %q", ErrUnimplemented, special)
	}
	report := plan.Report{Subject: s.Name, Driver: p.Driver, LibcurlVersion: s.LibcurlVersion()}
	openPoller()
	files := openFiles()
	start, before := time.Now(), usage()
	report.Results, report.Counters, err = s.CarryOut(p)
	after := usage()
	report.DurationMS = milliseconds(time.Since(start))
	report.CPUMS = milliseconds(cpuTime(after) - cpuTime(before))
	report.MaxMemoryBytes = maxMemory()
	report.OpenFDsAfter = openFiles() - files
	switch {
	case errors.Is(err, ErrUnimplemented):
		return plan.ExitUnimplemented, err
	case err != nil:
		return plan.ExitBadPlan, err
	}
	if err := report.Write(output); err != nil {
		return plan.ExitBadPlan, err
	}
	return plan.ExitDone, nil
}

// Answered sets the fields that follow from the response: whose it is, and
// whether it is complete.
func Answered(result *plan.Result, status int, body []byte) {
	id, _, _ := bytes.Cut(body, []byte("\n"))
	result.Status = status
	result.BodyID = string(id)
	result.BodyBytes = int64(len(body))
	result.BodyHash = plan.Hash(body)
}

// usage returns the resources that this process has used.
func usage() (used syscall.Rusage) {
	// cannot fail: the arguments are valid
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used
}

// cpuTime adds user and system time.
func cpuTime(used syscall.Rusage) time.Duration {
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// maxMemory returns the peak memory of this program, in bytes. getrusage is not
// used, because its figure includes the memory before the exec, which is all of
// the parent's (Linux, setmax_mm_hiwater_rss).
func maxMemory() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(line, &kilobytes); err != nil {
		return 0
	}
	return kilobytes * 1024
}

// openPoller makes the Go runtime open the epoll and the eventfd that it keeps
// from the first pipe, socket or timer on. Opened later, they would look like a
// leak.
func openPoller() {
	if reader, writer, err := os.Pipe(); err == nil {
		reader.Close()
		writer.Close()
	}
}

// openFiles counts this process's file descriptors.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
