package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable writes the rows for people, and notes below them.
func (r *Result) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "client\tdepth\tbody\ttls\trtt ms\tCPU µs/req\t±\treq/s\tp50 ms\tp99 ms\tsyscalls\tallocs\trecords\tpeak MB\tserver\tmachine µs\t")
	for _, row := range r.Rows {
		server := fmt.Sprintf("%.0f %%", row.ServerUtilisation*100)
		if row.ServerLimited {
			server = "limits"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%g\t%.1f\t%.0f %%\t%.0f\t%.3f\t%.3f\t%s\t%s\t%s\t%.1f\t%s\t%.1f\t\n",
			row.Client, row.Depth, row.BodyBytes, row.TLS, row.RTTMS, row.CPUUSPerRequest, row.Spread*50,
			row.RequestsPerSecond, row.P50MS, row.P99MS, optional(row.SyscallsPerRequest),
			optional(row.AllocsPerRequest), optional(row.TLSRecordsPerRequest), float64(row.PeakMemoryBytes)/1e6, server,
			row.MachineCPUUSPerRequest)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, line := range r.LeftOut {
		fmt.Fprintf(w, "left out: %s\n", line)
	}
	if !r.Separate {
		fmt.Fprintln(w, "client and server shared the only core: compare rows, do not trust figures")
	}
	return nil
}

func optional(value *float64) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *value)
}

// WriteJSON writes the rows for programs, and the changes if two states are compared.
func (r *Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Rows    []Row    `json:"rows"`
		Changes []Change `json:"changes,omitempty"`
	}{r.Rows, r.Changes()})
}
