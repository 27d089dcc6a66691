package bench

import (
	"math"
	"slices"
	"time"
)

// Row has the figures of one client in one cell. They are medians over the
// rounds; nil means unknown.
type Row struct {
	Client               string   `json:"client"`
	Depth                int      `json:"depth"`
	BodyBytes            int      `json:"body_bytes"`
	TLS                  string   `json:"tls"` // "1.2", "1.3" or "plain"
	RTTMS                float64  `json:"rtt_ms"`
	RequestsPerSecond    float64  `json:"requests_per_second"`
	CPUUSPerRequest      float64  `json:"cpu_us_per_request"`
	P50MS                float64  `json:"p50_ms"`
	P99MS                float64  `json:"p99_ms"`
	SyscallsPerRequest   *float64 `json:"syscalls_per_request"`
	AllocsPerRequest     *float64 `json:"allocs_per_request"`
	TLSRecordsPerRequest *float64 `json:"tls_records_per_request"`
	PeakMemoryBytes      int64    `json:"peak_memory_bytes"`
	// Spread is (largest - smallest) / median of CPU time per request.
	Spread float64 `json:"spread"`
	// ServerLimited says that the server limits the figures: its worker used more
	// than nine tenths of its core.
	ServerLimited bool `json:"server_limited"`
	// ServerCPUUSPerRequest and ServerUtilisation (0 to 1) show how close it was
	// to that.
	ServerCPUUSPerRequest float64 `json:"server_cpu_us_per_request"`
	ServerUtilisation     float64 `json:"server_utilisation"`
	// MachineCPUUSPerRequest is the CPU time of the whole machine: client, server
	// and everything else, so that no work can hide in another process. It
	// includes the start of the client.
	MachineCPUUSPerRequest float64 `json:"machine_cpu_us_per_request"`
	Library                string  `json:"library"`
}

// row sums up the rounds, at least one.
func (m *measurement) row() Row {
	row := Row{
		Client: m.client.Name, Depth: m.cell.Depth, BodyBytes: m.cell.Body, TLS: m.cell.TLS,
		RTTMS:              float64(m.cell.RTT) / float64(time.Millisecond),
		SyscallsPerRequest: m.syscalls, TLSRecordsPerRequest: m.records,
		Library: m.rounds[0].document.Library,
	}
	figure := func(of func(s *sample) float64) float64 {
		values := make([]float64, len(m.rounds))
		for i := range m.rounds {
			values[i] = of(&m.rounds[i])
		}
		return median(values)
	}
	row.RequestsPerSecond = figure(func(s *sample) float64 { return float64(s.document.Requests) / s.document.Seconds })
	row.CPUUSPerRequest = figure(cpuPerRequest)
	row.P50MS = figure(func(s *sample) float64 { return s.document.P50MS })
	row.P99MS = figure(func(s *sample) float64 { return s.document.P99MS })
	row.PeakMemoryBytes = int64(figure(func(s *sample) float64 { return float64(s.document.PeakMemoryBytes) }))
	if m.rounds[0].document.Allocations >= 0 {
		allocations := figure(func(s *sample) float64 { return s.document.Allocations / float64(s.document.Requests) })
		row.AllocsPerRequest = &allocations
	}
	row.ServerCPUUSPerRequest = figure(func(s *sample) float64 {
		return s.serverCPU.Seconds() * 1e6 / float64(m.served(s.document.Requests))
	})
	row.MachineCPUUSPerRequest = figure(func(s *sample) float64 {
		return s.machineCPU.Seconds() * 1e6 / float64(m.served(s.document.Requests))
	})
	row.ServerUtilisation = min(1, row.ServerCPUUSPerRequest*row.RequestsPerSecond/1e6)
	row.ServerLimited = row.ServerUtilisation > busy
	row.Spread = spread(costs(m.rounds))
	return row
}

// served returns how many requests the server has seen in a round.
func (m *measurement) served(requests int) int {
	if m.client.Program == "h2load" {
		return 1 + 2*requests // see there
	}
	return m.warmup() + requests
}

func cpuPerRequest(s *sample) float64 {
	return s.document.CPUSeconds * 1e6 / float64(s.document.Requests)
}

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread returns the distance of the extremes divided by the median; 0 if the
// median is 0.
func spread(values []float64) float64 {
	middle := median(values)
	if middle == 0 {
		return 0
	}
	return math.Abs((slices.Max(values) - slices.Min(values)) / middle)
}
