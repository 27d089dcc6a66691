package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// countedRequests is the minimum number of requests in the shorter of two
// counted runs. With fewer, the variation between two starts could exceed the
// difference.
const countedRequests = 500

// count counts system calls and TLS records in two untimed runs, one with more
// requests than the other. The difference does not include start and handshake.
func (m *measurement) count(ctx context.Context, few int) error {
	if !m.client.OneByOne || m.cell.RTT == 0 {
		few = max(few, countedRequests)
	}
	if _, err := exec.LookPath("strace"); err != nil {
		return errors.New("strace not found; run scripts/setup --bench")
	}
	fewCalls, fewRecords, err := m.counted(ctx, few)
	if err != nil {
		return err
	}
	moreCalls, moreRecords, err := m.counted(ctx, 3*few)
	if err != nil {
		return err
	}
	each := float64(2 * few)
	if m.client.Program == "h2load" {
		each *= 2 // it makes the requests twice, see its main.go
	}
	m.syscalls = positive(float64(moreCalls-fewCalls) / each)
	if m.cell.TLS != PlainText {
		m.records = positive(float64(moreRecords-fewRecords) / each)
	}
	return nil
}

// positive returns the value, or nil if it is not positive: then starting took
// more in the shorter run, and the difference means nothing.
func positive(value float64) *float64 {
	if value <= 0 {
		return nil
	}
	return &value
}

// counted runs the client once, under strace and through a relay.
func (m *measurement) counted(ctx context.Context, requests int) (calls, records int64, err error) {
	relay, err := StartRelay(m.server.Address(m.cell.TLS, m.client.HTTP), m.cell.RTT)
	if err != nil {
		return 0, 0, err
	}
	defer relay.Close()
	summary := filepath.Join(m.bench.Scratch, "strace")
	strace := []string{"strace", "-f", "-c", "-qq", "-o", summary}
	if _, err = m.run(ctx, requests, relay.Address(), strace); err != nil {
		return 0, 0, err
	}
	text, err := os.ReadFile(summary)
	if err != nil {
		return 0, 0, fmt.Errorf("strace: %w", err)
	}
	calls, err = totalCalls(text)
	return calls, relay.Records.Load(), err
}

// totalCalls parses the last line of strace's summary: percent, seconds, time
// per call, calls, perhaps errors, "total".
func totalCalls(summary []byte) (int64, error) {
	lines := bytes.Split(bytes.TrimSpace(summary), []byte("\n"))
	fields := bytes.Fields(lines[len(lines)-1])
	if len(fields) < 5 || string(fields[len(fields)-1]) != "total" {
		return 0, fmt.Errorf("no total in the summary of strace: %.80q", lines[len(lines)-1])
	}
	return strconv.ParseInt(string(fields[3]), 10, 64)
}
